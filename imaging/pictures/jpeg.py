"""JPEG by its markers: how many scans there are, where they end, and whether pixels are missing.

libjpeg fills what is missing with grey, and Pillow does not hand on that it did. Bytes behind a complete scan change
nothing of the picture; bytes where something is missing do. So a picture that looks as if it lacked something is
decoded once more, with filler at the end of each scan (ITU-T T.81, B.1.1 and F.2.2.5).
"""

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image, ImageFile

from imaging.errors import truncated
from imaging.formats import FORMATS
from imaging.pictures.libraries import reading

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""In entropy-coded data FF stands only before 00 (stuffing) and D0 to D7 (restarts)."""

PROGRESSIVE, START, END, SCAN = 0xC2, 0xD8, 0xD9, 0xDA
IN_A_PICTURE = frozenset({0xC4, 0xCC, SCAN, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})
"""Markers that may follow a scan: tables, more scans, comments, applications' own."""
STRIP = 256
"""Rows of two pictures that are compared at a time, for whole pictures would take memory."""
CORNER = (4, 2)
"""Pixels at the lower right that are looked at; at an eighth of its size a JPEG has one for each of its blocks."""
FILLER = b"\0" + b"\x5a\xa5" * 64
"""Bytes that decode to a pattern. The first keeps an FF before them from becoming a marker."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan: where its marker stands, and where its data end."""

    start: int
    end: int


def segments(body: bytes) -> Iterator[tuple[int, int, int]]:
    """Each segment of the first picture in a JPEG file: its kind, the start of its content, and the end of its data.

    A segment is skipped by its length, so that thumbnails in it, which are JPEGs too, do not count. What follows a scan
    and is no part of a picture is the end.
    """
    at = 2
    while marker := _MARKER.search(body, at):
        kind, start = body[marker.end() - 1], marker.end()
        if kind == END:
            return
        length = int.from_bytes(body[start : start + 2], "big")
        at = start if kind in (0x01, START) else start + max(2, length)
        following = _MARKER.search(body, at) if kind == SCAN else None
        end = (following.start() if following else len(body)) if kind == SCAN else at
        yield kind, start, end
        if kind == SCAN:
            if following is None or body[following.end() - 1] not in IN_A_PICTURE:
                return
            at = end


def scans(body: bytes) -> Iterator[Scan]:
    """The scans of the first picture in a JPEG file."""
    return (Scan(start - 2, end) for kind, start, end in segments(body) if kind == SCAN)


def with_its_end(body: bytes) -> bytes:
    """The first picture in a file that lacks its end marker, with one; raises `truncated` if pixels are missing too."""
    every = list(scans(body))
    if not every:
        raise truncated("JPEG").because("it has no scan")
    ended = body[: every[-1].end] + bytes((0xFF, END))
    if _pixels(ended) != _pixels(_filled(ended)):
        raise truncated("JPEG").because("bytes at the end of its scans change the picture")
    return ended


def refuse_if_filled(image: Image.Image, body: bytes, again: Callable[[ImageFile.ImageFile], object]) -> None:
    """Reject a decoded picture whose end libjpeg made up; `again` sets another file of it up in the same way.

    What libjpeg makes up has one colour from the place of the fault to the lower right corner. A picture with such a
    corner of its own is decoded once more, and found whole.
    """
    left, top = max(0, image.width - CORNER[0]), max(0, image.height - CORNER[1])
    corner = image.crop((left, top, image.width, image.height)).getextrema()
    bands = corner if isinstance(corner[0], tuple) else (corner,)
    if any(low != high for low, high in bands):
        return
    with reading(FORMATS["jpeg"]):
        other = Image.open(io.BytesIO(_filled(body)), formats=[FORMATS["jpeg"].plugin])
    again(other)
    with reading(FORMATS["jpeg"]):
        other.load()
    strips = ((0, top, image.width, min(top + STRIP, image.height)) for top in range(0, image.height, STRIP))
    if any(other.crop(strip).tobytes() != image.crop(strip).tobytes() for strip in strips):
        raise truncated("JPEG").because("its lower end is made up: bytes at the end of its scans change the picture")


def _filled(body: bytes) -> bytes:
    """The file with filler at the end of each scan."""
    pieces, at = [], 0
    for scan in scans(body):
        pieces += [body[at : scan.end], FILLER]
        at = scan.end
    return b"".join((*pieces, body[at:]))


def _pixels(body: bytes) -> bytes:
    """What the file decodes to, as a digest."""
    with reading(FORMATS["jpeg"]):
        image = Image.open(io.BytesIO(body), formats=[FORMATS["jpeg"].plugin])
        image.load()
    return hashlib.sha256(image.tobytes()).digest()


def lacks_scans(body: bytes) -> bool:
    """Whether a progressive JPEG lacks the scans that bring its coefficients to full precision (T.81, G.1.1.1)."""
    components: set[int] = set()
    missing: set[tuple[int, int]] = set()
    for kind, start, _ in segments(body):
        if kind == PROGRESSIVE:
            components = set(body[start + 8 : start + 8 + 3 * body[start + 7] : 3]) if len(body) > start + 7 else set()
            missing = {(each, coefficient) for each in components for coefficient in range(64)}
        elif kind == SCAN and components and len(body) > start + 2:
            behind = start + 3 + 2 * body[start + 2]
            first, last, precision = body[behind : behind + 3].ljust(3, b"\xff")
            if precision & 15 == 0:
                ids = body[start + 3 : behind : 2]
                missing -= {(each, coefficient) for each in ids for coefficient in range(first, last + 1)}
    return bool(missing)
