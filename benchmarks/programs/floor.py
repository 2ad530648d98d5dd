"""The codec floor: decode once at the scale needed, encode every file from pixels made before; nothing between.

`PROGRAM CODING PIXELS OUT PHOTO...`; CODING is `ours` for the settings of our defaults, `plain` for those that Pillow
has by itself at quality 80, or `equal`.
"""

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image

WIDTHS = (320, 640, 1280, 1920)
OURS: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 80, "optimize": True, "progressive": True, "subsampling": "4:2:0"},
    "webp": {"quality": 80, "method": 2},
}
CODINGS: dict[str, dict[str, dict[str, Any]]] = {
    "ours": OURS,
    "plain": {"jpeg": {"quality": 80}, "webp": {"quality": 80}},
    "equal": {**OURS, "webp": {"quality": 80, "method": 4}},
}


def main(coding: str, pixels: str, out: str, *photos: str) -> None:
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
            _, width, size = file.stem.rsplit("-", 2)
            across, _, down = size.partition("x")
            frame = Image.frombytes("RGB", (int(across), int(down)), file.read_bytes())
            for name, options in CODINGS[coding].items():
                content = io.BytesIO()
                frame.save(content, name, **options)
                Path(out, f"{Path(photo).stem}-{width}.{name}").write_bytes(content.getvalue())


if __name__ == "__main__":
    main(*sys.argv[1:])
