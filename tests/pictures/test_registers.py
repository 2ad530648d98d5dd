"""What a register names is made, whatever it names: a format or a fit that is added is told what it still lacks."""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imaging.formats import AUTO, FORMATS, WRITTEN, Format
from imaging.pictures.encoding import SAVERS
from imaging.pictures.picture import Picture
from imaging.pictures.plan import Plan
from imaging.pictures.rendering import render
from imaging.recipe.geometry import CROP, FITS, NEED_BOTH_SIDES, Box, Shape, Size
from imaging.recipe.spec import RenditionSpec
from tests.builders import SOURCES, mean_difference, opened, renditions_of, saved, scene, see_through

# -- formats that are opened -------------------------------------------------------------------------------

OPENED = [format for format in FORMATS.values() if format.opened]


@pytest.mark.parametrize("format", OPENED, ids=lambda each: each.name)
def test_every_format_that_is_opened_is_opened(format: Format) -> None:
    assert format.name in SOURCES, f"tests/builders.py has no {format.spoken} file in SOURCES: add one that is small"
    header = renditions_of(SOURCES[format.name](), RenditionSpec("small", 20)).header
    assert header.format == format.name, (
        f"imaging/pictures/sniffing.py takes a {format.spoken} file for {header.format}"
    )
    assert (header.frames, header.warnings) == (1, ())


def test_no_format_is_opened_that_the_register_does_not_name() -> None:
    assert SOURCES.keys() == {format.name for format in OPENED}


def animation(name: str) -> bytes:
    """Three frames, in a format whose files can have several."""
    frames = [scene(64, 64), scene(64, 64).transpose(Image.Transpose.ROTATE_180), Image.new("RGB", (64, 64), "red")]
    return saved(frames[0], name, save_all=True, append_images=frames[1:], duration=[70, 120, 30])


@pytest.mark.parametrize("format", OPENED, ids=lambda each: each.name)
def test_several_frames_are_an_animation_or_pages_as_the_register_says(format: Format) -> None:
    try:
        body = animation(format.plugin)
    except (KeyError, OSError):  # Pillow writes no such file of several frames
        assert not format.animated, f"the register calls {format.spoken} animated, and no animation can be made of it"
        return
    assert renditions_of(body, RenditionSpec("small", 20)).header.frames == (3 if format.animated else 1)


# -- formats that are written ------------------------------------------------------------------------------


def written(image: Image.Image, name: str) -> tuple[bytes, Image.Image]:
    """The picture as a rendition of format `name`: its bytes, and what Pillow reads in them."""
    assert name in SAVERS, f"imaging/pictures/encoding.py has no saver for {name}: add one to SAVERS"
    (file,) = renditions_of(saved(image, "png"), RenditionSpec("one", 60, formats=(name,))).files
    assert (file.name, file.format) == ("one", name)
    back = Image.open(io.BytesIO(file.content))
    assert back.size == (file.width, file.height) == (60, 40)
    return file.content, back


@pytest.mark.parametrize("name", WRITTEN)
def test_every_format_that_is_written_is_read_back_by_its_plugin(name: str) -> None:
    _, back = written(scene(), name)
    assert back.format == FORMATS[name].plugin
    assert mean_difference(back, scene().resize((60, 40), Image.Resampling.LANCZOS)) < 12


@pytest.mark.parametrize("name", WRITTEN)
def test_transparency_is_kept_or_laid_on_the_background_as_the_register_says(name: str) -> None:
    clear = Image.new("RGBA", (90, 60), (255, 0, 0, 255))
    clear.paste((0, 0, 0, 0), (0, 0, 45, 60))
    _, back = written(clear, name)
    left, right = (back.convert("RGBA").getpixel((x, 20)) for x in (10, 50))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert right[3] == 255
    words = f"the register says alpha={WRITTEN[name].alpha} of {name}, and its files say otherwise"
    assert left[3] == 0 if WRITTEN[name].alpha else (left[3] == 255 and min(left) > 240), words


@pytest.mark.parametrize("name", WRITTEN)
def test_an_animation_is_kept_or_its_first_frame_taken_as_the_register_says(name: str) -> None:
    (file,) = renditions_of(animation("webp"), RenditionSpec("one", formats=(name,))).files
    back = Image.open(io.BytesIO(file.content))
    words = f"the register says animated={WRITTEN[name].animated} of {name}, and its files say otherwise"
    assert getattr(back, "n_frames", 1) == (3 if WRITTEN[name].animated else 1), words
    assert mean_difference(back, scene(64, 64)) < 12


