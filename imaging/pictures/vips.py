"""libvips, as far as it scales pictures: pixels in memory in, pixels in memory out.

Of the wheel `pyvips-binary` only the library is used. Its usual Python side, pyvips, comes as a source alone, which
cannot be packaged for another processor.

It starts no thread here, for whoever asks for a strip computes it. A thread that stood before the sandbox locks itself
would not carry the filter of system calls.
"""

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_size_t, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from imaging.pictures.pixels import Pixels

STRIP = 32
"""Rows that are computed at once: few enough for what they are made of to stay in the processor's cache."""
UCHAR, COPY = 0, 1
"""libvips' numbers for eight bits a channel, and for repeating the outermost pixels."""
WHEEL = ("pyvips_binary.*/libvips*", "libvips-42*.dll")
"""Where the wheel puts the library: on Linux and macOS, and on Windows. Its own module would need cffi besides."""


class VipsError(Exception):
    """libvips could not do what it was asked. It reads no file, so that none is to blame."""


class Pipeline:
    """A picture and what shall be done to it. Nothing is computed before `write`."""

    def __init__(self, source: Pixels) -> None:
        self._source = source  # it is not copied
        size = source.width, source.height, source.bands
        length = size[0] * size[1] * size[2]
        self._image: int = _found(library().vips_image_new_from_memory(source.address, length, *size, UCHAR))

    def __del__(self) -> None:
        if hasattr(self, "_image"):
            library().g_object_unref(self._image)

    def extend(self, before: tuple[int, int], behind: tuple[int, int]) -> None:
        """Repeat the first and the last column, and the first and the last row, so many times."""
        if any(before + behind):
            size = self._source.width + before[0] + behind[0], self._source.height + before[1] + behind[1]
            self._then("embed", *map(c_int, before + size), b"extend", c_int(COPY))

    def reduce(self, factors: tuple[float, float], gap: float) -> None:
        """Divide the sides by factors of 1 or more: by averages as far as the `gap`, and the rest by a Lanczos kernel.

        The middle stays where it is, and the sides are rounded.
        """
        across, down = factors
        if down > 1:  # first, for libvips is faster with rows
            self._then("reducev", c_double(down), b"gap", c_double(gap))
        if across > 1:
            self._then("reduceh", c_double(across), b"gap", c_double(gap))

    def write(self, target: Pixels, start: tuple[int, int]) -> None:
        """Compute the part that begins here and has the target's size, into the target."""
        row = target.width * target.bands
        region = _found(library().vips_region_new(self._image))
        try:
            for done in range(0, target.height, STRIP):
                rows = min(STRIP, target.height - done)
                place = start[0], start[1] + done, target.width, rows
                strip = _found(library().vips_region_fetch(region, *place, byref(c_size_t())))
                ctypes.memmove(target.address + done * row, strip, rows * row)
                library().g_free(strip)
        finally:
            library().g_object_unref(region)

    def _then(self, operation: str, *arguments: object) -> None:
        result = c_void_p()
        if getattr(library(), f"vips_{operation}")(self._image, byref(result), *arguments, None):
            raise _failure()
        library().g_object_unref(self._image)  # the result holds it
        self._image = _found(result.value)


def _found(address: int | None) -> int:
    if not address:
        raise _failure()
    return address


def _failure() -> Exception:
    """What libvips has said last, as an exception."""
    text = library().vips_error_buffer().decode(errors="replace").strip()
    library().vips_error_clear()
    return MemoryError(text) if "memory" in text else VipsError(text or "libvips does not say why")


@cache
def library() -> Any:
    """libvips, ready. It keeps no results: what it would keep are addresses of pixels that are gone."""
    places = [Path(folder) for folder in sys.path]
    files = [file for place in places for pattern in WHEEL for file in place.glob(pattern)]
    if not files:
        raise VipsError("libvips is not installed: pyvips-binary brings it")
    vips = ctypes.CDLL(str(files[0]))
    pointer = c_void_p
    for name, answer, *arguments in (
        ("vips_init", c_int, c_char_p),
        ("vips_cache_set_max", None, c_int),
        ("vips_image_new_from_memory", pointer, pointer, c_size_t, c_int, c_int, c_int, c_int),
        ("vips_embed", c_int, pointer, pointer, c_int, c_int, c_int, c_int),
        ("vips_reducev", c_int, pointer, pointer, c_double),
        ("vips_reduceh", c_int, pointer, pointer, c_double),
        ("vips_region_new", pointer, pointer),
        ("vips_region_fetch", pointer, pointer, c_int, c_int, c_int, c_int, POINTER(c_size_t)),
        ("vips_error_buffer", c_char_p),
        ("vips_error_clear", None),
        ("g_object_unref", None, pointer),
        ("g_free", None, pointer),
    ):
        function = getattr(vips, name)
        function.restype, function.argtypes = answer, arguments  # the rest of a call are options, by name
    if vips.vips_init(b"imaging"):
        raise VipsError("libvips does not start")
    vips.vips_cache_set_max(0)
    return vips
