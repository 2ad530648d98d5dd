"""What a file's bytes say before a library opens it: what the libraries behind Pillow do not check, or check too late.

Nothing here knows a picture. Every loop is bound by the file's length, for each byte of it may be an attack.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Mapping

from imaging.errors import damaged, no_size, too_many_pixels, too_many_scans, truncated
from imaging.formats import Format
from imaging.pictures.jpeg import lacks_scans, scans
from imaging.recipe.spec import Limits


def refuse_many_pixels(width: int, height: int, limits: Limits) -> None:
    """Reject a size that is none, or over the recipe's limit of pixels."""
    if width < 1 or height < 1:
        raise no_size(width, height)
    if width * height > limits.pixels:
        raise too_many_pixels(width, height, limits.pixels)


# -- JPEG --------------------------------------------------------------------------------------------------


def _check_jpeg(body: bytes, limits: Limits) -> None:
    """A progressive JPEG may refine its picture in any number of scans, each as slow as decoding it anew."""
    for count, _ in enumerate(scans(body), 1):
        if count > limits.scans:
            raise too_many_scans(limits.scans)
    if lacks_scans(body):
        raise truncated("JPEG").because("scans that bring it to full precision are missing")


# -- AVIF and HEIC -----------------------------------------------------------------------------------------


def heif_sizes(body: bytes) -> Iterator[tuple[int, int]]:
    """Width and height of each picture in an AVIF or HEIC file, by its `ispe` boxes (ISO 23008-12, 6.5.3).

    libavif calls a picture that is too large for it damaged, and libheif opens it to say so.
    """
    for found in re.finditer(rb"\0\0\0\x14ispe\0{4}(.{4})(.{4})", body, re.DOTALL):
        yield int.from_bytes(found[1]), int.from_bytes(found[2])


def boxes_are_whole(body: bytes) -> bool:
    """Whether the last box of an AVIF or HEIC ends within the file (ISO 14496-12, 4.2)."""
    at = 0
    for _ in range(100):  # they have five or so; a hostile file may have millions
        if not body[at + 4 : at + 8].isalnum():
            return True  # what stands here is no box
        size = int.from_bytes(body[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(body[at + 8 : at + 16], "big")
        at += size
        if at > len(body):
            return False
    return True


def item_names_are_text(body: bytes) -> bool:
    """Whether type and name of every item in a HEIC are UTF-8 (`infe`, ISO 14496-12, 8.11.6)."""
    for entry in re.finditer(rb"(.{4})infe([\2\3]).{3}", body, re.DOTALL):
        start = entry.end() + (4 if entry[2] == b"\2" else 6)  # behind the item's number and its protection
        try:
            body[start : entry.start() + int.from_bytes(entry[1])].decode()
        except UnicodeDecodeError:
            return False
    return True


def _check_avif(body: bytes, limits: Limits) -> None:
    for width, height in heif_sizes(body):
        refuse_many_pixels(width, height, limits)


def _check_heic(body: bytes, limits: Limits) -> None:
    if not boxes_are_whole(body):
        raise truncated("HEIC").because("libheif fills what is missing with green tiles and says nothing")
    if not item_names_are_text(body):
        raise damaged("HEIC").because("pi_heif 1.4.0 makes text of an item's name unchecked, and crashes")
    _check_avif(body, limits)


CHECKS: Mapping[str, Callable[[bytes, Limits], None]] = {
    "jpeg": _check_jpeg,
    "avif": _check_avif,
    "heic": _check_heic,
}
"""What is asked of a file, by its format, before a library sees it. Each raises a Rejection."""


# -- whether anything is missing ---------------------------------------------------------------------------


def _webp_is_cut(body: bytes) -> bool:
    if int.from_bytes(body[4:8], "little") + 8 > len(body) + 1:  # some programs leave out the last padding
        return True
    at = 12
    while at + 8 <= len(body):
        at += 8 + int.from_bytes(body[at + 4 : at + 8], "little")
        if at > len(body):
            return True
        at += at % 2
    return False


def _png_is_cut(body: bytes) -> bool:
    at = 8
    while at + 12 <= len(body):
        if body[at + 4 : at + 8] == b"IEND":
            return False
        at += 12 + int.from_bytes(body[at : at + 4], "big")
    return True


def _bmp_is_cut(body: bytes) -> bool:
    return int.from_bytes(body[2:6], "little") > len(body)


def _jpeg_is_cut(body: bytes) -> bool:
    last = max((scan.end for scan in scans(body)), default=len(body))
    return body[last : last + 2] != b"\xff\xd9"


LENGTHS: Mapping[str, Callable[[bytes], bool]] = {
    "jpeg": _jpeg_is_cut,
    "png": _png_is_cut,
    "webp": _webp_is_cut,
    "bmp": _bmp_is_cut,
    "avif": lambda body: not boxes_are_whole(body),
    "heic": lambda body: not boxes_are_whole(body),
}
"""By format, whether a file is shorter than it says. Libraries often call such a file damaged."""


def is_cut(body: bytes, format: Format) -> bool:
    """Whether the file ends before its own end."""
    return format.name in LENGTHS and LENGTHS[format.name](body)


# -- PNG ---------------------------------------------------------------------------------------------------

_COLOURS = frozenset({b"iCCP", b"cHRM", b"gAMA", b"sRGB", b"pHYs"})
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})


def png_without_extras(body: bytes, *, texts: bool) -> bytes:
    """A whole PNG without its colours, density, damaged extras and, unless they stay, texts; empty if that is the same.

    A reader may ignore these, and what is wrong with them (PNG, third edition, 13.2). The animation stays, for what is
    wrong with it is seen, and a text that swells is an attack.
    """
    left_out = _COLOURS if texts else _COLOURS | _TEXTS
    view = memoryview(body)
    at, kept = 8, [view[:8]]
    while at + 12 <= len(body):
        end = at + 12 + int.from_bytes(view[at : at + 4], "big")
        whole = zlib.crc32(view[at + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big")
        critical = not body[at + 4] & 0x20
        if critical or (whole and body[at + 4 : at + 8] not in left_out):
            kept.append(view[at:end])
        at = end
    bare = b"".join(kept)
    return bare if bare[-8:-4] == b"IEND" and len(bare) < len(body) else b""
