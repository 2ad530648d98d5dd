"""What a file says about its picture; damaged metadata is a warning or nothing at all."""

import struct
import time

import pytest
from PIL import ExifTags
from PIL.TiffImagePlugin import IFDRational

from imaging.errors import Rejection
from imaging.exchange import LONGEST_TEXT, Credits
from imaging.pictures.metadata import (
    DAMAGED_EXIF,
    LONGEST_XMP,
    XMP_TAGS,
    _text,
    _xmp_credits,
    _xmp_value,
    credits_of,
)
from imaging.recipe.spec import RenditionSpec
from tests.builders import (
    CANVAS,
    CORNER,
    HALF,
    decoded,
    exif,
    gif,
    iptc_record,
    jpeg_segment,
    jpeg_with,
    mean_difference,
    opened,
    photoshop_segment,
    png_chunk,
    png_with,
    renditions_of,
    saved,
    scene,
    see_through,
    still,
    tiff,
    worst_difference,
)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_nobody_defined_turns_nothing(orientation: int) -> None:
    body = saved(scene(), "png", exif=exif(Orientation=orientation))
    assert decoded(body).size == scene().size
    assert worst_difference(still(body), scene()) == 0


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_an_orientation_that_only_xmp_tells_turns_nothing_as_in_browsers(name: str) -> None:
    xmp = b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    body = saved(scene(), name, **({} if name == "png" else {"xmp": xmp}))
    if name == "png":
        body = png_with(body, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    assert still(body).size == scene().size


def test_broken_exif_is_a_warning() -> None:
    for body in (
        png_with(saved(scene(), "png"), b"eXIf", b"MM\0*\xff\xff"),
        saved(scene(), "webp", lossless=True, exif=b"Exif\0\0MM\0*\xff\xff"),
    ):
        picture = decoded(body)
        assert picture.warnings == (DAMAGED_EXIF,)
        assert worst_difference(picture.frames[0], scene()) == 0


def test_broken_exif_of_a_jpeg_which_pillow_forgives_is_no_reason_to_reject() -> None:
    body = jpeg_with(saved(scene(), "jpeg"), jpeg_segment(0xE1, b"Exif\0\0" + b"MM\0*\xff\xff"))
    assert mean_difference(still(body), scene()) < 9


@pytest.mark.parametrize(("repeats", "plays"), [(-1, 1), (0, 0), (1, 2), (4, 5), (65535, 65535)])
def test_a_gif_says_how_often_it_repeats_and_not_how_often_it_plays(repeats: int, plays: int) -> None:
    assert decoded(gif(CANVAS, [(HALF, 1, 1, 10), (CORNER, 2, 1, 10)], repeats)).loop == plays


def test_credits_are_read_from_exif() -> None:
    credits = decoded(saved(scene(), "jpeg", exif=exif(Copyright="2026 The Paper", Artist="Ada Lens"))).credits
    assert (credits.copyright, credits.artist) == ("2026 The Paper", "Ada Lens")


def test_credits_in_exif_may_be_utf_8() -> None:
    utf_8 = exif(Copyright="© Jürgen Groß".encode(), Artist="名前".encode())
    credits = decoded(saved(scene(), "jpeg", exif=utf_8)).credits
    assert (credits.copyright, credits.artist) == ("© Jürgen Groß", "名前")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_credits_are_read_from_iptc(encoding: str) -> None:
    records = {116: "© Agentur", 80: "Jörg Ñandú", 110: "Agentur/Jörg"}
    iptc = b"".join(iptc_record(dataset, text.encode(encoding)) for dataset, text in records.items())
    credits = decoded(jpeg_with(saved(scene(), "jpeg"), photoshop_segment(iptc))).credits
    assert credits == Credits("© Agentur", "Jörg Ñandú", "Agentur/Jörg")


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "avif"])
def test_credits_are_read_from_xmp(name: str) -> None:
    packet = (
        '<x:xmpmeta><rdf:Description photoshop:Credit="A &amp; B"><dc:creator><rdf:Seq><rdf:li>Ada\nLens</rdf:li>'
        "</rdf:Seq></dc:creator><dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>© 2026</rdf:li></rdf:Alt></dc:rights>"
        "</rdf:Description></x:xmpmeta>"
    ).encode()
    body = (
        png_with(saved(scene(), name), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
        if name == "png"
        else saved(scene(), name, **({"tiffinfo": {700: packet}} if name == "tiff" else {"xmp": packet}))
    )
    assert decoded(body).credits == Credits("© 2026", "Ada Lens", "A & B")


def test_exif_is_believed_before_iptc() -> None:
    body = saved(scene(), "jpeg", exif=exif(Copyright="in EXIF"))
    iptc = iptc_record(116, b"in IPTC") + iptc_record(80, b"A. Lens")
    assert decoded(jpeg_with(body, photoshop_segment(iptc))).credits == Credits("in EXIF", "A. Lens", "")


def test_iptc_is_believed_before_xmp_and_a_credit_of_the_editor_before_all() -> None:
    xmp = b'<rdf:Description dc:creator="in XMP" photoshop:Credit="XMP agency"/>'
    body = jpeg_with(saved(scene(), "jpeg", xmp=xmp), photoshop_segment(iptc_record(80, b"in IPTC")))
    assert decoded(body).credits == Credits("", "in IPTC", "XMP agency")
    spec = RenditionSpec("one", formats=("png",))
    for credit, artist in (("", "in IPTC"), ("Editor", "in IPTC")):
        (file,) = renditions_of(body, spec, credit=credit, embed_credit=True).files
        assert opened(file.content).getexif()[ExifTags.Base.Artist] == artist
    (file,) = renditions_of(saved(scene(), "jpeg"), spec, credit="Editor", embed_credit=True).files
    assert opened(file.content).getexif()[ExifTags.Base.Artist] == "Editor"


# -- hostile metadata --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("© A", "© A"),
        ("© A".encode(), "© A"),
        (b"\xa9 A", "© A"),
        (7, "7"),
        ((1, 2, 3), "1, 2, 3"),
        ([b"A", b"B"], "A, B"),
        (["A", b"B"], "A, b'B'"),
        (IFDRational(1, 0), "nan"),
        ({"a": 1}, "{'a': 1}"),
        ((), ""),
        (None, ""),
        ("名", "名"),
        ("\udcff", "?"),
        ("a\0b\r\n\u2028c\u202e", "a b c"),
        ("x" * 5000, "x" * LONGEST_TEXT),
    ],
)
def test_a_credit_of_any_type_becomes_one_line_of_text(value: object, text: str) -> None:
    assert _text(value) == text
    assert Credits(copyright=_text(value))


