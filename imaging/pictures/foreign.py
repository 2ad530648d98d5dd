"""Files that are not opened here: how each is known by its bytes, what people call it, and how to get a picture out."""

import re
from collections.abc import Iterator

from imaging.errors import Rejection, unsupported

EXPORT = "Export it as PNG, or a photo as JPEG, and upload that."
PHOTOSHOP = "In Photoshop choose File > Export > Export As, take PNG or JPEG, and upload that."
DEVELOP = "Open it in the camera maker's program or in a photo editor, export it as JPEG, and upload that."
STILL = "Videos belong somewhere else. For a still of it, take a screenshot and upload that as PNG."
PAGE = "Export the page that you want to show as PNG, and upload that."
CONVERT = "Open it in a picture editor, export it as PNG, or a photo as JPEG, and upload that."
UNPACK = "Take the pictures out of it and upload them one by one."
SOUND = "Sound cannot be shown as a picture. Upload a picture for it, such as its cover."

# fmt: off
BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"8BPS", "a Photoshop document (PSD)", PHOTOSHOP),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL picture", CONVERT),
    (b"\xff\x0a", "a JPEG XL picture", CONVERT),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture", CONVERT),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture", CONVERT),
    (b"II\xbc", "a JPEG XR picture", CONVERT),
    (b"\x00\x00\x01\x00", "a Windows icon (ICO)", CONVERT),
    (b"\x00\x00\x02\x00", "a Windows cursor (CUR)", CONVERT),
    (b"icns", "a macOS icon (ICNS)", CONVERT),
    (b"FUJIFILMCCD-RAW", "a Fujifilm RAW photo (RAF)", DEVELOP),
    (b"IIU\x00", "a Panasonic RAW photo (RW2)", DEVELOP),
    (b"IIRO", "an Olympus RAW photo (ORF)", DEVELOP),
    (b"IIRS", "an Olympus RAW photo (ORF)", DEVELOP),
    (b"MMOR", "an Olympus RAW photo (ORF)", DEVELOP),
    (b"FOVb", "a Sigma RAW photo (X3F)", DEVELOP),
    (b"\x00MRM", "a Minolta RAW photo (MRW)", DEVELOP),
    (b"\xc5\xd0\xd3\xc6", "an EPS drawing", EXPORT),
    (b"gimp xcf", "a GIMP document (XCF)", "In GIMP choose File > Export As, take PNG or JPEG, and upload that."),
    (b"v/1\x01", "an OpenEXR picture", CONVERT),
    (b"#?RADIANCE", "a Radiance HDR picture", CONVERT),
    (b"qoif", "a QOI picture", CONVERT),
    (b"BPG\xfb", "a BPG picture", CONVERT),
    (b"DDS ", "a DirectDraw texture (DDS)", CONVERT),
    (b"AT&TFORM", "a DjVu document", PAGE),
    (b"FORM", "an IFF picture", CONVERT),
    (b"SIMPLE  =", "a FITS picture", CONVERT),
    (b"\x0a\x05\x01", "a PCX picture", CONVERT),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)", EXPORT),
    (b"\x01\x00\x00\x00", "a Windows metafile (EMF)", EXPORT),
    (b"\x00\x00\x01\xba", "an MPEG video", STILL),
    (b"\x00\x00\x01\xb3", "an MPEG video", STILL),
    (b"FLV\x01", "a Flash video", STILL),
    (b"\x30\x26\xb2\x75", "a Windows Media video", STILL),
    (b"OggS", "an Ogg video or sound", STILL),
    (b"ID3", "an MP3 sound", SOUND),
    (b"fLaC", "a FLAC sound", SOUND),
    (b"\x1f\x8b", "a file packed with gzip", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
    (b"7z\xbc\xaf", "a 7-Zip archive", UNPACK),
    (b"{\\rtf", "a text document (RTF)", PAGE),
)
"""First bytes, the name with its article, and what to do."""

