"""What a file is by its first bytes, and what is said of one that is not opened."""

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import Rejection
from imaging.formats import FORMATS, REGISTER, Format
from imaging.pictures import foreign, sniffing
from imaging.pictures.sniffing import is_raw_tiff, sniff
from tests.builders import SOURCES, saved, scene, tiff


def refusal_of(body: bytes) -> str:
    with pytest.raises(Rejection) as raised:
        sniff(body)
    assert raised.value.code == "unsupported-format"
    return f"{raised.value.reason} {raised.value.advice}"


@pytest.mark.parametrize("name", SOURCES)
def test_a_picture_is_known_by_its_first_bytes(name: str) -> None:
    assert sniff(SOURCES[name]()) == FORMATS[name]


def test_an_mpo_is_a_jpeg() -> None:
    assert sniff(saved(scene(), "mpo", save_all=True, append_images=[scene()])).name == "jpeg"


def iso(*brands: bytes) -> bytes:
    """The first box of a file of ISO 14496-12: the major brand, a version, the compatible ones."""
    content = brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return struct.pack(">I", len(content) + 8) + b"ftyp" + content


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"])
def test_a_heic_of_any_brand_is_known(brand: bytes) -> None:
    assert sniff(iso(brand)).name == "heic"


@pytest.mark.parametrize("brands", [(b"avif",), (b"avis",), (b"mif1", b"miaf", b"avif"), (b"mif1", b"heic")])
def test_compatible_brands_count_where_the_major_one_says_nothing(brands: tuple[bytes, ...]) -> None:
    assert sniff(iso(*brands)).name == ("heic" if b"heic" in brands else "avif")


def test_big_and_big_endian_tiffs_are_tiffs() -> None:
    for magic in (b"MM\0*", b"II+\0", b"MM\0+"):
        assert sniff(magic + b"\0" * 60).name == "tiff"


def raw(order: str, *entries: tuple[int, int, int]) -> bytes:
    """The head of a TIFF with these directory entries: tag, type (3 short, 4 long), value."""
    body = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, len(entries))
    for tag, kind, value in entries:
        packed = struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        body += struct.pack(order + "HHI", tag, kind, 1) + packed
    return body + b"\0" * 60


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "application/vnd.oasis.opendocument.text" if name == "mimetype" else "content")
    return file.getvalue()


def made_by(maker: bytes) -> bytes:
    return raw("<", (254, 4, 1), (330, 4, 200)) + maker


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<svg />', "an SVG drawing"),
        (b"\n  <SVG>", "an SVG drawing"),
        (b"<?xml version='1.0'?><feed/>", "an XML document"),
        (b"<note>hello</note>", "an XML document"),
        (b"<!DOCTYPE html><html>", "a web page (HTML)"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"%PDF-1.5\n%\xe2\xe3\n/Creator (Adobe Illustrator 27)", "an Illustrator drawing (AI)"),
        (b"%!PS-Adobe-3.0\n%%Creator: Adobe Illustrator", "an Illustrator drawing (AI)"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "an EPS drawing"),
        (b"II*\0\x10\0\0\0CR\x02\0", "a Canon RAW photo (CR2)"),
        (made_by(b"NIKON CORPORATION"), "a Nikon RAW photo (NEF)"),
        (made_by(b"SONY"), "a Sony RAW photo (ARW)"),
        (made_by(b"nobody"), "a camera RAW photo"),
        (raw("<", (50706, 4, 0x01040000)), "a RAW photo (DNG)"),
        (iso(b"crx ", b"isom"), "a Canon RAW photo (CR3)"),
        (iso(b"isom", b"mp42"), "an MP4 video"),
        (iso(b"qt  "), "a QuickTime video (MOV)"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0", "a Matroska video (MKV)"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0\x42\x82\x84webm", "a WebM video"),
        (b"RIFF\0\0\0\0AVI LIST", "an AVI video"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a WAV sound"),
        (b"RIFF\0\0\0\0CDR9", "a video or a sound (RIFF)"),
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document"),
        (zipped("[Content_Types].xml", "ppt/presentation.xml"), "a PowerPoint presentation"),
        (zipped("mimetype"), "an OpenDocument file"),
        (zipped("holiday.jpg"), "a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
        (b"\0\0\2\0" + bytes(40) + b"TRUEVISION-XFILE.\0", "a Windows cursor (CUR)"),
        (b"\0\0\x0a\0" + bytes(40) + b"TRUEVISION-XFILE.\0", "a TGA picture"),
        (bytes(128) + b"DICM", "a medical picture (DICOM)"),
        (b"P6\n4 4\n255\n", "a Netpbm picture (PNM)"),
        *((beginning, what) for beginning, what, _ in foreign.BEGINNINGS),
    ],
)
def test_what_is_not_opened_is_refused_by_its_name_and_with_a_way_out(body: bytes, name: str) -> None:
    words = refusal_of(body)
    assert words.startswith(f"This is {name}, which cannot be opened here. ")
    assert words.endswith(".")
    assert len(words.partition("here. ")[2]) > 20


@pytest.mark.parametrize("body", [b"", b"\xff\xd8", b"dear editor,\nplease find", b"GIF", b"\0" * 100])
def test_what_is_no_picture_is_refused(body: bytes) -> None:
    assert "no picture" in refusal_of(body)


def test_a_picture_that_speaks_of_svg_is_still_a_picture() -> None:
    assert sniff(saved(scene(), "webp", xmp=b"<svg></svg>", exif=b"<svg>")).name == "webp"


@pytest.mark.parametrize("order", ["<", ">"])
def test_camera_raw_in_a_tiff_is_told_from_a_tiff(order: str) -> None:
    assert "(DNG)" in refusal_of(raw(order, (254, 4, 0), (50706, 4, 0x01040000)))
    assert "camera RAW" in refusal_of(raw(order, (254, 4, 1), (330, 4, 200)))  # NEF, ARW
    assert "camera RAW" in refusal_of(raw(order, (254, 3, 1), (330, 4, 200)))
    assert sniff(raw(order, (254, 4, 0), (330, 4, 200))).name == "tiff"  # a picture with smaller ones inside
    assert sniff(raw(order, (254, 4, 1)))  # reduced, and yet all there is
    assert not is_raw_tiff(tiff((2, 1), 1, 8, 1, b"ab"))


@given(st.binary(max_size=300), st.sampled_from([b"", b"II*\0", b"MM\0*", b"\0\0\0\x20ftyp", b"\0\0\0\0ftypmif1"]))
def test_any_bytes_are_a_format_or_a_rejection(body: bytes, head: bytes) -> None:
    try:
        format = sniff(head + body)
    except Rejection:
        return
    assert format.opened
    assert FORMATS[format.name] is format


def test_a_format_that_is_only_written_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    only_written = Format("jpeg", "JPEG 2000", "JPEG2000", "PIL.Jpeg2KImagePlugin", opened=False)
    monkeypatch.setattr(sniffing, "FORMATS", {**FORMATS, "jpeg": only_written})
    assert "This is a JPEG 2000 file" in refusal_of(saved(scene(), "jpeg"))


def test_every_format_that_is_opened_is_named_to_whoever_uploads_something_else() -> None:
    advice = refusal_of(b"dear editor,")
    for format in REGISTER:
        assert (format.spoken in advice) == format.opened, f"{format.spoken} is opened: {format.opened}"
