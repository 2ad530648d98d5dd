"""Colours told in numbers look the same however they are told; numbers that make no sense are a warning at worst."""

import struct
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags

from imaging.errors import Rejection
from imaging.pictures.declarations import HDR, UNKNOWN
from tests.builders import decoded, heic, saved, scene, still, worst_difference
from tests.cards import (
    CARD,
    SRGB_POINTS,
    avif_of,
    card,
    chrm,
    cicp,
    exif_of,
    furthest,
    gama,
    heic_with,
    in_patches,
    jpeg_of,
    nclx,
    patches,
    png_of,
    tiff_of,
    tiff_with,
)
from tests.profiles import coded_profile, hlg_signal, linear_of, p3_profile, pq_signal, stored


def power(exponent: float) -> Callable[[float], float]:
    """How a plain exponent stores light."""
    return lambda light: light ** (1 / exponent)


def of_240m(light: float) -> float:
    """How SMPTE 240M does."""
    return 4 * light if light < 0.0228 else 1.1115 * light**0.45 - 0.1115


def of_428(light: float) -> float:
    """How SMPTE 428 does, for a cinema."""
    return (48 / 52.37 * light) ** (1 / 2.6)


ADOBE = card("Adobe RGB", power(563 / 256))
NARROW = in_patches([tuple(16 + value for value in stored(colour, "P3", top=219)) for colour in CARD])
CURVE = [round(65_535 * (value / 255) ** 1.8) for value in range(256)]
DEEP_CURVE = [round(65_535 * (value / 65_535) ** 1.8) for value in range(65_536)]

STANDARD = {
    "cICP of P3": partial(png_of, card("P3"), cicp(12, 13)),
    "cICP of BT.2020": partial(png_of, card("BT.2020"), cicp(9, 14)),
    "cICP that is linear": partial(png_of, card("sRGB", power(1)), cicp(1, 8)),
    "cICP of gamma 2.2": partial(png_of, card("P3", power(2.2)), cicp(12, 4)),
    "cICP of SMPTE 240M's curve": partial(png_of, card("P3", of_240m), cicp(12, 7)),
    "cICP of a cinema's curve": partial(png_of, card("P3", of_428), cicp(12, 17)),
    "cICP of a narrow range": partial(png_of, NARROW, cicp(12, 13, full=False)),
    "gAMA that is linear": partial(png_of, card("sRGB", power(1)), gama(1)),
    "gAMA and cHRM": partial(png_of, card("P3", power(2.2)), gama(1 / 2.2), chrm()),
    "cHRM alone": partial(png_of, card("P3"), chrm()),
    "nclx of an AVIF in P3": partial(avif_of, card("P3"), 12, 13),
    "nclx of an AVIF in BT.2020": partial(avif_of, card("BT.2020"), 9, 14),
    "nclx of an AVIF that is linear": partial(avif_of, card("sRGB", power(1)), 1, 8),
    "a TIFF's primaries": partial(tiff_of, card("P3")),
    "a planar TIFF's primaries": partial(tiff_of, card("P3"), planarconfig="separate"),
    "a deep TIFF's primaries": partial(tiff_of, card("P3"), deep=True, byteorder=">"),
    "a TIFF's curve": partial(tiff_of, card("P3", power(1.8)), table=CURVE),
    "a TIFF's curve alone": partial(tiff_of, card("sRGB", power(1.8)), None, CURVE),
    "a TIFF's three curves": partial(tiff_of, card("P3", power(1.8)), table=CURVE * 3),
    "a deep TIFF's three curves": partial(tiff_of, card("P3", power(1.8)), table=DEEP_CURVE * 3, deep=True),
    "EXIF of a camera": partial(jpeg_of, ADOBE, exif=exif_of(65_535, "R03")),
    "EXIF of a camera that has its own number": partial(jpeg_of, ADOBE, exif=exif_of(2)),
    "EXIF of a WebP made of that": partial(saved, ADOBE, "webp", lossless=True, exif=exif_of(65_535, "R03")),
    "EXIF of a TIFF": partial(saved, ADOBE, "tiff", tiffinfo={ExifTags.IFD.Exif: {ExifTags.Base.ColorSpace: 2}}),
    "a profile": partial(saved, card("P3", power(563 / 256)), "png", icc_profile=p3_profile()),
}
"""The card in ways to tell its colours."""

