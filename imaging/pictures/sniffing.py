"""What a file is, by its first bytes; its name and the uploader's Content-Type are only claims."""

from imaging.errors import unknown_format, unsupported
from imaging.formats import FORMATS, REGISTER, Format

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

REFUSED = (
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop (PSD)"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"FUJIFILMCCD-RAW", "camera RAW"),
    (b"IIU\x00", "camera RAW"),
    (b"IIRO", "camera RAW"),
    (b"FORM", "IFF"),
    (b"gimp xcf", "GIMP (XCF)"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"qoif", "QOI"),
    (b"DDS ", "DirectDraw (DDS)"),
    (b"icns", "ICNS"),
    (b"PK\x03\x04", "ZIP or Office"),
    (b"\x1f\x8b", "gzip"),
    (b"\xd7\xcd\xc6\x9a", "Windows metafile"),
    (b"RIFF", "video or sound"),
    (b"\x1a\x45\xdf\xa3", "video"),
    (b"\x00\x00\x01\xba", "video"),
)


def sniff(body: bytes) -> Format:
    """The format of a file; raises a Rejection for what is not opened here."""
    name = _name_of(body)
    if not FORMATS[name].opened:
        raise unsupported(FORMATS[name].spoken)
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
            raise unsupported("camera RAW")
        return "tiff"
    if head[4:8] == b"ftyp":
        return _iso_name_of(body)
    for magic, spoken in REFUSED:
        if head.startswith(magic):
            raise unsupported(spoken)
    text = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml")) or b"<svg" in text:
        raise unsupported("SVG")
    if text.startswith((b"<!doctype html", b"<html")):
        raise unsupported("HTML")
    raise unknown_format(each.spoken for each in REGISTER if each.opened)


def _iso_name_of(body: bytes) -> str:
    size = min(int.from_bytes(body[:4], "big"), 256)
    brands = [body[8:12], *(body[at : at + 4] for at in range(16, size, 4))]
    for brand in brands:
        if brand in ISO_BRANDS:
            return ISO_BRANDS[brand]
    if brands[0] in (b"mif1", b"msf1"):
        return "heic"
    raise unsupported("camera RAW" if brands[0] == b"crx " else "video")


def is_raw_tiff(body: bytes) -> bool:
    """Whether a TIFF is a camera's raw file: its first page is then a preview, and no picture to publish.

    DNG says so itself (tag 50706); others keep the picture in sub-pages (330) and mark the first page as
    reduced (254, bit 0); TIFF/EP, ISO 12234-2.
    """
    order = "little" if body[:1] == b"I" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(body[at : at + size], order)  # type: ignore[arg-type]

    if number(2, 2) != 42:
        return False
    start = number(4, 4)
    entries = range(start + 2, start + 2 + 12 * min(number(start, 2), 200), 12)
    # A value is as long as its type, 3 for a short and 4 for a long, and stands at the left of its field.
    tags = {number(at, 2): number(at + 8, 2 if number(at + 2, 2) == 3 else 4) for at in entries}
    return 50706 in tags or (330 in tags and bool(tags.get(254, 0) & 1))
