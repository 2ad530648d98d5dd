"""libvips through pyvips: `each` makes one thumbnail per file, `chain` decodes once and goes from width to width."""

import sys
from pathlib import Path

import pyvips

WIDTHS = (1920, 1280, 640, 320)
ANY = 10_000_000
"""A height that never bounds: thumbnail fits into a box."""


def thumbnail(body: bytes, width: int) -> pyvips.Image:
    """The photo, upright, at this width at most."""
    return pyvips.Image.thumbnail_buffer(body, width, height=ANY, size="down")


def save(image: pyvips.Image, out: str, photo: str, width: int, name: str) -> None:
    """One file."""
    options = {"Q": 80, "keep": "none"}
    content = image.jpegsave_buffer(**options) if name == "jpeg" else image.webpsave_buffer(**options)
    Path(out, f"{Path(photo).stem}-{width}.{name}").write_bytes(content)


def main(way: str, out: str, *photos: str) -> None:
    """Make the files."""
    for photo in photos:
        body = Path(photo).read_bytes()
        large = None
        for width in WIDTHS:
            if way == "chain":
                image = large.thumbnail_image(width, height=ANY, size="down") if large else thumbnail(body, width)
                large = image = image.copy_memory()
            for name in ("jpeg", "webp"):
                save(image if way == "chain" else thumbnail(body, width), out, photo, width, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
