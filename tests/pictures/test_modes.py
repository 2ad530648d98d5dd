"""Pixels of every mode and depth, as they are in the file, and what is transparent in them."""

import struct

import pytest
from PIL import Image

from imaging.formats import FORMATS
from imaging.pictures.modes import READY, eight_bit, with_one_mode
from tests.builders import (
    decoded,
    deep,
    mean_difference,
    png,
    rejection_of,
    saved,
    scene,
    see_through,
    still,
    tiff,
    worst_difference,
)

BLUE = (0, 0, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("name", ["png", "tiff"])
def test_every_mode_keeps_its_pixels(mode: str, name: str) -> None:
    source = see_through().convert(mode) if mode in {"LA", "RGBA"} else scene().convert(mode)
    frame = still(saved(source, name))
    assert frame.mode in {"L", "LA", "RGB", "RGBA"}
    assert worst_difference(frame, source.convert("RGBA"), "RGBA") == 0


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_grey_png_of_few_bits_reaches_from_black_to_white(depth: int) -> None:
    top = (1 << depth) - 1
    steps = [0, top, 1, top - 1] * 2
    packed = sum(value << (8 * depth - depth * (at + 1)) for at, value in enumerate(steps))
    frame = still(png((8, 1), 0, depth, packed.to_bytes(depth, "big")))
    assert list(frame.convert("L").tobytes()) == [value * 255 // top for value in steps]


def test_transparency_of_a_palette_is_kept() -> None:
    source = Image.new("P", (2, 1))
    source.putpalette((255, 0, 0, 0, 0, 255))
    source.putpixel((1, 0), 1)
    frame = still(saved(source, "png", transparency=b"\x80\xff"))
    assert (frame.getpixel((0, 0)), frame.getpixel((1, 0))) == ((255, 0, 0, 128), BLUE)


def test_the_transparent_colour_of_an_rgb_png_is_see_through() -> None:
    frame = still(png((2, 1), 2, 8, bytes((255, 0, 0, 0, 0, 255)), (b"tRNS", struct.pack(">3H", 255, 0, 0))))
    assert (frame.mode, frame.getpixel((0, 0)), frame.getpixel((1, 0))) == ("RGBA", (255, 0, 0, 0), BLUE)


def test_the_transparent_grey_of_a_png_is_see_through() -> None:
    frame = still(png((2, 1), 0, 8, bytes((7, 200)), (b"tRNS", struct.pack(">H", 7))))
    assert (frame.mode, frame.getpixel((0, 0)), frame.getpixel((1, 0))) == ("LA", (7, 0), (200, 255))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_transparent_grey_of_a_png_of_few_bits_is_see_through_and_no_other(depth: int) -> None:
    top = (1 << depth) - 1
    row = bytes(((top - 1) << (8 - depth) | top << (8 - 2 * depth),))
    frame = still(png((2, 1), 0, depth, row, (b"tRNS", struct.pack(">H", top - 1))))
    assert (frame.getpixel((0, 0)), frame.getpixel((1, 0))) == (((top - 1) * 255 // top, 0), (255, 255))


def test_the_transparent_colour_of_a_deep_rgb_png_is_see_through() -> None:
    rows = struct.pack(">6H", 0xFFEE, 0x0102, 0, 0x0304, 0, 0xFFFF)
    frame = still(png((2, 1), 2, 16, rows, (b"tRNS", rows[:6])))
    assert frame.mode == "RGBA"
    assert (frame.getpixel((0, 0)), frame.getpixel((1, 0))) == ((255, 1, 0, 0), (3, 0, 255, 255))


def test_the_transparent_grey_of_a_deep_png_is_see_through_and_its_neighbour_is_not() -> None:
    rows = struct.pack(">2H", 0x8000, 0x8001)
    frame = still(png((2, 1), 0, 16, rows, (b"tRNS", rows[:2])))
    assert (frame.getpixel((0, 0)), frame.getpixel((1, 0))) == ((128, 0), (128, 255))


def test_deep_grey_is_scaled_and_not_clipped() -> None:
    grey = scene().convert("L")
    for body in (
        png(grey.size, 0, 16, deep(grey.tobytes())),
        tiff(grey.size, 1, 16, 1, deep(grey.tobytes(), "<")),
    ):
        assert worst_difference(still(body), grey, "L") <= 1


def test_deep_grey_that_is_dark_stays_dark() -> None:
    dark = scene().convert("L").point(lambda value: value // 16)
    assert worst_difference(still(png(dark.size, 0, 16, deep(dark.tobytes()))), dark, "L") <= 1


@pytest.mark.parametrize(("colour", "mode"), [(2, "RGB"), (4, "LA"), (6, "RGBA")])
def test_a_deep_png_is_within_one_of_its_shallow_twin(colour: int, mode: str) -> None:
    source = see_through().convert(mode)
    assert worst_difference(still(png(source.size, colour, 16, deep(source.tobytes()))), source, mode) <= 1


def test_a_deep_tiff_is_within_one_of_its_shallow_twin() -> None:
    body = tiff((96, 64), 3, 16, 2, deep(scene().tobytes(), "<"))
    assert worst_difference(still(body), scene()) <= 1


def test_floats_from_zero_to_one_reach_from_black_to_white() -> None:
    ramp = Image.new("F", (3, 1))
    for at, value in enumerate((0.0, 0.5, 1.0)):
        ramp.putpixel((at, 0), value)
    assert list(eight_bit(ramp, FORMATS["tiff"]).tobytes()) in ([0, 128, 255], [0, 127, 255])


def test_alpha_that_hides_nothing_is_dropped() -> None:
    assert still(saved(scene().convert("RGBA"), "png")).mode == "RGB"
    assert still(saved(scene().convert("LA"), "png")).mode == "L"


@pytest.mark.parametrize("name", ["jpeg", "tiff"])
def test_cmyk_without_a_profile_becomes_the_colours_it_was_made_of(name: str) -> None:
    source = scene().convert("CMYK")
    picture = decoded(saved(source, name, **({"quality": 95} if name == "jpeg" else {})))
    assert picture.frames[0].mode == "RGB"
    assert mean_difference(picture.frames[0], scene()) < 4


def test_deep_cmyk_is_decoded() -> None:
    source = scene().convert("CMYK")
    body = tiff(source.size, 4, 16, 5, deep(source.tobytes(), "<"))
    assert mean_difference(still(body), scene()) < 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38])
def test_a_float_that_is_no_grey_is_no_fault(value: float) -> None:
    ramp = Image.new("F", (3, 1), 0.5)
    ramp.putpixel((1, 0), value)
    assert eight_bit(ramp, FORMATS["tiff"]).mode == "L"


@pytest.mark.parametrize(("lowest", "highest"), [(0, 0), (-70_000, 70_000), (0, 2**31 - 1), (65_536, 65_537)])
def test_greys_of_32_bits_reach_from_black_to_white(lowest: int, highest: int) -> None:
    ramp = Image.new("I", (2, 1), lowest)
    ramp.putpixel((1, 0), highest)
    assert list(eight_bit(ramp, FORMATS["tiff"]).tobytes()) == ([0, 255] if highest > lowest else [0, 0])


@pytest.mark.parametrize("mode", ["La", "RGBa", "PA", "YCbCr", "HSV", "RGBX"])
def test_a_mode_that_few_files_have_is_made_one_that_scales(mode: str) -> None:
    source = scene().convert("RGBA").convert(mode) if mode in {"La", "RGBa", "PA"} else scene().convert(mode)
    assert eight_bit(source, FORMATS["tiff"]).mode in READY


def test_frames_get_one_mode_and_no_alpha_that_hides_nothing() -> None:
    grey, colours, clear = Image.new("L", (1, 1)), Image.new("RGB", (1, 1)), Image.new("LA", (1, 1), (0, 254))
    opaque = Image.new("RGBA", (1, 1), (1, 2, 3, 255))
    for frames, mode in (
        ([grey], "L"),
        ([clear], "LA"),
        ([grey, clear], "RGBA"),
        ([grey, colours], "RGB"),
        ([opaque], "RGB"),
        ([opaque, grey], "RGB"),
    ):
        assert {frame.mode for frame in with_one_mode(frames)} == {mode}


def test_a_palette_that_is_missing_is_a_damage_of_the_file() -> None:
    body = png((2, 1), 3, 8, b"\0\1")
    assert rejection_of(body).code == "damaged"
