"""What a file declares of its colours: a profile or numbers, and whether there is light brighter than white.

What goes before what is as PNG (third edition, 4.3) and ISO 23008-12 (6.5.5) have it. Nothing declared is sRGB.
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import ExifTags, Image

from imaging.formats import Format
from imaging.pictures.animation import chunks
from imaging.pictures.boxes import items_of
from imaging.pictures.gainmaps import has_gain_map
from imaging.pictures.jpeg import SCAN, segments
from imaging.pictures.libraries import LibraryError, library_call
from imaging.pictures.numbers import (
    ADOBE_RGB,
    HLG,
    PQ,
    SRGB,
    SRGB_CURVE,
    Curve,
    Numbers,
    Primaries,
    UnknownNumbersError,
    curve_of,
    numbers_by_code,
    power,
)
from imaging.pictures.profiles import profile_of
from imaging.pictures.tiff import Layout, full_page

UNKNOWN = "The file gives its colours as numbers that no screen has; treated as sRGB."
INCOMPLETE = "The colour profile is incomplete; treated as sRGB."
GUESSED = (
    "The file says that its colours are not sRGB, but not which they are; treated as Adobe RGB, as cameras mean it."
)
UNTOLD = "The file says that its colours are not sRGB, but not which they are; treated as sRGB."
HDR = "The picture has a high dynamic range (HDR); its renditions have the standard range, so bright parts are dimmed."
GAIN_MAP = "The picture has a gain map for a high dynamic range (HDR); its renditions have the standard range."

ICC_SEGMENT, ICC_MARK = 0xE2, b"ICC_PROFILE\0"
SRGB_GAMMA = 45_455
"""What PNG stores for 1 / 2.2, the exponent nearest to sRGB's curve."""
ADOBE_GAMMA = 563 / 256
IS_SRGB, ADOBE, UNCALIBRATED = 1, 2, 65_535
"""EXIF's colour spaces. Some cameras write the second, which no standard has."""
WHITE, PRIMARIES, TRANSFER = 318, 319, 301
"""Tags of a TIFF (TIFF 6.0, section 20)."""
SHORT, FRACTION = 3, 5
MOST_VALUES = 3 << 16
"""Values of a tag that are looked at: three curves for 16 bits have as many."""
SRGB_POINTS = (*SRGB.red, *SRGB.green, *SRGB.blue)

Code = tuple[int, int, bool]
"""Primaries and transfer (ITU-T H.273), and whether black is 16 and white 235."""
Reader = Callable[[Image.Image, bytes, list[str]], Numbers | None]


@dataclass(frozen=True, slots=True)
class Colours:
    """A profile, as whatever a library gave for it, or None for sRGB; and whether there is a high dynamic range."""

    icc: object = None
    hdr: bool = False
    warnings: tuple[str, ...] = ()


def colours_of(image: Image.Image, format: Format, body: bytes) -> Colours:
    """What the file in `body`, opened as `image`, declares."""
    icc, warnings = image.info.get("icc_profile"), list[str]()
    numbers = None
    try:
        if format.name == "jpeg" and (icc := jpeg_profile(body)) == b"":
            warnings.append(INCOMPLETE)
        else:
            numbers = _numbers(image, format, body, icc, warnings)
        if numbers:
            icc = None if numbers.are_srgb else profile_of(numbers)
    except UnknownNumbersError:
        if not icc:
            warnings.append(UNKNOWN)
    hdr = bool(numbers and numbers.hdr)
    if hdr:
        warnings.append(HDR)
    elif has_gain_map(body, format):
        warnings.append(GAIN_MAP)
    return Colours(icc, hdr or GAIN_MAP in warnings, tuple(warnings))


