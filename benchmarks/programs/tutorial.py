"""The usual tutorial function: open, thumbnail, save, for each file. It leaves pictures lying as they are stored."""

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image

WIDTHS = (320, 640, 1280, 1920)
CODINGS: dict[str, dict[str, dict[str, Any]]] = {
    "defaults": {"jpeg": {}, "webp": {}},
    "equal": {"jpeg": {"optimize": True, "progressive": True}, "webp": {"method": 4}},
}


def main(coding: str, out: str, *photos: str) -> None:
    """Make the files."""
    for photo in photos:
        body = Path(photo).read_bytes()
        for width in WIDTHS:
            for name, options in CODINGS[coding].items():
                with Image.open(io.BytesIO(body)) as image:
                    image.thumbnail((width, 100_000))
                    buffer = io.BytesIO()
                    image.save(buffer, name, quality=80, **options)
                Path(out, f"{Path(photo).stem}-{width}.{name}").write_bytes(buffer.getvalue())


if __name__ == "__main__":
    main(*sys.argv[1:])
