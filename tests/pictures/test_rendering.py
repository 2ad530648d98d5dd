"""Pixels of every rendition: its crop, its size, its canvas, its overlay, and the colour that stands for it."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from benchmarks.photos import photo
from imaging.formats import FORMATS
from imaging.pictures.picture import Frames, Picture
from imaging.pictures.plan import Plan, Target
from imaging.pictures.rendering import (
    cut,
    dominant_colour,
    focus_of,
    overlaid,
    padded,
    render,
    sharpened,
    smart_focus,
)
from imaging.recipe.geometry import FITS, Point, Shape
from imaging.recipe.spec import SIDES, Overlay, RenditionSpec
from tests.builders import (
    decoded,
    gif,
    mean_difference,
    opened,
    saved,
    scene,
    see_through,
    ssim,
    worst_difference,
)

LIME = (0, 255, 0)


def picture_of(*frames: Image.Image) -> Picture:
    return Picture(FORMATS["png"], frames[0].size, frames, (0,) * len(frames))


def all_rendered(picture: Picture, specs: list[RenditionSpec], focal_point: Point | None = None) -> dict[str, Frames]:
    """The frames of each rendition by its name, in the order in which they are made."""
    plan = Plan.of(specs, picture.size)
    return {target.spec.name: frames for target, frames in render(picture, plan, focal_point)}


def rendered(image: Image.Image, spec: RenditionSpec, focal_point: Point | None = None) -> Image.Image:
    (frame,) = all_rendered(picture_of(image), [spec], focal_point)[spec.name]
    return frame


def one(fit: str = "limit", width: int | None = 48, height: int | None = 48, **fields: object) -> RenditionSpec:
    return RenditionSpec("one", width, height, fit, **fields)  # type: ignore[arg-type]


def quarters() -> Image.Image:
    """Four times four squares, each of its own colour: a crop shows where it was taken."""
    image = Image.new("RGB", (64, 64))
    for x in range(4):
        for y in range(4):
            image.paste((x * 80, y * 80, 128), (x * 16, y * 16, x * 16 + 16, y * 16 + 16))
    return image


# -- fit ---------------------------------------------------------------------------------------------------


def test_limit_keeps_the_whole_picture_within_the_box() -> None:
    frame = rendered(scene(), one())
    assert frame.size == (48, 32)
    assert mean_difference(frame, scene().resize((48, 32), Image.Resampling.LANCZOS)) < 0.5


def test_fill_is_the_box() -> None:
    assert rendered(scene(), one("fill")).size == (48, 48)


def test_fill_cuts_and_does_not_squeeze() -> None:
    frame = rendered(scene(), one("fill", 64, 64))
    assert worst_difference(frame, scene().crop((16, 0, 80, 64))) == 0


def test_pad_centres_the_picture_on_the_background() -> None:
    frame = rendered(Image.new("RGB", (96, 64), "red"), one("pad", background="#00ff00"))
    assert (frame.size, frame.mode) == ((48, 48), "RGB")
    assert [frame.getpixel((24, y)) for y in (0, 7, 8, 39, 40, 47)] == [LIME, LIME, *[(255, 0, 0)] * 2, LIME, LIME]


def test_pad_shows_its_background_through_the_picture_in_any_mode() -> None:
    for image in (Image.new("RGBA", (8, 8), (255, 0, 0, 0)), Image.new("LA", (8, 8), (7, 0))):
        assert padded(image, (8, 8), "#00ff00").getpixel((4, 4)) == LIME
    assert padded(Image.new("L", (8, 8), 77), (16, 16), "#00ff00").getpixel((8, 8)) == (77, 77, 77)


def test_nothing_is_enlarged_unless_the_spec_says_so() -> None:
    small = scene(24, 16)
    for fit, plain, enlarged in (("limit", (24, 16), (48, 32)), ("fill", (16, 16), (48, 48)), ("pad", *[(48, 48)] * 2)):
        assert rendered(small, one(fit)).size == plain
        assert rendered(small, one(fit, enlarge=True)).size == enlarged


def test_pad_enlarges_the_picture_in_its_canvas_only_where_asked() -> None:
    dot = Image.new("RGB", (2, 2), "red")
    assert rendered(dot, one("pad")).getpixel((10, 10)) == (255, 255, 255)
    assert rendered(dot, one("pad", enlarge=True)).getpixel((10, 10)) == (255, 0, 0)


SPECS = st.lists(
    st.builds(
        RenditionSpec,
        st.just("any"),
        st.integers(1, 90),
        st.integers(1, 90),
        st.sampled_from(sorted(FITS)),
        st.sampled_from([*SIDES, "focal", "smart"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(
    SPECS,
    st.sampled_from([(1, 1), (1, 70), (300, 1), (64, 48), (33, 77), (2, 3)]),
    st.one_of(st.none(), st.tuples(st.floats(0, 1), st.floats(0, 1))),
)
def test_every_rendition_has_the_size_that_its_shape_says(
    specs: list[RenditionSpec], size: tuple[int, int], focal_point: Point | None
) -> None:
    specs = [replace(spec, name=f"s{number}") for number, spec in enumerate(specs)]
    picture = decoded(saved(scene(300, 300).resize(size), "png"), *specs)
    frames_of = all_rendered(picture, specs, focal_point)
    assert frames_of.keys() == {spec.name for spec in specs}
    for spec in specs:
        assert [frame.size for frame in frames_of[spec.name]] == [spec.shape(*size).canvas]


def test_renditions_are_made_from_the_largest_down_and_are_as_good_as_made_alone() -> None:
    specs = [RenditionSpec(str(width), width) for width in (40, 160, 80)]
    frames_of = all_rendered(picture_of(scene(400, 300)), specs)
    assert list(frames_of) == ["160", "80", "40"]
    for spec in specs:
        assert mean_difference(frames_of[spec.name][0], rendered(scene(400, 300), spec)) < 1


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How wide the pictures were that renditions were made from, one after the other."""
    widths = []

    def noting(frame: Image.Image, shape: Shape, focus: Point) -> Image.Image:
        widths.append(frame.width)
        return cut(frame, shape, focus)

    monkeypatch.setattr("imaging.pictures.rendering.cut", noting)
    return widths


