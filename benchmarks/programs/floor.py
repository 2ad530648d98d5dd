"""The codec floor: decode once at the scale needed, encode every file from pixels made before; nothing between.

`ours` encodes with our settings, `plain` with those that Pillow has by itself at quality 80.
"""

import io
import sys
from pathlib import Path

from PIL import Image

from benchmarks.programs.job import FORMATS, WIDTHS, specs, write
from imaging.decoding import Picture
from imaging.encoding import encode


def main(way: str, pixels: str, out: str, *photos: str) -> None:
    """Make the files."""
    for photo in photos:
        image = Image.open(io.BytesIO(Path(photo).read_bytes()))
        lying = image.getexif().get(0x0112, 1) >= 5
        upright = image.size[::-1] if lying else image.size
        scale = max(WIDTHS) / upright[0]
        image.draft(None, (int(image.width * scale), int(image.height * scale)))
        image.load()
        image.close()
        for file in Path(pixels).glob(f"{Path(photo).stem}-*.rgb"):
            _, rendition, size = file.stem.rsplit("-", 2)
            width, _, height = size.partition("x")
            frame = Image.frombytes("RGB", (int(width), int(height)), file.read_bytes())
            picture = Picture("jpeg", *upright, (frame,))
            for name in FORMATS:
                if way == "ours":
                    content = encode((frame,), name, specs()[0], picture)
                else:
                    buffer = io.BytesIO()
                    frame.save(buffer, name, quality=80)
                    content = buffer.getvalue()
                write(out, photo, int(rendition), name, content)


if __name__ == "__main__":
    main(*sys.argv[1:])