@pytest.mark.parametrize("name", [name for name, writing in WRITTEN.items() if writing.quality])
def test_a_format_with_a_quality_is_lighter_with_less_of_it(name: str) -> None:
    body = saved(scene(300, 200), "png")
    sizes = [
        len(renditions_of(body, RenditionSpec("one", formats=(name,), quality={name: quality})).files[0].content)
        for quality in (20, 90)
    ]
    assert sizes[0] < sizes[1], f"the saver of {name} does not hand the quality on"


@pytest.mark.parametrize("name", [name for name, writing in WRITTEN.items() if writing.effort])
def test_every_effort_of_a_format_makes_a_file(name: str) -> None:
    effort = WRITTEN[name].effort
    assert effort
    for each in {effort.least, effort.default, effort.most}:
        (file,) = renditions_of(saved(scene(), "png"), RenditionSpec("one", formats=(name,), effort={name: each})).files
        assert opened(file.content).size == (96, 64)


@pytest.mark.parametrize("name", [name for name, writing in WRITTEN.items() if writing.subsampling])
def test_a_format_with_a_subsampling_hands_it_on(name: str) -> None:
    body = saved(scene(), "png")
    contents = {
        renditions_of(body, RenditionSpec("one", formats=(name,), subsampling=subsampling)).files[0].content
        for subsampling in ("4:2:0", "4:4:4")
    }
    assert len(contents) == 2, f"the saver of {name} does not hand the subsampling on"


def test_no_saver_is_for_a_format_that_is_not_written() -> None:
    assert SAVERS.keys() <= WRITTEN.keys()


def test_every_format_has_names_and_an_order_of_its_own() -> None:
    for fact in ("extension", "content_type", "best_first"):
        facts = [getattr(writing, fact) for writing in WRITTEN.values()]
        assert len(set(facts)) == len(facts), f"two formats have the same {fact}"


def test_auto_stands_for_formats_that_are_written_and_keep_what_they_are_taken_for() -> None:
    assert set(AUTO.values()) <= WRITTEN.keys()
    assert WRITTEN[AUTO[True]].alpha


# -- fits --------------------------------------------------------------------------------------------------


def of_limit(shape: Shape, box: Box) -> bool:
    """All of the source in its own shape, with a side as long as the box's unless it is small."""
    near = any(abs(side - most) < 1 for side, most in zip(shape.size, (box.width, box.height), strict=True) if most)
    return shape.canvas == shape.size and shape.whole and keeps_its_shape(shape) and (near or not_enlarged(shape, box))


def of_fill(shape: Shape, box: Box) -> bool:
    """The box itself, or, of a source that is smaller, a picture of the box's shape."""
    if shape.canvas != shape.size:
        return False
    if box.enlarge or (shape.source[0] >= (box.width or 0) and shape.source[1] >= (box.height or 0)):
        return shape.size == (box.width, box.height)
    ratio = (box.width or 0) / (box.height or 1)
    return abs(shape.size[0] - shape.size[1] * ratio) <= max(1, ratio) and not_enlarged(shape, box)


def of_pad(shape: Shape, box: Box) -> bool:
    """All of the source in its own shape, on a canvas that is the box."""
    return shape.canvas == (box.width, box.height) and shape.whole and keeps_its_shape(shape)


def keeps_its_shape(shape: Shape) -> bool:
    across, down = (one / other for one, other in zip(shape.size, shape.source, strict=True))
    return min(abs(shape.source[0] * down - shape.size[0]), abs(shape.source[1] * across - shape.size[1])) <= 1


def not_enlarged(shape: Shape, box: Box) -> bool:
    return box.enlarge or all(one <= other for one, other in zip(shape.size, shape.source, strict=True))


EXPECTED: Mapping[str, Callable[[Shape, Box], bool]] = {"limit": of_limit, "fill": of_fill, "pad": of_pad}
"""What is true of a fit's every shape, besides what is true of all fits."""

SIDES = st.integers(1, 3000)
SIZES = st.tuples(SIDES, SIDES)
BOXES = st.builds(Box, SIDES, SIDES, st.booleans(), st.sampled_from([16_383, 65_500]))