def _numbers(image: Image.Image, format: Format, body: bytes, icc: object, warnings: list[str]) -> Numbers | None:
    """The numbers to show the picture by; None where that is a profile, or nothing is declared."""
    if image.mode == "CMYK":
        return None
    code = CODES[format.name](body) if format.name in CODES else None
    if not code and isinstance(icc, bytes):
        code = _code_in(icc)
    if code and (not icc or format.name == "png" or code[1] in (PQ, HLG)):
        return numbers_by_code(code[0], code[1], narrow=code[2])
    return None if icc or format.name not in NUMBERS else NUMBERS[format.name](image, body, warnings)


# -- profiles ----------------------------------------------------------------------------------------------


def jpeg_profile(body: bytes) -> bytes | None:
    """The profile in a JPEG; empty where a piece of it is missing.

    Of a piece that comes twice the first is taken, as browsers do. Pillow takes both.
    """
    pieces: dict[int, bytes] = {}
    count = 0
    for kind, start, end in segments(body):
        if kind == SCAN:
            break
        content = start + 2
        if kind == ICC_SEGMENT and body[content : content + 12] == ICC_MARK and content + 14 <= end:
            number, count = body[content + 12], count or body[content + 13]
            pieces.setdefault(number, body[content + 14 : end])
    if not pieces:
        return None
    # Some programs number the only piece 0 of 0.
    numbers = range(1, count + 1) if count else sorted(pieces)
    return b"".join(pieces[number] for number in numbers) if pieces.keys() >= set(numbers) else b""


def _code_in(icc: bytes) -> Code | None:
    """The code that a profile holds beside its curves, where it is one of high dynamic range (ICC.1:2022, 9.2.17).

    Curves say of their brightest value that it is white, which makes of a page a grey one.
    """
    tags = min(100, int.from_bytes(icc[128:132], "big"))
    for at in range(132, 132 + 12 * tags, 12):
        if icc[at : at + 4] == b"cicp":
            start = int.from_bytes(icc[at + 4 : at + 8], "big")
            code = icc[start + 8 : start + 12]
            return (code[0], code[1], code[3] == 0) if len(code) == 4 and code[1] in (PQ, HLG) else None
    return None


# -- codes -------------------------------------------------------------------------------------------------


def _cicp(body: bytes) -> Code | None:
    code = _png_colours(body).get(b"cICP", b"")
    return (code[0], code[1], code[3] == 0) if len(code) == 4 else None


def _nclx(body: bytes) -> Code | None:
    """What stands in a box `colr`. Its range is of brightness and colour apart, and has been undone by the decoder."""
    for content in items_of(body).of_primary(b"colr"):
        if content[:4] == b"nclx" and len(content) >= 8:
            return int.from_bytes(content[4:6], "big"), int.from_bytes(content[6:8], "big"), False
    return None


CODES: Mapping[str, Callable[[bytes], Code | None]] = {"png": _cicp, "avif": _nclx, "heic": _nclx}
"""Where formats keep a code."""


# -- other numbers -----------------------------------------------------------------------------------------


def _png_colours(body: bytes) -> dict[bytes, bytes]:
    """The first of each chunk before the pixels that tells of colours."""
    found: dict[bytes, bytes] = {}
    for kind, content in chunks(memoryview(body)):
        if kind == b"IDAT":
            break
        if kind in (b"cICP", b"sRGB", b"gAMA", b"cHRM"):
            found.setdefault(kind, bytes(content[:32]))
    return found


def _gama_and_chrm(_image: Image.Image, body: bytes, _warnings: list[str]) -> Numbers | None:
    """What both chunks say. A gamma as sRGB's beside its primaries means sRGB, whose curve is no exponent."""
    found = _png_colours(body)
    gamma, points = int.from_bytes(found.get(b"gAMA", b"")[:4], "big"), found.get(b"cHRM", b"")
    if b"sRGB" in found or not (gamma or points):
        return None
    values = [int.from_bytes(points[at : at + 4], "big") / 100_000 for at in range(0, len(points), 4)]
    primaries = _primaries(values) if points else SRGB
    near = not gamma or (abs(gamma / SRGB_GAMMA - 1) <= 0.05 and primaries.is_near(SRGB))
    return Numbers(primaries, (SRGB_CURVE if near else curve_of(power(100_000 / gamma)),))


