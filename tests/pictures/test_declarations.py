"""Of several declarations of a file's colours the right one is believed; half a declaration is a warning."""

import zlib

import pytest

from imaging.pictures.colour import INKS
from imaging.pictures.declarations import GUESSED, INCOMPLETE, UNKNOWN, UNTOLD, jpeg_profile
from tests.builders import decoded, jpeg_segment, jpeg_with, photoshop_segment, png_chunk, saved, worst_difference
from tests.cards import (
    SRGB_POINTS,
    box,
    card,
    chrm,
    cicp,
    exif_of,
    furthest,
    gama,
    heic_with,
    icc_piece,
    icc_pieces,
    jpeg_of,
    nclx,
    png_of,
    tiff_of,
    tiff_with,
)
from tests.profiles import coded_profile, p3_profile

ICCP = (b"iCCP", b"p3\0\0" + zlib.compress(p3_profile()))
SAID_SRGB = (b"sRGB", b"\0")
P3_BY_PROFILE = card("P3", lambda light: light ** (256 / 563))
P3, PLAIN = card("P3"), card()
ADOBE = card("Adobe RGB", lambda light: light ** (256 / 563))


@pytest.mark.parametrize(
    ("image", "chunks"),
    [
        (P3, (cicp(12, 13), ICCP)),
        (P3, (ICCP, SAID_SRGB, gama(1), chrm(), cicp(12, 13))),
        (PLAIN, (cicp(1, 13), ICCP)),
        (P3_BY_PROFILE, (ICCP, gama(1), chrm())),
        (P3_BY_PROFILE, (ICCP, SAID_SRGB)),
        (PLAIN, (SAID_SRGB, gama(1), chrm())),
        (PLAIN, (gama(0),)),
        (P3, (chrm(), gama(0))),
        # What has the name of a number in a text is none.
        (card("sRGB", lambda light: light), (gama(1), (b"tEXt", b"gamma\x002.2"))),
        # A code of another length is none, and a second one comes too late.
        (P3_BY_PROFILE, ((b"cICP", b"\1\x0d"), ICCP)),
        (P3, (cicp(12, 13), cicp(9, 16))),
        # A code that means nothing does not go before a profile.
        (P3_BY_PROFILE, (cicp(200, 13), ICCP)),
    ],
)
def test_a_png_is_shown_by_the_declaration_that_goes_first(
    image: object, chunks: tuple[tuple[bytes, bytes], ...]
) -> None:
    picture = decoded(png_of(image, *chunks))  # type: ignore[arg-type]
    assert furthest(picture.frames[0]) <= 3
    assert picture.warnings == ()


def test_colours_behind_the_pixels_are_no_declaration() -> None:
    body = saved(PLAIN, "png")
    assert furthest(decoded(body[:-12] + png_chunk(*gama(1)) + body[-12:]).frames[0]) == 0


WHITE_OUTSIDE = (0.2, 0.7, *SRGB_POINTS[2:])
WHITE_UNSEEN = (0.9, 0.05, 1, 0, 0, 1, 0, 0)
UNKNOWN_NUMBERS = {
    "primaries of no meaning": png_of(PLAIN, cicp(0, 13)),
    "a curve of a meaning that is none of a picture": png_of(PLAIN, cicp(1, 9)),
    "a gamma that is none": png_of(PLAIN, gama(0.001)),
    "nothing but zeros": png_of(PLAIN, chrm((0,) * 8)),
    "primaries that are one": png_of(PLAIN, chrm((0.3, 0.3) * 4)),
    "a white that the primaries do not make": png_of(PLAIN, chrm(WHITE_OUTSIDE)),
    "a white that nobody sees as white": png_of(PLAIN, chrm(WHITE_UNSEEN)),
    "too few numbers": tiff_with(PLAIN, (319, "2I", (1, 2, 1, 2))),
    "a curve of black": tiff_of(PLAIN, None, [0] * 256),
    "a curve that falls": tiff_of(PLAIN, None, range(65_280, -1, -256)),
    "a curve of one point": tiff_of(PLAIN, None, [65_535]),
    "fractions of nothing": tiff_with(PLAIN, (318, "2I", (1, 0, 1, 0))),
    "values of another type": tiff_with(PLAIN, (318, "I", (1, 1))),
}


