import random
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw

from imaging.containers import jpeg_scans
from imaging.decoding import GAP, decode, scaled
from imaging.encoding import encode
from imaging.errors import Rejection
from imaging.model import Limits, RenditionSpec
from tests.fuzzing import mutants
from tests.pictures import (
    MARK,
    RED_INK,
    WHOLE,
    cmyk_profile,
    decoded,
    deep,
    exif,
    faded_profile,
    gif,
    grey_profile,
    iptc_record,
    jpeg_of_scans,
    jpeg_segment,
    jpeg_with,
    lab_in_srgb,
    marked,
    mean_difference,
    opened,
    oriented,
    p3_in_srgb,
    p3_profile,
    photoshop_segment,
    png,
    png_chunk,
    png_with,
    saved,
    scene,
    see_through,
    srgb_of_linear,
    still,
    tiff,
    worst_difference,
)

RED, GREEN, BLUE, CLEAR = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255), (9, 9, 9, 0)
SMALL = RenditionSpec("small", width=24)
STILL = RenditionSpec("still", animated=False)


def rejection_of(body: bytes, *specs: RenditionSpec, limits: Limits | None = None) -> Rejection:
    with pytest.raises(Rejection) as raised:
        decoded(body, *specs, limits=limits)
    return raised.value


# -- every format and mode ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["png", "tiff", "bmp", "webp", "avif"])
def test_a_lossless_file_is_decoded_to_its_very_pixels(name: str) -> None:
    options = {"webp": {"lossless": True}, "avif": {"quality": 100, "subsampling": "4:4:4"}}.get(name, {})
    picture = decoded(saved(scene(), name, **options))
    assert (picture.format, picture.width, picture.height) == (name, 96, 64)
    assert worst_difference(picture.frames[0], scene()) <= (3 if name == "avif" else 0)


@pytest.mark.parametrize("options", [{"progressive": False}, {"progressive": True}, {"subsampling": "4:4:4"}])
def test_a_jpeg_of_any_kind_is_decoded(options: dict[str, object]) -> None:
    picture = decoded(saved(scene(), "jpeg", quality=95, **options))
    assert picture.format == "jpeg"
    assert mean_difference(picture.frames[0], scene()) < 6


def test_of_a_jpeg_with_several_pictures_the_first_is_taken() -> None:
    body = saved(scene(), "mpo", save_all=True, append_images=[Image.new("RGB", (96, 64), "red")])
    assert opened(body).format == "MPO"
    picture = decoded(body)
    assert (picture.format, len(picture.frames)) == ("jpeg", 1)
    assert mean_difference(picture.frames[0], scene()) < 9


def test_a_heic_is_asked_of_its_plugin_and_a_broken_one_is_rejected() -> None:
    body = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40
    assert rejection_of(body).code in {"damaged", "truncated"}


def test_a_heic_with_an_item_that_would_end_the_process_is_rejected() -> None:
    body = (Path(__file__).parent.parent / "ops" / "samples" / "picture.heic").read_bytes()
    assert decoded(body).frames
    at = body.index(b"hvc1", body.index(b"infe"))
    assert rejection_of(body[:at] + b"\x45\xea\x69\x66" + body[at + 4 :]).code == "damaged"


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
    assert list(still(saved(ramp, "tiff")).tobytes()) in ([0, 128, 255], [0, 127, 255])


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_a_tiff_of_any_compression_is_decoded(compression: str) -> None:
    body = saved(scene(), "tiff", compression=compression)
    assert mean_difference(still(body), scene()) < 4


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_a_fax_is_decoded(compression: str) -> None:
    page = scene().convert("1")
    assert worst_difference(still(saved(page, "tiff", compression=compression)), page, "L") == 0


def test_of_a_tiff_with_pages_the_first_is_taken() -> None:
    body = saved(scene(), "tiff", save_all=True, append_images=[Image.new("RGB", (200, 10))] * 3)
    picture = decoded(body)
    assert (len(picture.frames), picture.frames[0].size) == (1, (96, 64))


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


def test_lab_becomes_srgb() -> None:
    lab = Image.new("LAB", (4, 4), (128, 128 + 62, 128 + 40))
    pixel = still(saved(lab, "tiff")).getpixel((0, 0))
    assert max(abs(a - b) for a, b in zip(pixel, lab_in_srgb(*RED_INK), strict=True)) <= 4