def test_every_rendition_starts_from_the_smallest_before_it_that_has_detail_to_spare(starts: list[int]) -> None:
    specs = [RenditionSpec(str(width), width) for width in (40, 160, 80, 60, 48, 320)]
    all_rendered(picture_of(scene(400, 300)), specs)
    assert starts == [400, 320, 160, 160, 80, 80]


def test_renditions_near_to_the_largest_start_from_the_larger_picture(starts: list[int]) -> None:
    whole = scene(800, 600)
    picture = replace(picture_of(whole), frames=(whole.resize((400, 300)),), larger=(whole.resize((560, 420)),))
    all_rendered(picture, [RenditionSpec(str(width), width) for width in (400, 350, 200, 399)])
    assert starts == [400, 400, 560, 350]


def test_renditions_of_one_size_are_made_once() -> None:
    of_one_size = all_rendered(picture_of(scene(400, 300)), [RenditionSpec(name, 100) for name in ("one", "other")])
    assert of_one_size["one"][0] is of_one_size["other"][0]


def test_a_rendition_that_squeezes_its_source_does_not_starve_the_next_one() -> None:
    picture = picture_of(scene(400, 300))
    whole, limit = (400.0, 300.0), RenditionSpec("limit", 200)
    squeezed = Target(RenditionSpec("squeezed"), Shape((400, 300), whole, (380, 40), (380, 40)))
    plan = Plan((squeezed, Target(limit, limit.shape(400, 300))), (400, 300))
    (_, (flat,)), (_, (frame,)) = render(picture, plan)
    assert mean_difference(flat, scene(400, 300).resize((380, 40), Image.Resampling.LANCZOS)) < 1
    assert mean_difference(frame, rendered(scene(400, 300), limit)) < 0.1


def test_a_line_is_not_made_from_a_shorter_line() -> None:
    dotted = Image.new("L", (1200, 1))
    dotted.putdata([255 * (x % 2) for x in range(1200)])
    specs = [RenditionSpec(str(width), width) for width in (30, 1200)]
    assert all_rendered(picture_of(dotted), specs)["1200"][0].tobytes() == dotted.tobytes()