@pytest.mark.parametrize("what", UNKNOWN_NUMBERS)
def test_numbers_that_no_screen_has_are_a_warning(what: str) -> None:
    picture = decoded(UNKNOWN_NUMBERS[what])
    assert furthest(picture.frames[0]) == 0
    assert picture.warnings == (UNKNOWN,)


def test_a_profile_in_a_heic_goes_before_a_code_unless_that_is_of_high_dynamic_range() -> None:
    profile = box(b"colr", b"prof", p3_profile())
    by_profile, by_code = (decoded(heic_with(each)).frames[0] for each in (profile, nclx(9, 16)))
    assert worst_difference(decoded(heic_with(profile, nclx(1, 8))).frames[0], by_profile) == 0
    assert worst_difference(decoded(heic_with(profile, nclx(9, 16))).frames[0], by_code) == 0


def test_a_code_of_standard_range_within_a_profile_does_not_go_before_it() -> None:
    body = saved(P3_BY_PROFILE, "png", icc_profile=coded_profile(1, 13, 0, 1))
    assert furthest(decoded(body).frames[0]) <= 3


# -- pieces of a profile -----------------------------------------------------------------------------------


PIECES = icc_pieces(p3_profile(), 3)


@pytest.mark.parametrize(
    "pieces",
    [
        PIECES,
        PIECES[::-1],
        PIECES * 2,
        [piece for piece in PIECES for _ in range(2)],
        [*PIECES, *icc_pieces(b"another profile", 2)],
        [icc_piece(p3_profile(), 0, 0)],
    ],
)
def test_a_profile_is_the_first_of_each_of_its_pieces(pieces: list[bytes]) -> None:
    picture = decoded(jpeg_of(P3_BY_PROFILE, *pieces))
    assert furthest(picture.frames[0]) <= 3
    assert picture.warnings == ()


@pytest.mark.parametrize("pieces", [PIECES[:2], PIECES[1:], [PIECES[0], PIECES[2]], [icc_piece(b"", 1, 9)]])
def test_a_profile_that_lacks_a_piece_is_a_warning(pieces: list[bytes]) -> None:
    picture = decoded(jpeg_of(PLAIN, *pieces))
    assert furthest(picture.frames[0]) <= 2
    assert picture.warnings == (INCOMPLETE,)


def test_a_piece_behind_the_pixels_is_none() -> None:
    assert jpeg_profile(jpeg_of(PLAIN)[:-2] + b"".join(PIECES) + b"\xff\xd9") is None


# -- EXIF --------------------------------------------------------------------------------------------------


def test_a_profile_goes_before_exif() -> None:
    assert furthest(decoded(jpeg_of(P3_BY_PROFILE, *PIECES, exif=exif_of(65_535, "R03"))).frames[0]) <= 3


@pytest.mark.parametrize(
    "exif", [b"", exif_of(1), exif_of(1, "R98"), exif_of(65_535, "R98"), exif_of(1, "R03"), exif_of(None, "R98")]
)
def test_exif_that_does_not_name_adobe_rgb_changes_nothing(exif: bytes) -> None:
    picture = decoded(jpeg_of(PLAIN, exif=exif))
    assert furthest(picture.frames[0]) <= 1
    assert picture.warnings == ()


def test_a_camera_that_says_no_more_than_not_srgb_means_adobe_rgb_and_the_guess_is_a_warning() -> None:
    picture = decoded(jpeg_of(ADOBE, exif=exif_of(65_535)))
    assert furthest(picture.frames[0]) <= 3
    assert picture.warnings == (GUESSED,)


def test_photoshop_that_says_no_more_than_not_srgb_may_mean_anything_and_the_guess_is_a_warning() -> None:
    picture = decoded(jpeg_of(PLAIN, photoshop_segment(b""), exif=exif_of(65_535)))
    assert furthest(picture.frames[0]) <= 1
    assert picture.warnings == (UNTOLD,)


def test_inks_are_not_what_exif_speaks_of() -> None:
    exif = jpeg_segment(0xE1, b"Exif\0\0" + exif_of(65_535))
    assert decoded(jpeg_with(saved(PLAIN.convert("CMYK"), "jpeg"), exif)).warnings == (INKS,)