def test_alpha_that_hides_nothing_is_dropped() -> None:
    assert still(saved(scene().convert("RGBA"), "png")).mode == "RGB"
    assert still(saved(scene().convert("LA"), "png")).mode == "L"


# -- orientation -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("spec", [WHOLE, RenditionSpec("small", width=24)], ids=["whole", "small"])
def test_every_orientation_ends_upright(orientation: int, name: str, spec: RenditionSpec) -> None:
    upright = scene(96, 56)
    options = {} if name in {"png", "tiff"} else {"quality": 95}
    picture = decoded(oriented(upright, orientation, name, **options), spec)
    twin = decoded(saved(upright, name, **options), spec)
    assert (picture.width, picture.height) == (96, 56)
    assert mean_difference(picture.frames[0], twin.frames[0]) < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_whose_sides_cannot_be_halved_keeps_its_place_when_it_is_reduced(orientation: int) -> None:
    upright = scene(1001, 747)
    frame = decoded(oriented(upright, orientation, "jpeg", quality=95), RenditionSpec("small", width=61)).frames[0]
    assert mean_difference(frame, upright.resize(frame.size, Image.Resampling.LANCZOS)) < 1.5


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_nobody_defined_turns_nothing(orientation: int) -> None:
    body = saved(scene(), "png", exif=exif(Orientation=orientation))
    assert worst_difference(still(body), scene()) == 0


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_an_orientation_that_only_xmp_tells_turns_nothing_as_in_browsers(name: str) -> None:
    xmp = b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    body = saved(scene(), name, **({} if name == "png" else {"xmp": xmp}))
    if name == "png":
        body = png_with(body, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    assert still(body).size == scene().size


def test_alpha_turns_with_its_colours() -> None:
    frame = still(oriented(see_through(), 6, "png"))
    assert worst_difference(frame, see_through(), "RGBA") == 0


def test_every_frame_of_an_animation_is_turned() -> None:
    one, other = scene(), Image.new("RGB", (96, 64), "red")
    stored = [image.transpose(Image.Transpose.ROTATE_90) for image in (one, other)]
    body = saved(stored[0], "webp", save_all=True, append_images=stored[1:], lossless=True, exif=exif(Orientation=6))
    frames = decoded(body).frames
    assert [worst_difference(a, b) for a, b in zip(frames, (one, other), strict=True)] == [0, 0]


def test_broken_exif_is_a_warning() -> None:
    body = jpeg_with(saved(scene(), "jpeg"), jpeg_segment(0xE1, b"Exif\0\0" + b"MM\0*\xff\xff"))
    picture = decoded(body)
    assert mean_difference(picture.frames[0], scene()) < 9


# -- colour ------------------------------------------------------------------------------------------------


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


def test_the_black_of_a_profile_becomes_black() -> None:
    picture = decoded(saved(Image.new("RGB", (4, 4), 0), "png", icc_profile=faded_profile()))
    assert max(picture.frames[0].getpixel((1, 1))) <= 3
    assert picture.warnings == ()


@pytest.mark.parametrize("profile", [b"no profile", p3_profile()[:200], grey_profile(1.0), cmyk_profile()])
def test_a_profile_that_cannot_be_used_is_a_warning(profile: bytes) -> None:
    picture = decoded(saved(scene(), "png", icc_profile=profile))
    assert worst_difference(picture.frames[0], scene()) == 0
    assert "profile was damaged" in picture.warnings[0]


@pytest.mark.parametrize(
    ("told", "foreign"),
    [
        (((b"gAMA", struct.pack(">I", 45455)),), False),
        (((b"gAMA", struct.pack(">I", 55556)),), True),
        (((b"gAMA", struct.pack(">I", 55556)), (b"sRGB", b"\0")), False),
        (((b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),), False),
        (((b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),), True),
        (((b"cICP", b"\1\x0d\0\1"),), False),
        (((b"cICP", b"\x0c\x0d\0\1"),), True),
        (((b"cICP", b"\1\x10\0\1"),), True),
        (((b"cICP", b"\x09\x10\0\1"), (b"sRGB", b"\0")), True),
    ],
)
def test_colours_told_in_numbers_that_are_not_those_of_srgb_are_a_warning(
    told: tuple[tuple[bytes, bytes], ...], foreign: bool
) -> None:
    picture = decoded(png((1, 1), 2, 8, b"\1\2\3", *told))
    assert any("in numbers" in warning for warning in picture.warnings) == foreign


@pytest.mark.parametrize(("numbers", "foreign"), [(b"\0\1\0\x0d", False), (b"\0\x0c\0\x0d", True)])
def test_colours_that_an_avif_tells_in_numbers_are_noticed(numbers: bytes, foreign: bool) -> None:
    body = saved(scene(), "avif")
    at = body.index(b"colrnclx") + 8
    picture = decoded(body[:at] + numbers + body[at + 4 :])
    assert any("in numbers" in warning for warning in picture.warnings) == foreign


def test_colours_told_beside_a_profile_are_not_warned_of() -> None:
    body = saved(scene(), "png", icc_profile=p3_profile())
    assert decoded(png_with(body, b"gAMA", struct.pack(">I", 100000))).warnings == ()


def test_a_damaged_profile_of_an_animation_is_one_warning() -> None:
    body = saved(scene(), "webp", save_all=True, append_images=[see_through()], icc_profile=b"no profile")
    assert len(decoded(body).warnings) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before the pixels", "after the pixels"])
@pytest.mark.parametrize(
    ("count", "kind", "data"),
    [
        (8, b"zTXt", b"k\0\0" + zlib.compress(b"a" * 1_000_000)),
        (8, b"tEXt", b"k\0" + b"a" * 1_000_000),
        (8, b"iTXt", b"k\0\1\0\0\0" + zlib.compress(b"a" * 1_000_000)),
    ],
)
def test_texts_that_are_too_many_to_be_read_are_a_warning(count: int, kind: bytes, data: bytes, after: bool) -> None:
    body = saved(see_through(), "png")
    at = body.rindex(b"\0\0\0\0IEND") if after else 33
    picture = decoded(body[:at] + count * png_chunk(kind, data) + body[at:])
    assert worst_difference(picture.frames[0], see_through(), "RGBA") == 0
    assert "too large" in picture.warnings[0]


@pytest.mark.parametrize(("kind", "head"), [(b"iTXt", b"k\0\1\0\0\0"), (b"zTXt", b"k\0\0")])
def test_a_text_that_swells_is_rejected_in_words(kind: bytes, head: bytes) -> None:
    body = png_with(saved(scene(), "png"), kind, head + zlib.compress(b"a" * 2_000_000))
    fault = rejection_of(body)
    assert (fault.code, "swells to over 1 MB" in fault.reason) == ("damaged", True)


def test_a_colour_profile_too_large_to_be_read_is_a_warning() -> None:
    profile = png_chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(2_000_000)))
    body = saved(scene(), "png")
    picture = decoded(body[:33] + profile + body[33:])
    assert worst_difference(picture.frames[0], scene()) == 0
    assert "too large" in picture.warnings[0]


