"""Turns PNG files into bare pixels, `STEM-WIDTHxHEIGHT.rgb`, so that the codec floor decodes nothing twice."""

import sys
from pathlib import Path

from PIL import Image


def main(out: str, folder: str) -> None:
    """Write the pixels of each PNG in `folder` into `out`."""
    for file in Path(folder).glob("*.png"):
        with Image.open(file) as image:
            name = f"{file.stem}-{image.width}x{image.height}.rgb"
            Path(out, name).write_bytes(image.convert("RGB").tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
