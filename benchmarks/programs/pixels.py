"""Prepares the codec floor: every rendition's pixels, `STEM-RENDITION-WIDTHxHEIGHT.rgb`, made once and not measured."""

import sys
from pathlib import Path

from benchmarks.programs.job import LIMITS, specs
from imaging.decoding import decode
from imaging.rendering import render


def main(out: str, *photos: str) -> None:
    """Write the pixels into `out`."""
    for photo in photos:
        picture = decode(Path(photo).read_bytes(), specs(), LIMITS)
        for spec, (frame, *_) in render(picture, specs()):
            name = f"{Path(photo).stem}-{spec.width}-{frame.width}x{frame.height}.rgb"
            Path(out, name).write_bytes(frame.convert("RGB").tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