# -- alpha and scale ---------------------------------------------------------------------------------------


def test_hidden_colours_do_not_bleed_into_edges() -> None:
    source = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    ImageDraw.Draw(source).ellipse((20, 20, 107, 107), fill=(255, 240, 20, 255))
    (frame,) = decoded(saved(source, "png"), RenditionSpec("small", width=37)).frames
    edge = [pixel for pixel in zip(*[iter(frame.tobytes())] * 4, strict=True) if 64 < pixel[3] < 255]
    assert len(edge) > 10
    assert all(max(abs(a - b) for a, b in zip(pixel[:3], (255, 240, 20), strict=True)) <= 12 for pixel in edge)


def test_decoding_stops_at_the_scale_that_the_largest_rendition_needs() -> None:
    body = saved(scene(800, 600), "jpeg")
    picture = decoded(body, RenditionSpec("a", width=100), RenditionSpec("b", width=200, height=200, fit="fill"))
    assert (picture.width, picture.height) == (800, 600)
    assert picture.frames[0].size == (267, 200)


@pytest.mark.parametrize("size", [(3000, 1), (3000, 2)])
def test_a_line_is_decoded_wide_enough_for_the_widest(size: tuple[int, int]) -> None:
    body, large = saved(Image.new("RGB", size), "png"), RenditionSpec("large", width=1000)
    for specs in ((SMALL, large), (large, SMALL)):
        assert decoded(body, *specs).frames[0].width >= 1000


