"""What a file says about its picture: which way up it is, how often it plays, and who made it.

Damaged metadata is a warning or nothing at all, never a reason to lose the picture.
"""

from collections.abc import Mapping
from html import unescape
from typing import Any

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

from imaging.exchange import Credits, one_line
from imaging.formats import Format
from imaging.pictures.libraries import LibraryError, library_call

LONGEST_XMP = 262_144
"""Bytes of XMP that are searched; what editors write is far shorter."""
XMP = ("xmp", "XML:com.adobe.xmp")
"""Where Pillow keeps a file's XMP, by format."""
XMP_TAGS = ("dc:rights", "dc:creator", "photoshop:Credit")
DAMAGED_EXIF = "The EXIF data is damaged; the picture is shown as it is stored."


def orientation_of(image: Image.Image, format: Format, warnings: list[str]) -> int:
    """EXIF's orientation, 1 to 8; 1 where the decoder has turned the picture already."""
    if format.upright:
        return 1
    # Without EXIF Pillow believes XMP, which editors leave behind in pictures they have turned. Browsers do not.
    xmp: dict[Any, Any] = {key: image.info.pop(key) for key in XMP if key in image.info}
    try:
        with library_call():
            value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except LibraryError:
        warnings.append(DAMAGED_EXIF)
        return 1
    finally:
        image.info.update(xmp)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def number_in(image: Image.Image, name: str) -> float:
    """A number that the file gives under this name, 0 where it gives none; a text of a PNG may have any name."""
    value = image.info.get(name)
    return value if isinstance(value, int | float) else 0


def credits_of(image: ImageFile.ImageFile) -> Credits:
    """Copyright, artist and credit out of EXIF, IPTC and XMP, from the first that says it; empty where none does."""
    places = (_exif_credits(image), _iptc_credits(image), _xmp_credits(image))
    return Credits(*(next((text for text in texts if text), "") for texts in zip(*places, strict=True)))


def _exif_credits(image: Image.Image) -> tuple[str, str, str]:
    try:
        with library_call():
            exif = image.getexif()
            copyright, artist = exif.get(ExifTags.Base.Copyright, ""), exif.get(ExifTags.Base.Artist, "")
    except LibraryError:
        return "", "", ""
    return _text(copyright), _text(artist), ""


def _iptc_credits(image: ImageFile.ImageFile) -> tuple[str, str, str]:
    try:
        with library_call():
            iptc: Mapping[Any, Any] = IptcImagePlugin.getiptcinfo(image) or {}
    except LibraryError:
        return "", "", ""
    return _text(iptc.get((2, 116), "")), _text(iptc.get((2, 80), "")), _text(iptc.get((2, 110), ""))


def _xmp_credits(image: Image.Image) -> tuple[str, str, str]:
    """Searched as text: an XML parser would expand entities that somebody else defined."""
    xmp = next((image.info[key] for key in XMP if image.info.get(key)), b"")
    text = xmp[:LONGEST_XMP].decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp)[:LONGEST_XMP]
    rights, creator, credit = (_xmp_value(text, tag) for tag in XMP_TAGS)
    return rights, creator, credit


def _xmp_value(text: str, tag: str) -> str:
    """What stands in the first element or attribute of this name.

    Plain searches take a time that grows with the text alone; a pattern that looks for an end from every beginning
    took a second on hostile XMP.
    """
    start, end = text.find(f"<{tag}>"), -1
    if start >= 0:
        start += len(tag) + 2
        end = text.find(f"</{tag}>", start, start + 2000)
    if end < 0:
        start = text.find(f'{tag}="')
        if start < 0:
            return ""
        start += len(tag) + 2
        end = text.find('"', start, start + 1000)
    return _text(unescape(_without_tags(text[start:end]))) if end >= 0 else ""


def _without_tags(text: str) -> str:
    outside, *pieces = text.split("<")
    return " ".join((outside, *(piece.partition(">")[2] for piece in pieces)))


def _text(value: Any) -> str:
    """One line of readable text, whatever type a library gave for it; Pillow gives None for an empty IPTC record."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        binary = all(isinstance(each, bytes) for each in value)
        value = b", ".join(value) if binary else ", ".join(map(str, value))
    raw = value if isinstance(value, bytes) else _bytes_of(str(value))
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return one_line(text)


def _bytes_of(text: str) -> bytes:
    """EXIF's text is bytes that Pillow read as Latin-1, and UTF-8 as often as not."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode(errors="replace")
