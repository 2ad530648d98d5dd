"""An opened file becomes one upright sRGB picture, as large as its renditions need and no larger."""

import pytest
from PIL import Image, ImageDraw

from imaging.recipe.spec import RenditionSpec
from tests.builders import (
    CANVAS,
    CORNER,
    DOT,
    HALF,
    WHOLE,
    decoded,
    exif,
    gif,
    marked,
    mean_difference,
    opened,
    oriented,
    renditions_of,
    saved,
    scene,
    see_through,
    still,
    worst_difference,
)
from tests.profiles import MARK

RED, GREEN, BLUE, CLEAR = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255), (9, 9, 9, 0)
SMALL = RenditionSpec("small", width=24)
STILL = RenditionSpec("still", animated=False)


# -- every format ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["png", "tiff", "bmp", "webp", "avif"])
def test_a_lossless_file_is_decoded_to_its_very_pixels(name: str) -> None:
    options = {"webp": {"lossless": True}, "avif": {"quality": 100, "subsampling": "4:4:4"}}.get(name, {})
    picture = decoded(saved(scene(), name, **options))
    assert (picture.format.name, picture.size) == (name, (96, 64))
    assert worst_difference(picture.frames[0], scene()) <= (3 if name == "avif" else 0)


@pytest.mark.parametrize("options", [{"progressive": False}, {"progressive": True}, {"subsampling": "4:4:4"}])
def test_a_jpeg_of_any_kind_is_decoded(options: dict[str, object]) -> None:
    picture = decoded(saved(scene(), "jpeg", quality=95, **options))
    assert picture.format.name == "jpeg"
    assert mean_difference(picture.frames[0], scene()) < 6


def test_of_a_jpeg_with_several_pictures_the_first_is_taken() -> None:
    body = saved(scene(), "mpo", save_all=True, append_images=[Image.new("RGB", (96, 64), "red")])
    assert opened(body).format == "MPO"
    picture = decoded(body)
    assert (picture.format.name, len(picture.frames)) == ("jpeg", 1)
    assert mean_difference(picture.frames[0], scene()) < 9


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


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("spec", [WHOLE, RenditionSpec("small", width=24)], ids=["whole", "small"])
def test_every_orientation_ends_upright(orientation: int, name: str, spec: RenditionSpec) -> None:
    upright = scene(96, 56)
    options = {} if name in {"png", "tiff"} else {"quality": 95}
    picture = decoded(oriented(upright, orientation, name, **options), spec)
    twin = decoded(saved(upright, name, **options), spec)
    assert picture.size == (96, 56)
    assert mean_difference(picture.frames[0], twin.frames[0]) < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_whose_sides_cannot_be_halved_keeps_its_place_when_it_is_reduced(orientation: int) -> None:
    upright = scene(1001, 747)
    frame = decoded(oriented(upright, orientation, "jpeg", quality=95), RenditionSpec("small", width=61)).frames[0]
    assert mean_difference(frame, upright.resize(frame.size, Image.Resampling.LANCZOS)) < 1.5


def test_alpha_turns_with_its_colours() -> None:
    frame = still(oriented(see_through(), 6, "png"))
    assert worst_difference(frame, see_through(), "RGBA") == 0


def test_every_frame_of_an_animation_is_turned() -> None:
    one, other = scene(), Image.new("RGB", (96, 64), "red")
    stored = [image.transpose(Image.Transpose.ROTATE_90) for image in (one, other)]
    body = saved(stored[0], "webp", save_all=True, append_images=stored[1:], lossless=True, exif=exif(Orientation=6))
    frames = decoded(body).frames
    assert [worst_difference(a, b) for a, b in zip(frames, (one, other), strict=True)] == [0, 0]


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
    assert picture.size == (800, 600)
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
    (file,) = renditions_of(body, RenditionSpec("whole", formats=(name,))).files
    back = opened(file.content)
    assert (back.n_frames, back.info["duration"]) == (2, 655_350)  # eleven minutes, GIF's longest


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


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "tiff", "bmp", "webp", "avif"])
def test_frames_carry_nothing_but_pixels(name: str) -> None:
    for frame in decoded(marked(name, scene()), WHOLE, SMALL).frames:
        assert frame.info == {}
        assert type(frame) is Image.Image
        assert MARK not in frame.tobytes()


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_is_decoded_larger_too_for_renditions_near_to_the_largest(orientation: int) -> None:
    body = oriented(scene(192, 128), orientation, "jpeg")
    picture = decoded(body, RenditionSpec("large", 60), RenditionSpec("near", 50))
    (frame,), (larger,) = picture.frames, picture.larger
    assert (frame.size, larger.size) == ((60, 40), (80, 53))
    assert mean_difference(larger.resize(frame.size, Image.Resampling.LANCZOS), frame) < 3


def test_a_source_that_is_as_large_as_the_larger_picture_is_copied_out_of_its_file() -> None:
    picture = decoded(saved(scene(), "png"), RenditionSpec("large", 80), RenditionSpec("near", 70))
    assert picture.larger[0].size == (96, 64)
    picture.larger[0].tobytes()


def test_an_animation_is_decoded_once() -> None:
    body = saved(scene(), "webp", save_all=True, append_images=[see_through()], duration=40)
    picture = decoded(body, RenditionSpec("large", 60), RenditionSpec("near", 50))
    assert (len(picture.frames), picture.larger) == (2, ())