@pytest.mark.parametrize("fit", FITS)
@given(source=SIZES, box=BOXES)
def test_every_fit_gives_the_shape_that_is_expected_of_it(fit: str, source: Size, box: Box) -> None:
    assert fit in EXPECTED, f"nothing is known of the fit {fit!r}: say in EXPECTED, in this file, what its shapes are"
    shape = FITS[fit](source, box)
    assert shape.source == source
    assert all(1 <= side <= most for side, most in zip(shape.size, shape.canvas, strict=True)), "larger than its canvas"
    assert all(side <= most for side, most in zip(shape.canvas, (box.width, box.height), strict=True) if most)
    assert all(0 < part <= side for part, side in zip(shape.part, source, strict=True)), "more than the source is taken"
    assert shape.whole or fit in CROP, f"{fit} crops, and CROP of imaging/recipe/geometry.py does not name it"
    if not box.enlarge:
        assert all(size <= part + 1 for size, part in zip(shape.size, shape.part, strict=True)), "enlarged unasked"
    assert EXPECTED[fit](shape, box), f"{shape} is not {EXPECTED[fit].__doc__}"


@pytest.mark.parametrize("fit", FITS)
@given(source=SIZES, box=BOXES, focus=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_what_a_fit_crops_lies_inside_the_source(fit: str, source: Size, box: Box, focus: tuple[float, float]) -> None:
    shape = FITS[fit](source, box)
    left, top, right, bottom = shape.around(focus)
    assert 0 <= left < right <= source[0] + 1e-6
    assert 0 <= top < bottom <= source[1] + 1e-6
    assert (right - left, bottom - top) == pytest.approx(shape.part)


@pytest.mark.parametrize("fit", [fit for fit in FITS if fit not in NEED_BOTH_SIDES])
@given(source=SIZES, side=SIDES, enlarge=st.booleans())
def test_a_fit_that_needs_one_side_takes_one_or_none(fit: str, source: Size, side: int, enlarge: bool) -> None:
    for box in (Box(side, None, enlarge, 16_383), Box(None, side, enlarge, 16_383), Box(None, None, enlarge, 16_383)):
        shape = FITS[fit](source, box)
        assert all(1 <= one <= most for one, most in zip(shape.size, (box.width, box.height), strict=True) if most)


@pytest.mark.parametrize("fit", NEED_BOTH_SIDES)
def test_a_fit_that_needs_both_sides_says_so(fit: str) -> None:
    with pytest.raises(ValueError, match="needs a box with a width and a height"):
        FITS[fit]((10, 10), Box(5, None, enlarge=False, longest=100))
    with pytest.raises(ValueError, match="fit"):
        RenditionSpec("one", 5, fit=fit)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_fit_makes_pixels_of_its_canvas(fit: str, mode: str) -> None:
    for box in ((40, 40), (200, 30), (30, 200), (1, 1)):
        for enlarge in (False, True):
            spec = RenditionSpec("one", *box, fit, enlarge=enlarge, formats=("png",))
            (file,) = renditions_of(saved(see_through().convert(mode), "png"), spec).files
            assert (file.width, file.height) == spec.shape(96, 64).canvas


@pytest.mark.parametrize("fit", FITS)
def test_a_rendition_is_as_good_beside_others_of_this_fit_as_alone(fit: str) -> None:
    """Each rendition is made from the one before, which has to hold all that it needs."""
    image = scene(400, 300)
    picture = Picture(FORMATS["png"], image.size, (image,))
    limits = [RenditionSpec(f"limit-{side}", side, side) for side in (350, 200, 90)]
    others = [RenditionSpec(f"{fit}-{w}-{h}", w, h, fit) for w, h in ((380, 40), (40, 280), (200, 200), (60, 50))]

    def frames_of(*specs: RenditionSpec) -> dict[str, Image.Image]:
        return {target.spec.name: frames[0] for target, frames in render(picture, Plan.of(specs, picture.size))}

    together = frames_of(*limits, *others)
    for spec in (*limits, *others):
        alone = frames_of(spec)[spec.name]
        difference = mean_difference(together[spec.name], alone)
        assert difference < 1.5, f"{spec.name} differs by {difference:.1f} levels when it is made beside others"


def test_a_fit_is_made_and_not_taken_for_another() -> None:
    spec = RenditionSpec("one", 40, 50, formats=("png",))
    body = saved(scene(), "png")
    files = [renditions_of(body, replace(spec, fit=fit)).files[0].content for fit in FITS]
    for (one, content), (other, twin) in pairwise(zip(FITS, files, strict=True)):
        assert content != twin, f"{one} and {other} make the same picture"
