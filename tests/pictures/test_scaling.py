"""Pictures in another size."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from imaging.pictures.scaling import scaled, thumbnail
from tests.builders import mean_difference, scene, see_through, worst_difference

Box = tuple[float, float, float, float]


@pytest.mark.parametrize("mode", ["L", "LA", "La", "RGB", "RGBA", "RGBa", "CMYK", "LAB"])
@pytest.mark.parametrize("size", [(100, 125), (31, 125), (399, 40), (400, 300), (480, 600)])
def test_a_picture_keeps_its_mode_and_its_looks(mode: str, size: tuple[int, int]) -> None:
    image = in_mode(see_through((400, 500)), mode)
    small = scaled(image, size)
    assert (small.mode, small.size) == (mode, size)
    by_pillow = image.resize(size, Image.Resampling.LANCZOS) if mode in ("L", "RGB", "CMYK", "LAB") else None
    if by_pillow:
        assert mean_difference(small, by_pillow, mode) < 1


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The picture in a mode, by the ways that Pillow knows."""
    if mode == "LAB":
        return Image.merge("LAB", image.convert("RGB").split())
    if mode in ("LA", "La"):
        grey = image.convert("LA")
        return grey if mode == "LA" else grey.convert("La")
    return image.convert(mode)


# -- where things come to lie ------------------------------------------------------------------------------


def ramp(length: int, *, rising: bool) -> Image.Image:
    """Grey that changes evenly from left to right, so that a value tells the place it comes from."""
    values = [round(20 + 200 * (x + 0.5) / length) for x in range(length)]
    return Image.frombytes("L", (length, 4), bytes(value if rising else 240 - value for value in values) * 4)


def moved(length: int, start: float, stop: float, wanted: int) -> float:
    """By how many of its pixels the middle of a scaled part lies aside from where it should.

    Rounded values err in one direction. On a falling ramp they err in the other.
    """
    scale, aside = (stop - start) / wanted, []
    middle = range(wanted // 4, wanted - wanted // 4)
    for rising in (True, False):
        pixels = scaled(ramp(length, rising=rising), (wanted, 4), (start, 0, stop, 4)).tobytes()[wanted : 2 * wanted]
        for x in middle:
            value = pixels[x] if rising else 240 - pixels[x]
            place = (value - 20) * length / 200
            aside.append((place - (start + (x + 0.5) * scale)) / scale)
    return sum(aside) / len(aside)


@given(st.data())
@settings(max_examples=60)
def test_a_part_comes_out_where_it_should(data: st.DataObject) -> None:
    length = data.draw(st.integers(60, 200))
    start = data.draw(st.floats(0, length * 0.3))
    stop = data.draw(st.floats(length * 0.7, length))
    wanted = data.draw(st.integers(8, int(stop - start)))
    assert abs(moved(length, start, stop, wanted)) < 0.2


@pytest.mark.parametrize(
    ("length", "start", "stop", "wanted"),
    [
        (126, 0, 125.125, 100),  # an eighth of 1,001 pixels, in the 126 that libjpeg makes of them
        (160, 20.3, 140.3, 80),
        (160, 17.77, 137.21, 100),
        (160, 0.5, 150.5, 100),
        (200, 31.4, 171.9, 20),
        (200, 10, 190, 179),
    ],
)
def test_a_part_of_fractions_is_moved_by_no_tenth_of_a_pixel(
    length: int, start: float, stop: float, wanted: int
) -> None:
    assert abs(moved(length, start, stop, wanted)) < 0.1


@pytest.mark.parametrize("size", [(50, 100), (111, 63), (180, 390)])
def test_a_box_is_what_is_shown(size: tuple[int, int]) -> None:
    image, box = scene(400, 500), (100.5, 50.25, 300.5, 450.25)
    one, other = scaled(image, size, box), image.resize(size, Image.Resampling.LANCZOS, box)
    assert mean_difference(one, other) < 1


@given(
    size=st.tuples(st.integers(20, 90), st.integers(20, 90)),
    wanted=st.tuples(st.integers(8, 90), st.integers(8, 90)),
    turn=st.sampled_from([*Image.Transpose]),
)
@settings(max_examples=60)
def test_a_turned_picture_is_scaled_to_the_turned_result(
    size: tuple[int, int], wanted: tuple[int, int], turn: Image.Transpose
) -> None:
    image = scene(90, 90).resize(size)
    first = scaled(image, wanted).transpose(turn)
    turned = image.transpose(turn)
    assert mean_difference(scaled(turned, first.size), first) < 2


# -- what a value becomes ----------------------------------------------------------------------------------


@given(
    value=st.integers(0, 255),
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    wanted=st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
@example(255, (1, 1), (1, 1))
@example(255, (1, 300), (1, 2))
@example(255, (300, 1), (1, 1))
@settings(max_examples=60)
def test_one_colour_stays_that_colour(value: int, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    small = scaled(Image.new("RGB", size, (value, 255 - value, 128)), wanted)
    assert small.getextrema() == ((value, value), (255 - value, 255 - value), (128, 128))


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((16_383, 3), (160, 1)), ((2, 16_384), (1, 16_383)), ((65_500, 1), (1, 1)), ((1, 20_001), (1, 777))],
)
def test_a_very_long_side_shrinks(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    small = scaled(Image.linear_gradient("L").resize(size).convert("RGB"), wanted)
    assert small.size == wanted
    assert mean_difference(small, Image.linear_gradient("L").resize(size).resize(wanted, Image.Resampling.BOX)) < 3


def test_a_hidden_colour_weighs_nothing() -> None:
    image = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((20, 20, 107, 107), fill=(255, 240, 20, 255))
    for mode, shown in (("RGBA", (255, 240, 20)), ("LA", (219,))):
        small = scaled(image.convert(mode), (37, 37))
        pixels = zip(*[iter(small.tobytes())] * len(mode), strict=True)
        edge = [pixel for pixel in pixels if 64 < pixel[-1] < 255]
        assert len(edge) > 10
        assert all(max(abs(a - b) for a, b in zip(pixel, shown, strict=False)) <= 12 for pixel in edge)


def test_what_is_scaled_stays_as_it_was() -> None:
    image = see_through()
    before = image.tobytes()
    scaled(image, (10, 10))
    assert image.tobytes() == before


def test_strips_leave_no_seam() -> None:
    image = scene(400, 1200)
    small = scaled(image, (100, 300))
    assert worst_difference(small, image.resize((100, 300), Image.Resampling.LANCZOS, reducing_gap=2.0)) <= 24
    for first in range(32, 300, 32):
        seam = (0, first - 2, 100, first + 2)
        by_pillow = image.resize((100, 300), Image.Resampling.LANCZOS).crop(seam)
        assert mean_difference(small.crop(seam), by_pillow) < 1


# -- thumbnails --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "small"), [((400, 300), (20, 15)), ((300, 400), (15, 20)), ((9, 5), (9, 5)), ((5000, 1), (20, 1))]
)
def test_a_thumbnail_has_no_longer_side_and_the_picture_is_not_enlarged(
    size: tuple[int, int], small: tuple[int, int]
) -> None:
    assert thumbnail(Image.new("RGBA", size), 20).size == small


def test_a_pixel_of_a_thumbnail_is_the_mean_of_those_it_stands_for() -> None:
    image = Image.new("L", (4, 4))
    image.putdata([0, 40, 200, 200, 80, 120, 200, 200, *[8] * 8])
    assert list(thumbnail(image, 2).tobytes()) == [60, 200, 8, 8]