def test_a_reduced_picture_is_close_to_the_whole_one_reduced() -> None:
    body = saved(scene(800, 600), "jpeg", quality=95)
    (frame,) = decoded(body, RenditionSpec("a", width=90)).frames
    assert mean_difference(frame, opened(body).resize((90, 68), Image.Resampling.LANCZOS)) < 1


# -- animation ---------------------------------------------------------------------------------------------

CANVAS = (6, 4)
HALF, CORNER, DOT = (0, 0, 3, 4), (3, 2, 6, 4), (0, 0, 1, 1)


def painted(*patches: tuple[tuple[int, int, int, int], tuple[int, int, int, int]]) -> Image.Image:
    canvas = Image.new("RGBA", CANVAS, CLEAR)
    for box, colour in patches:
        canvas.paste(colour, box)
    return canvas


def same_to_the_eye(one: Image.Image, other: Image.Image) -> bool:
    return worst_difference(one.convert("RGBA").convert("RGBa"), other.convert("RGBa"), "RGBa") == 0


def test_frames_stay_vanish_or_give_way_as_their_disposal_says() -> None:
    whole = (0, 0, *CANVAS)
    body = gif(CANVAS, [(whole, 1, 1, 10), (HALF, 2, 2, 20), (CORNER, 3, 3, 30), (DOT, 3, 1, 5)], loop=0)
    gone = (HALF, CLEAR)
    wanted = [
        painted((whole, RED)),
        painted((whole, RED), (HALF, GREEN)),
        painted((whole, RED), gone, (CORNER, BLUE)),
        painted((whole, RED), gone, (DOT, BLUE)),
    ]
    picture = decoded(body)
    assert [same_to_the_eye(a, b) for a, b in zip(picture.frames, wanted, strict=True)] == [True] * 4
    assert picture.durations == (100, 200, 300, 50)


def test_what_the_first_frame_leaves_out_is_see_through() -> None:
    picture = decoded(gif(CANVAS, [(HALF, 1, 1, 10), (CORNER, 2, 1, 10)], loop=0))
    wanted = [painted((HALF, RED)), painted((HALF, RED), (CORNER, GREEN))]
    assert [same_to_the_eye(a, b) for a, b in zip(picture.frames, wanted, strict=True)] == [True] * 2


@pytest.mark.parametrize(("said", "plays"), [(-1, 1), (0, 0), (1, 2), (4, 5), (65535, 65535)])
def test_a_gif_says_how_often_it_repeats_and_not_how_often_it_plays(said: int, plays: int) -> None:
    assert decoded(gif(CANVAS, [(HALF, 1, 1, 10), (CORNER, 2, 1, 10)], said)).loop == plays