def test_a_rendition_is_sharpened_laid_on_its_canvas_and_marked_as_its_spec_says() -> None:
    mark = Overlay(saved(Image.new("RGB", (4, 4), "red"), "png"), position="north", scale=0.5)
    plain = one("limit", 48, 48)
    frame = rendered(scene(), plain)
    assert worst_difference(rendered(scene(), replace(plain, sharpen=150)), sharpened(frame, 150)) == 0
    assert worst_difference(rendered(scene(), replace(plain, overlay=mark)), overlaid(frame, mark)) == 0
    everything = rendered(scene(), one("pad", 48, 48, sharpen=150, overlay=mark, background="#00ff00"))
    assert worst_difference(everything, overlaid(padded(sharpened(frame, 150), (48, 48), "#00ff00"), mark)) == 0


@pytest.mark.parametrize("gravity", SIDES)
def test_a_crop_shows_the_same_part_however_small_the_picture_was_decoded(gravity: str) -> None:
    source = scene(400, 300)
    small = source.resize((200, 150), Image.Resampling.LANCZOS)
    for spec in (one("fill", 30, 90, gravity=gravity), one("fill", 90, 30, gravity=gravity)):
        ((_, (frame,)),) = render(Picture(FORMATS["png"], (400, 300), (small,)), Plan.of([spec], (400, 300)))
        assert mean_difference(frame, rendered(source, spec)) < 2


def test_sharpening_and_overlays_of_one_rendition_do_not_reach_the_next() -> None:
    mark = Overlay(saved(Image.new("RGB", (4, 4), "red"), "png"), scale=1.0)
    specs = [RenditionSpec("large", 80, overlay=mark, sharpen=200), RenditionSpec("small", 40)]
    (frame,) = all_rendered(picture_of(scene()), specs)["small"]
    assert mean_difference(frame, rendered(scene(), specs[1])) < 1


def test_a_cut_at_the_right_scale_copies_pixels() -> None:
    shape = Shape((96, 64), (64.0, 48.0), (64, 48), (64, 48))
    frame = cut(scene(), shape, (42.4 / 96, 29 / 64))
    assert worst_difference(frame, scene().crop((10, 5, 74, 53))) == 0


def test_every_frame_of_an_animation_is_rendered() -> None:
    frames = [scene(), scene().transpose(Image.Transpose.ROTATE_180)]
    cuts = all_rendered(picture_of(*frames), [one("fill")])["one"]
    assert [worst_difference(a, rendered(b, one("fill"))) for a, b in zip(cuts, frames, strict=True)] == [0, 0]


def test_alpha_is_kept_and_scaled_without_fringes() -> None:
    source = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    ImageDraw.Draw(source).ellipse((20, 20, 107, 107), fill=(255, 240, 20, 255))
    frame = rendered(source, one("limit", 37, None))
    edge = [pixel for pixel in zip(*[iter(frame.tobytes())] * 4, strict=True) if 64 < pixel[3] < 255]
    assert len(edge) > 10
    assert all(max(abs(a - b) for a, b in zip(pixel[:3], (255, 240, 20), strict=True)) <= 12 for pixel in edge)


# -- gravity -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gravity", SIDES)
def test_fill_keeps_the_side_that_gravity_names(gravity: str) -> None:
    image = quarters()
    x, y = SIDES[gravity]
    tall, wide = (
        rendered(image, one("fill", 16, 64, gravity=gravity)),
        rendered(image, one("fill", 64, 16, gravity=gravity)),
    )
    assert worst_difference(tall, image.crop((round(x * 48), 0, round(x * 48) + 16, 64))) == 0
    assert worst_difference(wide, image.crop((0, round(y * 48), 64, round(y * 48) + 16))) == 0


def test_focal_keeps_the_point_of_the_hint_or_the_centre() -> None:
    image = quarters()
    spec = one("fill", 16, 64, gravity="focal")
    assert worst_difference(rendered(image, spec, (0.9, 0.1)), image.crop((48, 0, 64, 64))) == 0
    assert worst_difference(rendered(image, spec), image.crop((24, 0, 40, 64))) == 0


def test_a_hint_does_not_move_a_rendition_that_asks_for_a_side() -> None:
    assert focus_of(one("fill", gravity="west"), picture_of(scene()), (1.0, 1.0)) == SIDES["west"]
    assert focus_of(one("limit", gravity="focal"), picture_of(scene()), (1.0, 1.0)) == SIDES["centre"]


