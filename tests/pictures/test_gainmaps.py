"""A gain map is noticed in each way in which phones and programs store one, and nothing else is taken for it."""

import struct
from collections.abc import Sequence

import pytest

from imaging.formats import FORMATS
from imaging.pictures.boxes import MOST, items_of
from imaging.pictures.declarations import GAIN_MAP
from imaging.pictures.gainmaps import has_gain_map
from tests.builders import decoded, jpeg_segment, renditions_of, saved, scene
from tests.cards import box, heic_with, jpeg_of, nclx

XMP = b"http://ns.adobe.com/xap/1.0/\0"
ADOBE = jpeg_segment(0xE1, XMP + b'<a xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>')
APPLE = jpeg_segment(0xE1, XMP + b"<b>urn:com:apple:photo:2020:aux:hdrgainmap</b>")
ISO = jpeg_segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + b"\0" * 4)
SEVERAL = jpeg_segment(0xE2, b"MPF\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
SMALL = scene(16, 16)


@pytest.mark.parametrize(
    ("first", "second"), [([ADOBE, SEVERAL], [ADOBE]), ([ADOBE], [ADOBE]), ([ISO], [ISO]), ([SEVERAL], [APPLE])]
)
def test_a_gain_map_behind_the_picture_is_noticed(first: Sequence[bytes], second: Sequence[bytes]) -> None:
    picture = decoded(jpeg_of(scene(), *first) + jpeg_of(SMALL) + jpeg_of(SMALL, *second))
    assert picture.hdr
    assert picture.warnings == (GAIN_MAP,)


@pytest.mark.parametrize(
    ("first", "second"),
    [([SEVERAL], []), ([SEVERAL], [SEVERAL]), ([], [ADOBE]), ([], [ISO])],
)
def test_another_picture_behind_the_picture_is_no_gain_map(first: Sequence[bytes], second: Sequence[bytes]) -> None:
    picture = decoded(jpeg_of(scene(), *first) + jpeg_of(SMALL, *second))
    assert not picture.hdr
    assert picture.warnings == ()


def test_a_picture_that_has_lost_its_gain_map_has_none() -> None:
    assert not decoded(jpeg_of(scene(), ADOBE, SEVERAL, jpeg_segment(0xEA, jpeg_of(SMALL, ADOBE)))).hdr


def test_what_is_said_of_a_range_comes_with_the_header() -> None:
    assert renditions_of(jpeg_of(scene(), ISO) + jpeg_of(SMALL, ISO)).header.hdr
    assert not renditions_of(jpeg_of(scene())).header.hdr


# -- AVIF and HEIC -----------------------------------------------------------------------------------------


AUXILIARY = box(b"auxC", b"\0" * 4 + b"urn:com:apple:photo:2020:aux:hdrgainmap\0")
ALPHA = box(b"auxC", b"\0" * 4 + b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
HEIC, AVIF = FORMATS["heic"], FORMATS["avif"]


def with_items(*kinds: bytes) -> bytes:
    """The list of pictures of a file that has these."""
    entries = [box(b"infe", b"\2\0\0\0", struct.pack(">HH", number, 0), kind) for number, kind in enumerate(kinds, 1)]
    listed = box(b"iinf", b"\0" * 4, struct.pack(">H", len(entries)), *entries)
    return box(b"ftyp", b"mif1") + box(b"meta", b"\0" * 4, box(b"pitm", b"\0" * 4 + b"\0\1"), listed)


def test_an_auxiliary_gain_map_of_a_heic_is_noticed() -> None:
    picture = decoded(heic_with(AUXILIARY))
    assert picture.hdr
    assert picture.warnings == (GAIN_MAP,)
    assert not decoded(heic_with(ALPHA)).hdr


@pytest.mark.parametrize("format", [HEIC, AVIF])
def test_a_picture_made_with_a_gain_map_is_noticed(format: object) -> None:
    assert has_gain_map(with_items(b"av01", b"tmap"), format)  # type: ignore[arg-type]
    assert not has_gain_map(with_items(b"av01", b"av01"), format)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["png", "webp", "gif"])
def test_other_formats_have_none(name: str) -> None:
    assert not has_gain_map(saved(SMALL, name), FORMATS[name])


def test_the_code_of_the_picture_to_show_is_taken_and_not_that_of_another() -> None:
    held = box(b"ipma", b"\0" * 7 + b"\2\0\1\1\x82\0\2\1\1")
    described = box(b"iprp", box(b"ipco", nclx(9, 16), nclx(12, 13)), held)
    items = items_of(box(b"meta", b"\0" * 4, box(b"pitm", b"\0" * 4 + b"\0\1"), described))
    assert items.of_primary(b"colr") == [nclx(12, 13)[8:]]


def test_the_codes_of_tiles_are_taken_where_the_whole_has_none() -> None:
    described = box(b"iprp", box(b"ipco", nclx(12, 13)), box(b"ipma", b"\0" * 7 + b"\1\0\x02\1\1"))
    body = box(b"meta", b"\0" * 4, box(b"pitm", b"\0" * 4 + b"\0\1"), described)
    assert items_of(body).of_primary(b"colr") == [nclx(12, 13)[8:]]


def test_numbers_of_other_widths_are_read() -> None:
    described = box(
        b"iprp", box(b"ipco", nclx(9, 16), nclx(12, 13)), box(b"ipma", b"\1\0\0\1\0\0\0\1\0\0\0\x07\1\x80\2")
    )
    listed = box(b"iinf", b"\1\0\0\0\0\0\0\1", box(b"infe", b"\3\0\0\0\0\0\0\x07\0\0tmap"))
    items = items_of(box(b"meta", b"\0" * 4, box(b"pitm", b"\1\0\0\0\0\0\0\x07"), listed, described))
    assert items.kinds == {7: b"tmap"}
    assert items.of_primary(b"colr") == [nclx(12, 13)[8:]]


@pytest.mark.parametrize("size", [2, 7, 200, 2**31])
def test_a_box_that_reaches_too_far_or_not_far_enough_ends_the_list(size: int) -> None:
    items = items_of(box(b"ftyp", b"mif1") + struct.pack(">I", size) + b"meta" + b"\0" * 40)
    assert (items.primary, items.properties) == (0, [])


def test_a_list_without_an_end_is_looked_at_as_far_as_files_go() -> None:
    assert len(items_of(box(b"meta", b"\0" * 4, box(b"iprp", box(b"ipco", box(b"free") * 5000)))).properties) == MOST


def test_a_box_may_have_a_long_size_or_none() -> None:
    inside = b"\0" * 4 + box(b"pitm", b"\0" * 4 + b"\0\5")
    long = struct.pack(">I4sQ", 1, b"meta", 16 + len(inside)) + inside
    assert items_of(long).primary == 5
    assert items_of(b"\0\0\0\0meta" + inside).primary == 5