@pytest.mark.parametrize("tag", [ExifTags.Base.Copyright, ExifTags.Base.Artist, ExifTags.Base.Orientation])
@pytest.mark.parametrize("kind", range(14))
@pytest.mark.parametrize("count", [1, 2, 4])
def test_exif_of_any_type_is_read_or_passed_over(tag: int, kind: int, count: int) -> None:
    directory = struct.pack("<2sHIHHHII4x", b"II", 42, 8, 1, tag, kind, count, 8)
    for body in (
        jpeg_with(saved(scene(), "jpeg"), jpeg_segment(0xE1, b"Exif\0\0" + directory)),
        png_with(saved(scene(), "png"), b"eXIf", directory),
    ):
        assert decoded(body).size in {(96, 64), (64, 96)}


@pytest.mark.parametrize("tag", [34675, 700, 33432, 315, 33723, 274])
@pytest.mark.parametrize("kind", range(1, 17))
def test_a_tag_of_a_tiff_may_have_any_type(tag: int, kind: int) -> None:
    for count in (1, 2, 4):
        body = tiff((4, 4), 3, 8, 2, b"\x40" * 48, (tag, kind, count, 8))
        try:
            assert decoded(body).frames[0].getpixel((1, 1)) == (0x40, 0x40, 0x40)
        except Rejection as fault:
            assert fault.code in {"damaged", "truncated"}  # noqa: PT017  most are read, and no other exception is let by


