"""What a file is, by its first bytes; its name and the uploader's Content-Type are only claims."""

import re

from imaging.errors import Rejection, unknown_format, unsupported
from imaging.formats import FORMATS, REGISTER, Format
from imaging.pictures import foreign

ISO_BRANDS = {
    b"avif": "avif",
    b"avis": "avif",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "heic"),
}
"""Brands of ISO 14496-12 files that are still pictures we open."""

MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),  # an MPO or gain-map file too: the first picture in it is the picture
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
)
"""First bytes that are enough to know a format."""

SVG_WITHIN = 4096
"""Bytes in which a drawing must begin; comments and a document type may come first."""


def sniff(body: bytes) -> Format:
    """The format of a file; raises a Rejection for what is not opened here."""
    name = _name_of(body)
    if not FORMATS[name].opened:
        raise unsupported(f"a {FORMATS[name].spoken} file", foreign.CONVERT)
    return FORMATS[name]


def _name_of(body: bytes) -> str:
    head = body[:64]
    for magic, name in MAGIC:
        if head.startswith(magic):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")):
        if head[8:10] == b"CR" or is_raw_tiff(body):
            raise _raw_photo(body)
        return "tiff"
    if head[4:8] == b"ftyp":
        return _iso_name_of(body)
    if re.search(rb"<svg[\s>]", body[:SVG_WITHIN], re.IGNORECASE):
        raise unsupported("an SVG drawing", foreign.EXPORT)
    raise next(foreign.refuse(body), unknown_format(each.spoken for each in REGISTER if each.opened))


def _iso_name_of(body: bytes) -> str:
    size = min(int.from_bytes(body[:4], "big"), 256)
    brands = [body[8:12], *(body[at : at + 4] for at in range(16, size, 4))]
    for brand in brands:
        if brand in ISO_BRANDS:
            return ISO_BRANDS[brand]
    if brands[0] in (b"mif1", b"msf1"):
        return "heic"
    raise foreign.of_brand(brands[0])


def _raw_photo(body: bytes) -> Rejection:
    """The rejection of a camera's raw TIFF, by the maker whose name stands near its beginning."""
    head = b"canon" if body[8:10] == b"CR" else body[:65_536]
    return foreign.raw_photo(head, dng=DNG_VERSION in _first_tags(body))


DNG_VERSION, SUB_PAGES, PAGE_KIND = 50706, 330, 254
"""Numbers of tags (TIFF/EP, ISO 12234-2; Adobe DNG)."""


def is_raw_tiff(body: bytes) -> bool:
    """Whether a TIFF is a camera's raw file: its first page is then a preview, and no picture to publish.

    DNG says so itself; others keep the picture in sub-pages and mark the first page as reduced.
    """
    tags = _first_tags(body)
    return DNG_VERSION in tags or (SUB_PAGES in tags and bool(tags.get(PAGE_KIND, 0) & 1))


def _first_tags(body: bytes) -> dict[int, int]:
    """The first value of each tag in the first directory of a TIFF."""
    order = "little" if body[:1] == b"I" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(body[at : at + size], order)  # type: ignore[arg-type]

    if number(2, 2) != 42:
        return {}
    start = number(4, 4)
    entries = range(start + 2, start + 2 + 12 * min(number(start, 2), 200), 12)
    # A value is as long as its type, 3 for a short and 4 for a long, and stands at the left of its field.
    return {number(at, 2): number(at + 8, 2 if number(at + 2, 2) == 3 else 4) for at in entries}
