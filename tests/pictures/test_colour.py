"""Colours of any profile become sRGB; what cannot be converted is a warning."""

import struct
import zlib

import pytest
from PIL import Image, ImageCms

from imaging.pictures.colour import INKS, SRGB, UNUSABLE
from tests.builders import (
    decoded,
    deep,
    opened,
    png,
    png_with,
    saved,
    scene,
    see_through,
    still,
    tiff,
    worst_difference,
)
from tests.profiles import (
    RED_INK,
    cmyk_profile,
    faded_profile,
    grey_profile,
    lab_in_srgb,
    p3_in_srgb,
    p3_profile,
    srgb_of_linear,
)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "avif"])
def test_a_wide_gamut_is_converted(name: str) -> None:
    colour = (200, 120, 60)
    lossless = {"png": {}, "tiff": {}, "webp": {"lossless": True}}
    options = lossless.get(name, {"quality": 100, "subsampling": "4:4:4"})
    picture = decoded(saved(Image.new("RGB", (16, 16), colour), name, icc_profile=p3_profile(), **options))
    wanted, got = p3_in_srgb(colour), picture.frames[0].getpixel((8, 8))
    assert max(abs(a - b) for a, b in zip(wanted, colour, strict=True)) > 8
    assert max(abs(a - b) for a, b in zip(wanted, got, strict=True)) <= 3
    assert picture.warnings == ()


def test_a_profile_applies_to_deep_pixels_too() -> None:
    colour = (200, 120, 60)
    body = tiff((4, 4), 3, 16, 2, deep(bytes(colour) * 16, "<"))
    tagged = saved(opened(body), "tiff", icc_profile=p3_profile())
    assert max(abs(a - b) for a, b in zip(p3_in_srgb(colour), still(tagged).getpixel((1, 1)), strict=True)) <= 2


def test_alpha_survives_its_profile() -> None:
    source = Image.new("RGBA", (16, 16), (200, 120, 60, 77))
    pixel = still(saved(source, "png", icc_profile=p3_profile())).getpixel((8, 8))
    assert pixel[3] == 77
    assert max(abs(a - b) for a, b in zip(pixel[:3], p3_in_srgb((200, 120, 60)), strict=True)) <= 1


@pytest.mark.parametrize("alpha", [False, True])
def test_a_grey_profile_is_converted(alpha: bool) -> None:
    source = Image.new("LA" if alpha else "L", (16, 16), (64, 99) if alpha else 64)
    frame = still(saved(source, "png", icc_profile=grey_profile(1.0)))
    pixel = frame.getpixel((8, 8))
    assert abs((pixel[0] if alpha else pixel) - srgb_of_linear(64 / 255)) <= 1
    assert not alpha or pixel[1] == 99


def test_a_grey_profile_is_converted_where_pillow_opens_grey_as_colours() -> None:
    body = png((4, 4), 4, 16, struct.pack(">HH", 64 * 257, 99 * 257) * 16)
    tagged = png_with(body, b"iCCP", b"grey\0\0" + zlib.compress(grey_profile(1.0)))
    picture = decoded(tagged)
    assert picture.warnings == ()
    assert abs(picture.frames[0].convert("LA").getpixel((1, 1))[0] - srgb_of_linear(64 / 255)) <= 1
    assert picture.frames[0].getchannel("A").getpixel((1, 1)) == 99


def test_grey_under_an_rgb_profile_is_converted() -> None:
    frame = still(saved(Image.new("L", (16, 16), 64), "png", icc_profile=p3_profile()))
    assert frame.mode == "L"
    assert abs(frame.getpixel((8, 8)) - p3_in_srgb((64, 64, 64))[1]) <= 1


@pytest.mark.parametrize("name", ["jpeg", "tiff"])
def test_cmyk_goes_through_its_profile(name: str) -> None:
    source = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    options = {"quality": 100} if name == "jpeg" else {}
    picture = decoded(saved(source, name, icc_profile=cmyk_profile(), **options))
    pixel = picture.frames[0].getpixel((8, 8))
    assert max(abs(a - b) for a, b in zip(pixel, lab_in_srgb(*RED_INK), strict=True)) <= 4
    assert picture.warnings == ()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_profile_that_is_srgb_under_some_name_changes_no_pixel(mode: str) -> None:
    source = Image.merge(mode, [Image.effect_noise((64, 64), 90) for _ in mode])
    picture = decoded(saved(source, "png", icc_profile=ImageCms.ImageCmsProfile(SRGB).tobytes()))
    assert worst_difference(picture.frames[0], source, mode) == 0
    assert picture.warnings == ()


def test_the_black_of_a_profile_becomes_black() -> None:
    picture = decoded(saved(Image.new("RGB", (4, 4), 0), "png", icc_profile=faded_profile()))
    assert max(picture.frames[0].getpixel((1, 1))) <= 3
    assert picture.warnings == ()


@pytest.mark.parametrize("profile", [b"no profile", p3_profile()[:200], grey_profile(1.0), cmyk_profile()])
def test_a_profile_that_cannot_be_used_is_a_warning(profile: bytes) -> None:
    picture = decoded(saved(scene(), "png", icc_profile=profile))
    assert worst_difference(picture.frames[0], scene()) == 0
    assert picture.warnings == (UNUSABLE,)


def test_inks_without_a_profile_are_an_estimate_and_said_to_be_so() -> None:
    picture = decoded(saved(scene().convert("CMYK"), "tiff"))
    assert worst_difference(picture.frames[0], scene()) <= 2
    assert picture.warnings == (INKS,)


def test_inks_with_a_profile_of_light_are_an_estimate_and_said_to_be_so() -> None:
    assert decoded(saved(scene().convert("CMYK"), "tiff", icc_profile=p3_profile())).warnings == (INKS,)


def test_a_damaged_profile_of_an_animation_is_one_warning() -> None:
    body = saved(scene(), "webp", save_all=True, append_images=[see_through()], icc_profile=b"no profile")
    assert len(decoded(body).warnings) == 1


def test_lab_becomes_srgb() -> None:
    lab = Image.new("LAB", (4, 4), (128, 128 + 62, 128 + 40))
    pixel = still(saved(lab, "tiff")).getpixel((0, 0))
    assert max(abs(a - b) for a, b in zip(pixel, lab_in_srgb(*RED_INK), strict=True)) <= 4