def _tags(image: Image.Image, body: bytes, warnings: list[str]) -> Numbers | None:
    """What the tags of a TIFF say; in place of one that is missing, what sRGB has."""
    _, page = full_page(body)
    white, points, table = (_values(page, tag) for tag in (WHITE, PRIMARIES, TRANSFER))
    if white is points is table is None:
        return _adobe_rgb(image, body, warnings)
    primaries = _primaries([*(white or SRGB.white), *(points or SRGB_POINTS)])
    return Numbers(primaries, _curves(table) if table else (SRGB_CURVE,))


def _values(page: Layout, tag: int) -> Sequence[float] | None:
    """The fractions or short numbers of a tag; None where the page does not have it."""
    if tag not in page.raw:
        return None
    kind, count, content = page.raw[tag]
    if kind not in (SHORT, FRACTION) or not 0 < count <= MOST_VALUES:
        raise UnknownNumbersError(f"{count} values of type {kind}")
    if kind == SHORT:
        return struct.unpack(f"{page.order}{count}H", content)
    parts = struct.unpack(f"{page.order}{2 * count}I", content)
    return [above / (below or math.nan) for above, below in zip(parts[::2], parts[1::2], strict=True)]


def _primaries(values: Sequence[float]) -> Primaries:
    """Eight numbers: x and y of white, red, green and blue."""
    if len(values) != 8:
        raise UnknownNumbersError(f"{len(values)} numbers")
    white, red, green, blue = ((values[at], values[at + 1]) for at in range(0, 8, 2))
    return Primaries(white, red, green, blue)


def _curves(values: Sequence[float]) -> tuple[Curve, ...]:
    """A curve for all channels or one for each, of 16 bits at every value that the samples can have."""
    count = 3 if len(values) % 3 == 0 else 1
    size = len(values) // count
    if size < 2:
        raise UnknownNumbersError("a curve of a single point")
    curves = []
    for first in range(0, len(values), size):
        curve = tuple(values[first + round(value * (size - 1) / 255)] / 65_535 for value in range(256))
        if not all(0 <= one <= other <= 1 for one, other in pairwise(curve)) or curve[-1] < 0.5:
            raise UnknownNumbersError("a curve that falls, or ends in the dark")
        curves.append(curve)
    return tuple(curves)


# -- EXIF --------------------------------------------------------------------------------------------------


def _space(image: Image.Image) -> tuple[object, str]:
    """The colour space and the interoperability index."""
    try:
        with library_call():
            exif = image.getexif()
            space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
            return space, str(exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex, ""))
    except LibraryError:
        return None, ""


def _adobe_rgb(image: Image.Image, _body: bytes, _warnings: list[str]) -> Numbers | None:
    """Adobe RGB, where EXIF names it as cameras do (CIPA DC-008, 4.6.5; DCF 2.0)."""
    space, index = _space(image)
    named = space == ADOBE or (space != IS_SRGB and "R03" in index)
    return Numbers(ADOBE_RGB, (curve_of(power(ADOBE_GAMMA)),)) if named else None


def _adobe_rgb_or_guess(image: Image.Image, body: bytes, warnings: list[str]) -> Numbers | None:
    """The same of a JPEG, whose EXIF may say that it is not sRGB and no more. Photoshop writes so of any colours."""
    if numbers := _adobe_rgb(image, body, warnings):
        return numbers
    space, index = _space(image)
    if space != UNCALIBRATED or index:
        return None
    if "photoshop" in image.info:
        warnings.append(UNTOLD)
        return None
    warnings.append(GUESSED)
    return Numbers(ADOBE_RGB, (curve_of(power(ADOBE_GAMMA)),))


NUMBERS: Mapping[str, Reader] = {
    "png": _gama_and_chrm,
    "tiff": _tags,
    "webp": _adobe_rgb,
    "jpeg": _adobe_rgb_or_guess,
}
"""Where formats keep other numbers."""