def test_iptc_may_repeat_a_record() -> None:
    iptc = iptc_record(80, b"Ada") + iptc_record(80, b"Grace") + iptc_record(116, b"") + iptc_record(110, b"\xff\xfe")
    assert decoded(jpeg_with(saved(scene(), "jpeg"), photoshop_segment(iptc))).credits == Credits(
        "", "Ada, Grace", "ÿþ"
    )


NAMES = ("duration", "loop", "gamma", "chromaticity", "icc_profile", "srgb", "exif", "xmp", "photoshop", "dpi")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [b"", b"7", b"hello"])
@pytest.mark.parametrize("late", [False, True], ids=["first", "between two frames"])
def test_a_text_in_a_png_may_have_the_name_of_a_fact(name: str, value: bytes, late: bool) -> None:
    body = saved(scene(), "png", save_all=True, append_images=[see_through(), scene()], duration=40)
    at = body.rindex(b"fdAT") - 4 if late else 33
    picture = decoded(body[:at] + png_chunk(b"tEXt", name.encode() + b"\0" + value) + body[at:])
    assert worst_difference(picture.frames[0], scene()) == 0
    assert len(picture.frames) == 3


@pytest.mark.parametrize(
    "piece",
    ["<dc:creator>", 'dc:rights="', "<dc:rights>&", "<", "<dc:creator><", "</dc:creator>", "<dc:creator>a</dc:"],
)
def test_hostile_xmp_takes_a_time_that_grows_with_its_length_alone(piece: str) -> None:
    class Counted(str):
        """XMP that counts the characters that a search has walked over."""

        __slots__ = ()
        walked = 0

        def find(self, wanted: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
            at = super().find(wanted, start, len(self) if end is None else end)
            Counted.walked += (at if at >= 0 else min(len(self), len(self) if end is None else end)) - start
            return at

    for packet in (piece * (LONGEST_XMP // len(piece)), "<dc:creator>" + piece * (LONGEST_XMP // len(piece))):
        Counted.walked = 0
        for tag in XMP_TAGS:
            _xmp_value(Counted(packet), tag)
        assert Counted.walked <= 3 * len(XMP_TAGS) * LONGEST_XMP
        began = time.process_time()
        body = jpeg_with(saved(scene(8, 8), "jpeg"))
        image = opened(body)
        image.info["xmp"] = packet.encode()
        _xmp_credits(image)
        assert time.process_time() - began < 0.2


def test_no_more_xmp_is_searched_than_editors_write() -> None:
    image = opened(saved(scene(8, 8), "jpeg"))
    creator = b"<dc:creator>Ada</dc:creator>"
    for before, artist in ((LONGEST_XMP - len(creator), "Ada"), (LONGEST_XMP, "")):
        image.info["xmp"] = b" " * before + creator
        assert credits_of(image) == Credits("", artist, "")


@pytest.mark.parametrize(
    ("packet", "artist"),
    [
        ("<dc:creator>A</dc:creator><dc:creator>B</dc:creator>", "A"),
        ("<dc:creator>never closed", ""),
        ('<dc:creator>never closed <a dc:creator="B">', "B"),
        (f"<dc:creator>{'A' * 2000}</dc:creator>", ""),
        (f"<dc:creator>{'A' * 1980}</dc:creator>", "A" * LONGEST_TEXT),
        ('dc:creator="never closed', ""),
        ('dc:creator="&lt;b&gt;A &amp;amp; B&#10;"', "<b>A &amp; B"),
        ("<dc:creator><!ENTITY a 'b'>&a;&#x110000;&#0;</dc:creator>", "&a;\ufffd\ufffd"),
    ],
)
def test_xmp_is_searched_as_text(packet: str, artist: str) -> None:
    assert decoded(saved(scene(8, 8), "jpeg", xmp=packet.encode())).credits.artist == artist