HIGH = {
    "PQ in cICP": partial(png_of, card("BT.2020", pq_signal), cicp(9, 16)),
    "PQ of P3 in cICP": partial(png_of, card("P3", pq_signal), cicp(12, 16)),
    "PQ in an AVIF": partial(avif_of, card("BT.2020", pq_signal), 9, 16),
    "PQ beside a profile": lambda: png_of(
        card("BT.2020", pq_signal), (b"iCCP", b"p3\0\0" + zlib.compress(p3_profile())), cicp(9, 16)
    ),
    "PQ within a profile": partial(saved, card("BT.2020", pq_signal), "png", icc_profile=coded_profile(9, 16, 0, 1)),
    "HLG in cICP": partial(png_of, card("BT.2020", hlg_signal), cicp(9, 18)),
    "HLG in an AVIF": partial(avif_of, card("BT.2020", hlg_signal), 9, 18),
}
"""The same in high dynamic range, white at 203 cd/m2."""


@pytest.mark.parametrize("way", STANDARD)
def test_the_card_is_the_card_however_its_colours_are_told(way: str) -> None:
    picture = decoded(STANDARD[way]())
    assert furthest(picture.frames[0]) <= 3
    assert picture.warnings == ()
    assert not picture.hdr


@pytest.mark.parametrize("way", HIGH)
def test_the_card_in_high_dynamic_range_is_the_card_and_said_to_be_so(way: str) -> None:
    picture = decoded(HIGH[way]())
    assert furthest(picture.frames[0]) <= 9
    assert picture.warnings == (HDR,)
    assert picture.hdr


@pytest.mark.parametrize("signal", [pq_signal, hlg_signal])
def test_light_brighter_than_white_rolls_off_and_keeps_its_hue(signal: Callable[[float], float]) -> None:
    scene_light = 1000 / 203 if signal is pq_signal else 1 / 0.265
    greys = [signal(min(scene_light, 1.15**step / 4) * (1 if signal is pq_signal else 0.265)) for step in range(22)]
    orange = [signal(light * (1 if signal is pq_signal else 0.265)) for light in (3.4, 1.7, 0.85)]
    colours = [*((round(255 * grey),) * 3 for grey in greys), tuple(round(255 * value) for value in orange)]
    shown = patches(still(png_of(in_patches(colours), cicp(9, 16 if signal is pq_signal else 18))))
    levels = [colour[1] for colour in shown[:-1]]
    assert levels == sorted(levels)
    assert levels[-1] >= 253
    assert shown[-1][0] > shown[-1][1] + 40 > shown[-1][2] + 60


def test_reference_white_becomes_white_with_a_little_room_above() -> None:
    lights = [(round(255 * pq_signal(light)),) * 3 for light in (1.0, 1.5, 3.0)]
    white, brighter, brightest = patches(still(png_of(in_patches(lights), cicp(9, 16))))
    assert min(white) >= 245
    assert max(white) < min(brighter) <= max(brighter) < min(brightest)


def test_grey_of_high_dynamic_range_stays_grey() -> None:
    values = [round(255 * pq_signal(linear_of(value))) for value in (0, 60, 118, 200)]
    grey = in_patches([(value,) * 3 for value in values]).convert("L")
    frame = still(png_of(grey, cicp(9, 16)))
    assert frame.mode == "L"
    assert furthest(frame, [(value,) * 3 for value in (0, 60, 118, 200)]) <= 3


@pytest.mark.parametrize(("primaries", "transfer"), [(12, 13), (9, 16), (1, 13)])
def test_a_heic_means_by_a_code_what_a_png_means(primaries: int, transfer: int) -> None:
    plain = decoded(heic()).frames[0]
    coded, twin = decoded(heic_with(nclx(primaries, transfer))), decoded(png_of(plain, cicp(primaries, transfer)))
    assert worst_difference(coded.frames[0], twin.frames[0]) == 0
    assert (worst_difference(coded.frames[0], plain) > 8) == (primaries != 1)
    assert (coded.hdr, coded.warnings) == (twin.hdr, twin.warnings)


@pytest.mark.parametrize(
    "body",
    [
        png_of(scene(), gama(0.45455)),
        png_of(scene(), chrm(SRGB_POINTS)),
        png_of(scene(), gama(0.45455), chrm(SRGB_POINTS)),
        png_of(scene(), cicp(1, 13)),
        png_of(scene(), cicp(1, 1)),
        png_of(scene(), cicp(2, 2)),
        tiff_of(scene(), SRGB_POINTS),
        saved(scene(), "webp", lossless=True, exif=exif_of(1, "R98")),
        saved(scene(), "webp", lossless=True, exif=exif_of(65_535)),
    ],
)
def test_numbers_that_mean_srgb_change_nothing(body: bytes) -> None:
    picture = decoded(body)
    assert worst_difference(picture.frames[0], scene()) == 0
    assert picture.warnings == ()


