"""The watermark files of a recipe, opened as rendering opens them: one that does not open fails every upload."""

import io
import warnings
from pathlib import Path

from PIL import Image

from imaging.formats import FORMATS
from imaging.pictures.libraries import LibraryError, library_call

OPENED = ("png", "webp", "jpeg")
LONGEST_SIDE = 4096
"""Pixels that a side may have. The sandbox keeps overlays decoded, 4 bytes a pixel."""
LARGEST = 5_000_000
"""Bytes that a file may have. It travels with every picture to the sandbox."""


class OverlayError(Exception):
    """The file cannot be an overlay; the message goes on after "the file" and says what to do."""


def read(path: Path) -> bytes:
    """The bytes of the file at `path`, which opens as an overlay; OverlayError for every other."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be read for ever
            raise OverlayError("is no file; write the path of a picture, relative to the recipe")
        size = path.stat().st_size
        if size > LARGEST:
            raise OverlayError(f"has {size:,} bytes and can have {LARGEST:,}; export it smaller")
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise OverlayError(f"cannot be read ({reason}); write its path relative to the recipe") from error
    _open(content)
    return content


def _open(content: bytes) -> None:
    spoken = [FORMATS[name].spoken for name in OPENED]
    plugins = [FORMATS[name].plugin for name in OPENED]
    try:
        with warnings.catch_warnings(action="ignore"), library_call():
            image = Image.open(io.BytesIO(content), formats=plugins)
    except LibraryError as error:
        raise OverlayError(f"is no {', '.join(spoken[:-1])} or {spoken[-1]}; export it as {spoken[0]}") from error
    if max(image.size) > LONGEST_SIDE:
        measured = f"{image.width:,} x {image.height:,} pixels and a side can have {LONGEST_SIDE:,}"
        raise OverlayError(f"has {measured}; export it smaller")
    try:
        with warnings.catch_warnings(action="ignore"), library_call():
            image.convert("RGBA")
    except LibraryError as error:
        raise OverlayError(f"is damaged ({error}); export it again as {spoken[0]}") from error
