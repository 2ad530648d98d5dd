"""Whose fault it is: what a picture library raises over a file is the file's, everything else is ours.

So each call of a library on a file stands in one of these blocks, with no code of ours beside it. An exception of our
own escapes, and the loop hands it on to the retry and the alarm.
"""

import ctypes
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any

from PIL import Image

from imaging.errors import Rejection, damaged, swelling_text, truncated
from imaging.formats import FORMATS, Format
from imaging.pictures import vips

CUT_SHORT = ("truncat", "premature", "incomplete", "short", "larger than file")
"""Words by which libraries say that a file ends before its picture does."""

_ERRNO: Any = getattr(ctypes.pythonapi, "__errno_location", None)
"""Where the C library of Linux keeps the number of a thread's last error. Only on Linux do allocations fail."""
if _ERRNO:
    _ERRNO.restype = ctypes.POINTER(ctypes.c_int)


class LibraryError(Exception):
    """A picture library could not do with a file what it was asked; the cause is what it raised."""


@contextmanager
def library_call() -> Iterator[None]:
    """Make a `LibraryError` of whatever the library raises in this block, and a MemoryError of its want of memory.

    Eleven classes of exception came out of 22,945 damaged files, so no list of classes would do. Nor do words tell want
    of memory: libjpeg then speaks of a broken data stream, libwebp of a frame it failed to read. Their allocations
    leave ENOMEM behind (measured for every format), and damaged files do not.
    """
    last_error = _ERRNO().contents if _ERRNO else ctypes.c_int()
    last_error.value = 0
    try:
        yield
    except (MemoryError, ImportError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's own, such as a file that a lock keeps closed: no file has made it
        if last_error.value == errno.ENOMEM:
            raise MemoryError(str(error)) from error
        raise LibraryError(str(error)) from error


@contextmanager
def reading(format: Format) -> Iterator[None]:
    """Reject the file for whatever the library raises over it in this block."""
    try:
        with library_call():
            yield
    except LibraryError as error:
        raise rejection_of(format, error.__cause__ or error) from error.__cause__


def rejection_of(format: Format, error: BaseException) -> Rejection:
    """The rejection of a file over which a library raised `error`."""
    text = str(error).lower()
    if "max_text_chunk" in text:  # Pillow's own limit, which attacks alone reach
        return swelling_text().because(error)
    if isinstance(error, EOFError) or any(words in text for words in CUT_SHORT):
        return truncated(format.spoken).because(error)
    return damaged(format.spoken).because(error)


@lru_cache
def know(format: Format) -> None:
    """Import what opens and saves this format. Asked for one that it does not know, Pillow would import all forty."""
    module = import_module(format.module)
    if format.name == "heic":
        module.register_heif_opener()
    if format.name == "png":
        # Up to 1 MB for each text, as Pillow has it, but not 64 MB for all: metadata is not what memory is for.
        module.MAX_TEXT_MEMORY = 4 << 20  # type: ignore[attr-defined]


LATER = (
    *("ExifTags", "ImageChops", "ImageCms", "ImageColor", "ImageFile", "ImageFilter", "ImageMath", "ImagePalette"),
    *("IptcImagePlugin", "MpoImagePlugin", "TiffTags"),
)
"""What Pillow, besides its plugins, would import at the first use of it."""


def know_all() -> None:
    """Import all that any picture may need, before the sandbox locks itself and can open no file."""
    Image.preinit()
    for format in FORMATS.values():
        know(format)
    for name in LATER:
        import_module(f"PIL.{name}")
    import_module("copy")
    vips.library()