BRANDS = {
    b"crx ": ("a Canon RAW photo (CR3)", DEVELOP),
    b"qt  ": ("a QuickTime video (MOV)", STILL),
    b"M4A ": ("an M4A sound", SOUND),
    b"3gp4": ("a 3GP video", STILL), b"3gp5": ("a 3GP video", STILL), b"3gp6": ("a 3GP video", STILL),
}
RIFF = {b"AVI ": ("an AVI video", STILL), b"WAVE": ("a WAV sound", SOUND)}
ZIPPED = (
    (b"word/", "a Word document", PAGE), (b"ppt/", "a PowerPoint presentation", PAGE),
    (b"xl/", "an Excel sheet", PAGE), (b"mimetypeapplication/vnd.oasis", "an OpenDocument file", PAGE),
    (b"mimetypeapplication/epub", "an e-book (EPUB)", PAGE),
    (b"mimetypeimage/openraster", "an OpenRaster file", CONVERT),
)
RAW_MAKERS = {
    "canon": "a Canon RAW photo (CR2)", "nikon": "a Nikon RAW photo (NEF)", "sony": "a Sony RAW photo (ARW)",
    "pentax": "a Pentax RAW photo (PEF)", "ricoh": "a Pentax RAW photo (PEF)", "samsung": "a Samsung RAW photo (SRW)",
    "leica": "a Leica RAW photo", "hasselblad": "a Hasselblad RAW photo", "phase one": "a Phase One RAW photo",
}
# fmt: on


def refuse(body: bytes) -> Iterator[Rejection]:
    """The rejection of a file that is known and not opened; nothing for one that nobody knows."""
    head = body[:4096]
    yield from _of_containers(head)
    for magic, what, how in BEGINNINGS:
        if head.startswith(magic):
            yield unsupported(what, how)
    yield from _of_texts(head)
    if body[-18:] == b"TRUEVISION-XFILE.\0":
        yield unsupported("a TGA picture", CONVERT)
    if head[128:132] == b"DICM":
        yield unsupported("a medical picture (DICOM)", CONVERT)
    if re.match(rb"P[1-7]\s", head):
        yield unsupported("a Netpbm picture (PNM)", CONVERT)


def _of_containers(head: bytes) -> Iterator[Rejection]:
    """What stands in a container that many formats use: PDF and PostScript, ZIP, OLE, RIFF, EBML."""
    if head.startswith((b"%PDF", b"%!PS")):
        if b"Illustrator" in head:
            yield unsupported("an Illustrator drawing (AI)", "In Illustrator choose File > Export, take PNG or SVG.")
        pdf = head.startswith(b"%PDF")
        yield unsupported("a PDF document", PAGE) if pdf else unsupported("an EPS drawing", EXPORT)
    if head.startswith(b"PK\x03\x04"):
        for mark, what, how in ZIPPED:
            if mark in head:
                yield unsupported(what, how)
        office = b"[Content_Types].xml" in head
        yield unsupported("an Office document", PAGE) if office else unsupported("a ZIP archive", UNPACK)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        yield unsupported("an Office document", PAGE)
    if head.startswith(b"RIFF"):
        yield unsupported(*RIFF.get(head[8:12], ("a video or a sound (RIFF)", STILL)))
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        yield unsupported("a WebM video" if b"webm" in head else "a Matroska video (MKV)", STILL)


def _of_texts(head: bytes) -> Iterator[Rejection]:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        yield unsupported("a web page (HTML)", "Save the picture from the page, and upload that file.")
    if text.startswith(b"<?xml") or re.match(rb"<[a-z][a-z0-9:_-]*[\s/>]", text):
        yield unsupported("an XML document", PAGE)


def of_brand(brand: bytes) -> Rejection:
    """The rejection of a file in ISO's container (ISO 14496-12) that holds no picture that is opened."""
    return unsupported(*BRANDS.get(brand, ("an MP4 video", STILL)))


def raw_photo(head: bytes, *, dng: bool) -> Rejection:
    """The rejection of a camera's raw photo, by the maker that its beginning names."""
    if dng:
        return unsupported("a RAW photo (DNG)", DEVELOP)
    lower = head.lower()
    what = next((what for name, what in RAW_MAKERS.items() if name.encode() in lower), "a camera RAW photo")
    return unsupported(what, DEVELOP)
