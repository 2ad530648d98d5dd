"""libvips through pyvips: `each` makes one thumbnail per file, `chain` decodes once and goes from width to width."""

import sys
from pathlib import Path
from typing import Any

import pyvips

WIDTHS = (1920, 1280, 640, 320)
ANY = 10_000_000
"""A height that never bounds: thumbnail fits into a box."""
JPEG: dict[str, Any] = {"Q": 80, "keep": "none"}
CODINGS: dict[str, dict[str, dict[str, Any]]] = {
    "defaults": {"jpeg": JPEG, "webp": JPEG},
    "equal": {"jpeg": {**JPEG, "interlace": True, "optimize_coding": True}, "webp": {**JPEG, "effort": 4}},
    "lossless": {"png": {"keep": "none"}},
    "animated": {"webp": JPEG},
    "animated-equal": {"webp": {**JPEG, "effort": 4}},
}


def thumbnail(body: bytes, width: int, pages: str) -> pyvips.Image:
    """The photo, upright, at this width at most."""
    return pyvips.Image.thumbnail_buffer(body, width, height=ANY, size="down", option_string=pages)


def save(image: pyvips.Image, out: str, photo: str, width: int, name: str, options: dict[str, Any]) -> None:
    """One file. JPEG has no alpha: it gets a white ground, as ours does."""
    if name == "jpeg" and image.hasalpha():
        image = image.flatten(background=255)
    content = getattr(image, f"{name}save_buffer")(**options)
    Path(out, f"{Path(photo).stem}-{width}.{name}").write_bytes(content)


def main(way: str, coding: str, out: str, *photos: str) -> None:
    """Make the files. An animation's frames lie below each other, which a chain would take for one picture."""
    pages = "n=-1" if coding.startswith("animated") else ""
    for photo in photos:
        body = Path(photo).read_bytes()
        large = None
        for width in WIDTHS:
            if way == "chain" and not pages:
                image = large.thumbnail_image(width, height=ANY, size="down") if large else thumbnail(body, width, "")
                large = image = image.copy_memory()
            for name, options in CODINGS[coding].items():
                save(image if large else thumbnail(body, width, pages), out, photo, width, name, options)


if __name__ == "__main__":
    main(*sys.argv[1:])
