"""Gain maps: a second picture in a file, by which a bright screen shows the first in a high dynamic range."""

from imaging.formats import Format
from imaging.pictures.boxes import items_of
from imaging.pictures.jpeg import SCAN, segments

APP1, APP2 = 0xE1, 0xE2
MOST_PICTURES = 8
"""Pictures of a JPEG file that are looked at: it may hold previews, and a map of distances, before the gain map."""
LONGEST_HEAD = 1 << 18
"""Bytes of each that are looked at; its metadata come first."""
SEVERAL = b"MPF\0"
"""The mark of a JPEG file with several pictures (CIPA DC-007)."""
OF_ADOBE, OF_APPLE = b"http://ns.adobe.com/hdr-gain-map/1.0/", b"urn:com:apple:photo:2020:aux:hdrgainmap"
OF_ISO = b"urn:iso:std:iso:ts:21496:-1"
"""What a gain map calls itself in its XMP, and in a segment of its own (ISO 21496-1)."""


def has_gain_map(body: bytes, format: Format) -> bool:
    """Whether there is one in the file."""
    match format.name:
        case "jpeg":
            return _in_jpeg(body)
        case "avif" | "heic":
            items = items_of(body)
            return b"tmap" in items.kinds.values() or any(b"hdrgainmap" in each for each in items.of_any(b"auxC"))
        case _:
            return False


def _in_jpeg(body: bytes) -> bool:
    marks, at = _marks(body)
    if not marks:
        return False
    for _ in range(MOST_PICTURES):
        at = body.find(b"\xff\xd8\xff", at)  # never within a scan, where no marker follows FF
        if at < 0:
            return False
        if _marks(body[at : at + LONGEST_HEAD])[0] - {SEVERAL}:
            return True
        at += 2
    return False


def _marks(picture: bytes) -> tuple[set[bytes], int]:
    """What a picture's head says of gain maps and other pictures, and where its head ends."""
    found: set[bytes] = set()
    for kind, start, end in segments(picture):
        if kind == SCAN:
            return found, start
        content = picture[start:end] if kind in (APP1, APP2) else b""
        found |= {mark for mark in (SEVERAL, OF_ADOBE, OF_APPLE, OF_ISO) if mark in content}
    return found, len(picture)