@pytest.mark.parametrize("name", ["webp", "png"])
@pytest.mark.parametrize("loop", [0, 1, 3])
def test_an_animation_keeps_frames_durations_and_loop(name: str, loop: int) -> None:
    frames = [Image.new("RGB", (12, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if name == "webp" else {}
    body = saved(frames[0], name, save_all=True, append_images=frames[1:], duration=[70, 120, 30], loop=loop, **options)
    picture = decoded(body)
    assert [worst_difference(a, b) for a, b in zip(picture.frames, frames, strict=True)] == [0, 0, 0]
    assert (picture.durations, picture.loop) == ((70, 120, 30), loop)


@pytest.mark.parametrize("name", ["webp", "gif"])
def test_an_animation_that_stands_for_hours_is_still_one_that_can_be_written(name: str) -> None:
    frames = [Image.new("RGB", (12, 8), colour) for colour in ("red", "lime")]
    body = saved(frames[0], "png", save_all=True, append_images=frames[1:], duration=[20_000_000, 40], loop=100_000)
    picture = decoded(body)
    made = opened(encode(picture.frames, name, WHOLE, picture))
    assert (made.n_frames, made.info["duration"]) == (2, 655_350)  # eleven minutes, GIF's longest


def test_an_animated_avif_keeps_frames_and_durations() -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "lime", "blue")]
    body = saved(frames[0], "avif", save_all=True, append_images=frames[1:], duration=[70, 120, 30], quality=100)
    picture = decoded(body)
    assert [mean_difference(a, b) < 3 for a, b in zip(picture.frames, frames, strict=True)] == [True] * 3
    assert picture.durations == (70, 120, 30)


def test_the_frames_of_an_apng_are_disposed_and_blended() -> None:
    from PIL.PngImagePlugin import Blend, Disposal  # noqa: PLC0415  two names of one test

    red, dot = painted(((0, 0, *CANVAS), RED)), painted((DOT, BLUE))
    body = saved(red, "png", save_all=True, append_images=[dot, dot], disposal=Disposal.OP_NONE, blend=Blend.OP_OVER)
    frames = decoded(body).frames
    assert same_to_the_eye(frames[0], red)
    assert same_to_the_eye(frames[1], painted(((0, 0, *CANVAS), RED), (DOT, BLUE)))


def test_the_still_that_an_apng_carries_for_old_readers_is_no_frame() -> None:
    still_, frames = Image.new("RGB", (12, 8), "black"), [Image.new("RGB", (12, 8), c) for c in ("red", "lime")]
    body = saved(still_, "png", save_all=True, append_images=frames, default_image=True, duration=50)
    picture = decoded(body)
    assert [frame.getpixel((0, 0)) for frame in picture.frames] == [(255, 0, 0), (0, 255, 0)]
    assert picture.durations == (50, 50)


def test_only_the_first_frame_is_decoded_where_no_spec_asks_for_more() -> None:
    body = gif(CANVAS, [((0, 0, *CANVAS), 1, 1, 10), (CORNER, 2, 1, 10)], 0)
    assert len(decoded(body, STILL).frames) == 1
    assert len(decoded(body, STILL, WHOLE).frames) == 2


# -- credits -----------------------------------------------------------------------------------------------


def test_credits_are_read_from_exif() -> None:
    credits = decoded(saved(scene(), "jpeg", exif=exif(Copyright="2026 The Paper", Artist="Ada Lens"))).credits
    assert (credits.copyright, credits.artist) == ("2026 The Paper", "Ada Lens")


def test_credits_in_exif_may_be_utf_8() -> None:
    said = exif(Copyright="© Jürgen Groß".encode(), Artist="名前".encode())
    credits = decoded(saved(scene(), "jpeg", exif=said)).credits
    assert (credits.copyright, credits.artist) == ("© Jürgen Groß", "名前")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_credits_are_read_from_iptc(encoding: str) -> None:
    said = {116: "© Agentur", 80: "Jörg Ñandú", 110: "Agentur/Jörg"}
    iptc = b"".join(iptc_record(dataset, text.encode(encoding)) for dataset, text in said.items())
    credits = decoded(jpeg_with(saved(scene(), "jpeg"), photoshop_segment(iptc))).credits
    assert credits == ("© Agentur", "Jörg Ñandú", "Agentur/Jörg")


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
    assert decoded(body).credits == ("© 2026", "Ada Lens", "A & B")


def test_exif_is_believed_before_iptc() -> None:
    body = saved(scene(), "jpeg", exif=exif(Copyright="in EXIF"))
    iptc = iptc_record(116, b"in IPTC") + iptc_record(80, b"A. Lens")
    assert decoded(jpeg_with(body, photoshop_segment(iptc))).credits == ("in EXIF", "A. Lens", "")


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "tiff", "bmp", "webp", "avif"])
def test_frames_carry_nothing_but_pixels(name: str) -> None:
    for frame in decoded(marked(name, scene()), WHOLE, SMALL).frames:
        assert frame.info == {}
        assert type(frame) is Image.Image
        assert MARK not in frame.tobytes()


# -- refused -----------------------------------------------------------------------------------------------


def files() -> dict[str, bytes]:
    """A small file of every kind there is: what truncation and mutation work on."""
    fax = scene().convert("1")
    animation = {"save_all": True, "append_images": [see_through(), scene()], "duration": 40}
    return {
        "jpeg": saved(scene(), "jpeg"),
        "jpeg-progressive": saved(scene(), "jpeg", progressive=True),
        "jpeg-cmyk": saved(scene().convert("CMYK"), "jpeg", icc_profile=cmyk_profile()),
        "jpeg-marked": marked("jpeg", scene()),
        "png": saved(scene(), "png"),
        "png-palette": saved(scene().quantize(16), "png"),
        "png-deep": png((96, 64), 6, 16, deep(see_through().tobytes())),
        "png-marked": marked("png", see_through()),
        "apng": saved(scene(), "png", **animation),
        "gif": marked("gif", scene()),
        "gif-animated": gif(CANVAS, [((0, 0, *CANVAS), 1, 1, 10), (HALF, 2, 2, 20), (CORNER, 3, 3, 30)], 0),
        "webp": saved(scene(), "webp"),
        "webp-lossless": saved(see_through(), "webp", lossless=True, icc_profile=p3_profile()),
        "webp-animated": saved(scene(), "webp", **animation),
        "tiff": saved(scene(), "tiff"),
        "tiff-fax": saved(fax, "tiff", compression="group4"),
        "tiff-jpeg": saved(scene(), "tiff", compression="jpeg"),
        "tiff-marked": marked("tiff", scene()),
        "bmp": saved(scene(), "bmp"),
        "avif": saved(scene(), "avif"),
    }