def subject_at(x: int, y: int) -> Image.Image:
    """A dull wall with a colourful, detailed thing on it."""
    image = Image.new("RGB", (400, 300), (128, 128, 120))
    draw = ImageDraw.Draw(image)
    for ring, colour in ((40, "red"), (30, "yellow"), (20, "blue"), (10, "white")):
        draw.ellipse((x - ring, y - ring, x + ring, y + ring), fill=colour)
    return image


@pytest.mark.parametrize("place", [(60, 60), (340, 60), (200, 150), (60, 240), (340, 240)])
def test_smart_finds_the_subject(place: tuple[int, int]) -> None:
    x, y = smart_focus(subject_at(*place))
    assert abs(x * 400 - place[0]) < 25
    assert abs(y * 300 - place[1]) < 25
    assert smart_focus(subject_at(*place)) == (x, y)


def test_smart_finds_the_mirrored_place_in_the_mirrored_picture() -> None:
    image = subject_at(60, 240)
    turned = image.transpose(Image.Transpose.ROTATE_180)
    for there, back in zip(smart_focus(image), smart_focus(turned), strict=True):
        assert there + back == pytest.approx(1, abs=0.01)


def test_smart_prefers_one_clear_subject_to_an_even_texture() -> None:
    image = subject_at(340, 150)
    image.paste(Image.effect_noise((240, 300), 22).convert("RGB"), (0, 0))
    assert smart_focus(image)[0] > 0.7


def test_smart_takes_the_hint_where_there_is_one_and_the_centre_where_nothing_stands_out() -> None:
    picture = picture_of(subject_at(60, 60))
    assert focus_of(one("fill", gravity="smart"), picture, (0.9, 0.9)) == (0.9, 0.9)
    assert smart_focus(Image.new("RGB", (400, 300), "teal")) == SIDES["centre"]
    for image in (Image.new("L", (1, 1)), Image.new("LA", (5000, 1)), Image.new("RGBA", (2, 2))):
        assert smart_focus(image) == SIDES["centre"]


def test_a_smart_crop_holds_the_subject() -> None:
    frame = rendered(subject_at(340, 150), one("fill", 100, 300, gravity="smart"))
    assert frame.getpixel((frame.width // 2, 150)) == (255, 255, 255)


# -- overlay, sharpen --------------------------------------------------------------------------------------


def watermark(mode: str = "RGB", **fields: object) -> Overlay:
    content = saved(Image.new(mode, (20, 10), (255, 0, 0, 128) if mode == "RGBA" else "red"), "png")
    return Overlay(content, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("position", SIDES)
def test_an_overlay_lies_at_its_position_a_little_off_the_edge(position: str) -> None:
    frame = overlaid(Image.new("RGB", (200, 100), "black"), watermark(position=position, scale=0.2))
    box = frame.getbbox()
    assert box
    assert (box[2] - box[0], box[3] - box[1]) == (40, 20)
    x, y = SIDES[position]
    assert box[:2] == ({0: 4, 0.5: 80, 1: 156}[x], {0: 4, 0.5: 40, 1: 76}[y])


def test_an_overlay_is_as_wide_as_its_share_of_the_rendition_and_never_higher_than_it() -> None:
    black = Image.new("RGB", (400, 50), "black")
    assert overlaid(black, watermark(scale=0.1, position="centre")).getbbox() == (180, 15, 220, 35)
    box = overlaid(black, watermark(scale=1.0, position="south-east")).getbbox()
    assert box == (292, 0, 392, 50)


def test_an_overlay_is_as_opaque_as_asked_in_colour_and_in_alpha() -> None:
    def centre(**fields: object) -> tuple[int, ...]:
        pixel = overlaid(Image.new("RGB", (100, 100)), watermark(position="centre", scale=0.5, **fields)).getpixel(
            (50, 50)
        )
        assert isinstance(pixel, tuple)
        return pixel

    assert centre() == (255, 0, 0)
    assert abs(centre(opacity=0.5)[0] - 128) <= 1
    assert abs(centre(mode="RGBA")[0] - 128) <= 1
    assert abs(centre(mode="RGBA", opacity=0.5)[0] - 64) <= 1
    assert centre(opacity=0.0) == (0, 0, 0)


def test_an_overlay_colours_grey_pictures_and_leaves_alpha_around_it() -> None:
    assert overlaid(Image.new("L", (100, 100)), watermark(position="centre")).getpixel((50, 50)) == (255, 0, 0)
    frame = overlaid(Image.new("RGBA", (100, 100)), watermark(position="centre"))
    assert (frame.getpixel((50, 50)), frame.getpixel((0, 0))) == ((255, 0, 0, 255), (0, 0, 0, 0))


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 2)])
def test_an_overlay_fits_on_renditions_of_any_size(size: tuple[int, int]) -> None:
    assert overlaid(Image.new("RGB", size), watermark(scale=1.0)).size == size