# -- numbers that make no sense ----------------------------------------------------------------------------


SMALL = scene(4, 3)
word = st.integers(0, 2**32 - 1)
fraction = st.tuples(word, word)


@given(primaries=st.integers(0, 255), transfer=st.integers(0, 255), full=st.booleans())
def test_any_code_shows_the_picture_with_a_warning_at_worst(primaries: int, transfer: int, full: bool) -> None:
    shown(png_of(SMALL, cicp(primaries, transfer, full=full)))


@given(gamma=word, points=st.lists(word, min_size=8, max_size=8))
def test_any_gama_and_chrm_show_the_picture_with_a_warning_at_worst(gamma: int, points: list[int]) -> None:
    chunks = (b"gAMA", struct.pack(">I", gamma)), (b"cHRM", struct.pack(">8I", *points))
    for some in (chunks, chunks[:1], chunks[1:]):
        shown(png_of(SMALL, *some))


@given(points=st.lists(st.integers(0, 110_000), min_size=8, max_size=8))
def test_any_chrm_that_could_be_one_shows_the_picture_with_a_warning_at_worst(points: list[int]) -> None:
    shown(png_of(SMALL, (b"cHRM", struct.pack(">8I", *points))))


@given(first=st.binary(max_size=8))
def test_any_box_colr_shows_the_picture_with_a_warning_at_worst(first: bytes) -> None:
    box = struct.pack(">I", 12 + len(first)) + b"colrnclx" + first
    with suppress(Rejection):  # libheif does not open what has half of a box
        shown(heic_with(box), (256, 256))


@given(
    white=st.lists(fraction, max_size=3),
    points=st.lists(fraction, max_size=7),
    table=st.lists(st.integers(0, 65_535), max_size=9),
)
def test_any_tags_show_the_picture_with_a_warning_at_worst(
    white: list[tuple[int, int]], points: list[tuple[int, int]], table: list[int]
) -> None:
    values = (
        (318, "2I", [part for each in white for part in each]),
        (319, "2I", [part for each in points for part in each]),
        (301, "H", table),
    )
    shown(tiff_with(SMALL, *(tag for tag in values if tag[2])))


def shown(body: bytes, size: tuple[int, int] = SMALL.size) -> None:
    """Look at a picture whose numbers may be anything."""
    picture = decoded(body)
    assert picture.frames[0].size == size
    assert set(picture.warnings) <= {UNKNOWN, HDR}


# -- files of public reports -------------------------------------------------------------------------------


REPORTS = Path(__file__).parents[2] / ".." / "shared" / "reports"
PAPER = (235, 235, 235)
RED, GREEN, BLUE = (220, 30, 30), (30, 160, 40), (40, 60, 220)


@pytest.mark.skipif(not REPORTS.is_dir(), reason="no folder of reported files here")
@pytest.mark.parametrize(
    ("file", "colours", "within"),
    [
        ("adobergb-exif-r03.jpg", (PAPER, RED, BLUE), 3),
        # Its pixels are so rounded that no conversion comes nearer.
        ("adobergb-exif-r03.jpg", (GREEN,), 9),
        ("hdr-pq.avif", (PAPER, RED, GREEN, BLUE), 14),
        ("icc-chunks-twice.jpg", (PAPER, RED, GREEN, BLUE), 3),
        ("p3-cicp.png", (PAPER, RED, GREEN, BLUE), 3),
        ("p3-nclx.avif", (PAPER, RED, GREEN, BLUE), 3),
        ("png-gama-linear.png", ((239, 96, 96),), 3),
    ],
)
def test_a_reported_file_shows_its_card(file: str, colours: Sequence[tuple[int, ...]], within: int) -> None:
    picture = decoded((REPORTS / file).read_bytes())
    shown = [colour for count, colour in picture.frames[0].convert("RGB").getcolors(2**24) if count > 2000]
    for wanted in colours:
        assert min(max(abs(a - b) for a, b in zip(wanted, one, strict=True)) for one in shown) <= within, wanted
    assert (picture.hdr, HDR in picture.warnings) == (file.startswith("hdr"),) * 2