@pytest.mark.parametrize("name", files())
def test_a_file_cut_short_is_rejected_or_shows_whole_frames_but_never_half_ones(name: str) -> None:
    body = files()[name]
    frames = decoded(body).frames
    for share in range(1, 60):
        try:
            cut = decoded(body[: len(body) * share // 60]).frames
        except Rejection:
            continue
        assert len(cut) == len(frames), f"{name} cut at {share}/60 lost frames"
        for one, other in zip(cut, frames, strict=False):
            assert worst_difference(one, other, "RGBA") == 0, f"{name} cut at {share}/60 changed"


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "bmp", "webp", "tiff"])
def test_a_file_cut_in_the_middle_says_so(name: str) -> None:
    body = files()[name]
    fault = rejection_of(body[: len(body) // 2])
    assert fault.code in {"truncated", "damaged"}
    assert fault.reason.endswith(".")
    assert fault.advice.endswith(".")


def test_a_png_whose_extras_are_damaged_shows_its_pixels_with_a_warning() -> None:
    body = saved(see_through(), "png")
    spoiled = png_chunk(b"tEXt", b"Comment\0hello")[:-1] + b"!"
    for extra in (spoiled, png_chunk(b"iCCP", b"name\0\x7f"), png_chunk(b"cHRM", b""), png_chunk(b"pHYs", b"")):
        picture = decoded(body[:33] + extra + body[33:])
        assert worst_difference(picture.frames[0], see_through(), "RGBA") == 0
        assert [warning.partition(" is damaged")[0] for warning in picture.warnings] == ["Something besides the pixels"]


def test_what_else_is_wrong_with_such_a_png_is_said_too() -> None:
    body = saved(scene(), "png")
    picture = decoded(body[:33] + png_chunk(b"pHYs", b"") + png_chunk(b"eXIf", b"II*\0\xff") + body[33:])
    assert ["pixels" in warning for warning in picture.warnings] == [True, False]
    assert "EXIF" in picture.warnings[1]


def test_a_png_whose_animation_is_damaged_is_rejected() -> None:
    body = saved(scene(), "png", save_all=True, append_images=[see_through(), scene()], duration=40)
    for extra in (b"", png_chunk(b"pHYs", b"")):
        lying = body.replace(b"fcTL\0\0\0\1", b"fcTL\0\0\0\7")
        assert rejection_of(lying[:33] + extra + lying[33:]).code == "damaged"


def test_an_animated_gif_cut_between_two_frames_is_truncated() -> None:
    body = files()["gif-animated"]
    for frames in (1, 2):
        assert rejection_of(body[: [at for at in range(len(body)) if body[at:].startswith(b"!\xf9")][frames]]).code == (
            "truncated"
        )


def test_a_gif_may_be_padded_behind_its_end_and_a_still_one_need_not_have_one() -> None:
    assert len(decoded(files()["gif-animated"] + b"\0" * 9).frames) == 3
    body = saved(scene().quantize(8), "gif")
    assert worst_difference(still(body), still(body.removesuffix(b";"))) == 0


@pytest.mark.parametrize("size", [struct.pack(">I4s", 99, b"mdat"), struct.pack(">I4sQ", 1, b"mdat", 99)])
def test_a_heic_shorter_than_its_boxes_say_is_truncated_for_libheif_would_make_the_missing_tiles_green(
    size: bytes,
) -> None:
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1")
    whole = (head + size).ljust(20 + 99, b"\7")
    assert rejection_of(whole[:-1]).code == "truncated"
    assert rejection_of(whole).code == "damaged"  # for want of a picture, not of bytes
    assert rejection_of(whole + b"remark of a camera").code == "damaged"


def test_a_tiff_cut_in_what_stands_behind_its_pixels_is_truncated_for_its_colours_would_be_others() -> None:
    def tagged(at: int) -> bytes:
        return tiff((4, 4), 3, 8, 2, b"\x40" * 48, (34675, 7, len(p3_profile()), at))

    body = tagged(len(tagged(0))) + p3_profile()
    assert decoded(body).warnings == ()
    assert rejection_of(body[:-9]).code == "truncated"


def test_a_gif_of_which_one_frame_with_a_duration_is_left_is_truncated() -> None:
    body = gif(CANVAS, [(HALF, 1, 1, 10), (CORNER, 2, 1, 10)], -1)
    assert rejection_of(body[: body.rindex(b"!\xf9")]).code == "truncated"


def test_a_jpeg_that_breaks_off_is_truncated_in_words() -> None:
    fault = rejection_of(saved(scene(), "jpeg")[:-400])
    assert fault.code == "truncated"
    assert "breaks off" in fault.reason
    assert "Upload the original again" in fault.advice


def test_a_damaged_file_is_rejected_with_its_format_in_the_reason() -> None:
    body = bytearray(saved(scene(), "png"))
    body[60:120] = b"\0" * 60
    fault = rejection_of(bytes(body))
    assert fault.code == "damaged"
    assert "PNG" in fault.reason


@pytest.mark.parametrize("body", [b"", b"\xff", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"RIFF\0\0\0\0WEBP"])
def test_a_file_of_next_to_nothing_is_rejected(body: bytes) -> None:
    assert rejection_of(body).code in {"unsupported-format", "damaged", "truncated"}


@pytest.mark.parametrize("name", files())
def test_whatever_a_file_is_damaged_to_only_a_rejection_escapes(name: str) -> None:
    limits = Limits(pixels=400_000, animation_pixels=800_000)
    specs = (SMALL, RenditionSpec("square", width=16, height=16, fit="fill", gravity="smart"))
    rejected = []
    for mutant in mutants(files()[name], random.Random(name), 120):  # noqa: S311  damage, not a secret
        try:
            picture = decode(mutant, specs, limits)
        except Rejection as fault:
            rejected.append(fault)
        else:
            assert picture.frames
            assert all(frame.mode in {"L", "LA", "RGB", "RGBA"} for frame in picture.frames)
    assert rejected
    assert all(fault.code and fault.reason.endswith(".") and fault.advice.endswith(".") for fault in rejected)


def test_running_out_of_memory_is_a_rejection(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_image: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    fault = rejection_of(saved(scene(), "bmp"))
    assert (fault.code, "memory" in fault.reason) == ("needs-too-much-memory", True)


# -- limits ------------------------------------------------------------------------------------------------


def test_a_picture_of_exactly_the_limit_is_decoded_and_one_row_over_is_not() -> None:
    limits = Limits(pixels=96 * 64)
    assert decoded(saved(scene(), "png"), limits=limits).frames
    fault = rejection_of(saved(scene(96, 65), "png"), limits=limits)
    assert fault.code == "too-many-pixels"
    assert "96 x 65" in fault.reason


def test_the_advice_for_a_picture_too_large_is_a_size_that_fits() -> None:
    limits = Limits(pixels=20_000)
    fault = rejection_of(saved(scene(300, 100), "png"), limits=limits)
    side = int("".join(c for c in fault.advice if c.isdigit()))
    assert decoded(saved(scene(side, side // 3), "png"), limits=limits).frames
    assert side > 200


@pytest.mark.parametrize("size", [(65_000, 65_000), (2**31 - 1, 2**31 - 1)])
def test_a_header_that_lies_about_its_size_is_refused_before_a_pixel_is_decoded(size: tuple[int, int]) -> None:
    body = bytearray(saved(scene(8, 8), "png"))
    body[8:33] = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    assert rejection_of(bytes(body)).code == "too-many-pixels"


def test_an_avif_that_tells_a_size_beyond_its_decoders_own_limit_is_refused_for_its_pixels() -> None:
    body = bytearray(saved(scene(), "avif"))
    at = body.index(b"ispe") + 8
    body[at : at + 8] = struct.pack(">II", 17_000, 17_000)
    fault = rejection_of(bytes(body))
    assert fault.code == "too-many-pixels"
    assert "17,000 x 17,000" in fault.reason


@pytest.mark.parametrize("scans", [1, 20, 64])
def test_a_jpeg_of_as_many_scans_as_allowed_is_decoded(scans: int) -> None:
    body = jpeg_of_scans(scans)
    assert len([*jpeg_scans(body)]) == scans
    assert decoded(body).frames


def test_a_jpeg_of_one_scan_over_the_limit_is_refused() -> None:
    fault = rejection_of(jpeg_of_scans(65))
    assert fault.code == "too-many-scans"
    assert "64" in fault.reason


def test_scans_hidden_behind_fill_bytes_count() -> None:
    body = jpeg_of_scans(65).replace(b"\xff\xda", b"\xff\xff\xff\xda")
    assert rejection_of(body).code == "too-many-scans"


def test_an_animation_of_exactly_the_limit_is_decoded_and_one_frame_over_is_not() -> None:
    def of_frames(count: int) -> bytes:
        return gif(CANVAS, [(DOT, 1 + at % 3, 1, 2) for at in range(count)], 0)

    limits = Limits(animation_pixels=6 * 4 * 10)
    assert len(decoded(of_frames(10), limits=limits).frames) == 10
    fault = rejection_of(of_frames(11), limits=limits)
    assert fault.code == "too-many-frames"
    assert "11 frames" in fault.reason


@pytest.mark.parametrize("first", [True, False], ids=["the first frame", "a later frame"])
def test_a_gif_does_not_outgrow_its_canvas_beyond_the_limit(first: bool) -> None:
    patches = [(DOT, 1, 2, 2), (DOT, 2, 2, 2)]
    body = bytearray(gif(CANVAS, patches, 0))
    at = body.find(b"\x2c") if first else body.rfind(b"\x2c")
    body[at + 1 : at + 9] = struct.pack("<4H", 0, 0, 65_535, 65_535)
    fault = rejection_of(bytes(body))
    assert fault.code == "too-many-pixels"
    assert Image.MAX_IMAGE_PIXELS is None


def test_the_limit_of_animations_does_not_bind_stills() -> None:
    limits = Limits(animation_pixels=10)
    assert decoded(saved(scene(), "png"), limits=limits).frames
    body = gif(CANVAS, [(DOT, 1, 1, 2)] * 3, 0)
    assert len(decoded(body, STILL, limits=limits).frames) == 1


def test_the_pages_of_a_tiff_are_not_counted() -> None:
    pages = saved(Image.new("L", (4, 4)), "tiff", save_all=True, append_images=[Image.new("L", (4, 4))] * 50)
    assert len(decoded(pages, limits=replace(Limits(), animation_pixels=16)).frames) == 1


# -- scale -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(100, 301), (333, 250), (60, 129), (40, 400)])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "RGBA"])
def test_scaling_in_bands_is_scaling_at_once(size: tuple[int, int], mode: str) -> None:
    image = scene(400, 500).convert("RGBA").convert(mode)
    at_once = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=GAP)
    banded = scaled(image, size, Image.Resampling.LANCZOS)
    assert (banded.mode, banded.size) == (mode, size)
    pairs = zip(banded.split(), at_once.split(), strict=True)
    # Pillow begins with rows or with columns, as is cheaper, and rounds between: seen at hard edges only.
    assert max(ImageChops.difference(*pair).getextrema()[1] for pair in pairs) <= 10


def test_each_format_has_its_plugin_and_no_other_is_imported() -> None:
    code = """if True:
        import io, sys
        from PIL import Image
        from imaging.decoding import decode
        from imaging.encoding import encode
        from imaging.model import Limits, RenditionSpec
        spec = RenditionSpec("one", width=20, formats=("webp", "jpeg"))
        body = io.BytesIO()
        Image.new("RGB", (30, 30)).save(body, "JPEG")
        picture = decode(body.getvalue(), [spec], Limits())
        for name in spec.formats:
            encode(picture.frames, name, spec, picture)
        print(*(name for name in sys.modules if name.endswith("ImagePlugin")))
    """
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True)  # noqa: S603  our own
    assert {"PIL.WebPImagePlugin", "PIL.JpegImagePlugin"} <= {*done.stdout.split()}
    assert not {"PIL.AvifImagePlugin", "PIL.DdsImagePlugin", "PIL.PdfImagePlugin"} & {*done.stdout.split()}