@pytest.mark.parametrize("mode", ["L", "RGB", "LA", "RGBA"])
def test_sharpening_lifts_edges_and_leaves_alpha(mode: str) -> None:
    image = see_through().convert(mode)
    sharp = sharpened(image, 150)
    assert sharp.mode == mode
    assert worst_difference(sharp, image, mode) > 10
    if mode.endswith("A"):
        assert sharp.getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_nothing_is_sharpened_unless_asked() -> None:
    assert worst_difference(rendered(scene(), one("limit", 96, 64)), scene()) == 0


# -- the dominant colour -----------------------------------------------------------------------------------


def test_the_dominant_colour_is_the_one_of_most_pixels() -> None:
    image = Image.new("RGB", (90, 90), (20, 60, 200))
    image.paste("white", (0, 0, 30, 90))
    assert dominant_colour(picture_of(image)) == "#143cc8"


@pytest.mark.parametrize(("alpha", "colour"), [(127, "#ffffff"), (128, "#ff0000")])
def test_a_pixel_counts_for_the_dominant_colour_from_half_its_opacity_on(alpha: int, colour: str) -> None:
    assert dominant_colour(picture_of(Image.new("RGBA", (9, 9), (255, 0, 0, alpha)))) == colour


def test_what_is_not_seen_does_not_count_for_the_dominant_colour() -> None:
    image = Image.new("RGBA", (90, 90), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 10, 10))
    assert dominant_colour(picture_of(image)) == "#0000ff"
    assert dominant_colour(picture_of(Image.new("RGBA", (9, 9)))) == "#ffffff"


@pytest.mark.parametrize("image", [Image.new("L", (1, 1), 128), Image.new("LA", (2, 900), (128, 255))])
def test_grey_pictures_of_any_size_have_a_dominant_colour(image: Image.Image) -> None:
    assert dominant_colour(picture_of(image)) == "#808080"


def test_an_animation_is_judged_by_its_first_frame() -> None:
    body = gif((6, 4), [((0, 0, 6, 4), 1, 1, 10), ((0, 0, 6, 4), 2, 1, 10)], 0)
    assert dominant_colour(decoded(body)) == "#ff0000"


# -- as good as the slow way ------------------------------------------------------------------------------


@cache
def original() -> Image.Image:
    return photo(1600, 1200, 3)


@pytest.mark.parametrize("largest", [700, 1000], ids=["decoded at half its size", "decoded whole"])
def test_renditions_look_like_the_whole_picture_scaled_at_once(largest: int) -> None:
    body = saved(original(), "jpeg", quality=93)
    whole = opened(body).convert("RGB")
    specs = [RenditionSpec(f"w{width}", width=width) for width in (largest, 500, 250, 125)]
    alike = [
        ssim(frame, whole.resize(frame.size, Image.Resampling.LANCZOS))
        for (frame,) in all_rendered(decoded(body, *specs), specs).values()
    ]
    assert sum(alike) / len(alike) > 0.995
    assert min(alike) > 0.993


@pytest.mark.parametrize("times", [1.6, 2.05, 2.4, 4.1, 4.85, 5.6, 8.2, 9.7, 11.2, 17])
def test_the_largest_rendition_is_as_good_whatever_its_size(times: float) -> None:
    spec = RenditionSpec("one", width=round(1600 / times))
    (frame,) = all_rendered(decoded(saved(original(), "jpeg", quality=95), spec), [spec])["one"]
    assert ssim(frame, original().resize(frame.size, Image.Resampling.LANCZOS)) > 0.995
