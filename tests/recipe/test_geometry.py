import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.recipe.geometry import CROP, FITS, NEED_BOTH_SIDES, Box, Shape, Size, fill, limit, pad

LONGEST = 16_383
SIDES = st.integers(1, 20_000)
SIZES = st.tuples(SIDES, SIDES)


def box(width: int | None, height: int | None, *, enlarge: bool = False, longest: int = LONGEST) -> Box:
    return Box(width, height, enlarge, longest)


@pytest.mark.parametrize(
    ("source", "into", "size"),
    [
        ((400, 200), box(100, None), (100, 50)),
        ((400, 200), box(None, 100), (200, 100)),
        ((400, 200), box(100, 100), (100, 50)),
        ((200, 400), box(100, 100), (50, 100)),
        ((400, 200), box(None, None), (400, 200)),
        ((40, 20), box(100, 100), (40, 20)),
        ((40, 20), box(100, 100, enlarge=True), (100, 50)),
        ((40, 20), box(None, None, enlarge=True), (40, 20)),
        ((10_000, 1), box(100, None), (100, 1)),
        ((1, 10_000), box(None, 100), (1, 100)),
        ((40_000, 1000), box(None, 2000), (16_383, 410)),
        ((1000, 40_000), box(1000, None), (410, 16_383)),
        ((100, 50), box(100, 100, enlarge=True, longest=60), (60, 30)),
    ],
)
def test_limit_fits_the_whole_picture_into_the_box_and_into_what_a_format_holds(
    source: Size, into: Box, size: Size
) -> None:
    shape = limit(source, into)
    assert (shape.size, shape.canvas, shape.part) == (size, size, source)
    assert shape.whole


@given(SIZES, SIZES)
def test_limit_never_enlarges_and_never_leaves_the_box(source: Size, sides: Size) -> None:
    width, height = limit(source, box(*sides)).size
    assert 1 <= width <= min(source[0], sides[0])
    assert 1 <= height <= min(source[1], sides[1])


@pytest.mark.parametrize(
    ("source", "into", "size", "part"),
    [
        ((400, 200), box(100, 100), (100, 100), (200, 200)),
        ((200, 400), box(100, 100), (100, 100), (200, 200)),
        ((400, 200), box(100, 50), (100, 50), (400, 200)),
        ((60, 40), box(100, 100), (40, 40), (40, 40)),
        ((60, 40), box(100, 100, enlarge=True), (100, 100), (40, 40)),
        ((40, 60), box(100, 100), (40, 40), (40, 40)),
        ((60, 80), box(30, 100), (24, 80), (24, 80)),
        ((80, 60), box(100, 30), (80, 24), (80, 24)),
        ((1, 1), box(100, 10), (1, 1), (1, 1)),
    ],
)
def test_fill_covers_the_box_and_of_a_smaller_source_makes_the_largest_picture_of_its_shape(
    source: Size, into: Box, size: Size, part: tuple[float, float]
) -> None:
    shape = fill(source, into)
    assert (shape.size, shape.canvas) == (size, size)
    assert shape.part == pytest.approx(part)


def test_pad_puts_the_whole_picture_on_a_canvas_of_the_size_of_the_box() -> None:
    assert pad((400, 200), box(100, 100)) == Shape((400, 200), (400, 200), (100, 50), (100, 100))
    assert pad((4, 2), box(100, 100)).size == (4, 2)
    assert pad((4, 2), box(100, 100, enlarge=True)).size == (100, 50)


def test_a_shape_is_whole_unless_something_is_cut_away() -> None:
    assert pad((4, 2), box(2, 2)).whole
    assert not fill((4, 2), box(2, 2)).whole


def test_the_scale_is_that_of_the_side_which_needs_most_of_the_source() -> None:
    assert fill((400, 200), box(100, 100)).scale == 0.5
    assert limit((1000, 3), box(100, None)).scale == pytest.approx(1 / 3), "three rows become one, not 0.3"
    assert limit((3, 1000), box(None, 100)).scale == pytest.approx(1 / 3)
    assert limit((40, 20), box(80, None, enlarge=True)).scale == 2


@pytest.mark.parametrize(
    ("focus", "edges"),
    [
        ((0.5, 0.5), (100, 0, 300, 200)),
        ((0.0, 0.0), (0, 0, 200, 200)),
        ((1.0, 1.0), (200, 0, 400, 200)),
        ((0.3, 0.9), (20, 0, 220, 200)),
    ],
)
def test_a_crop_stands_around_its_focus_as_far_as_the_edges_allow(
    focus: tuple[float, float], edges: tuple[float, ...]
) -> None:
    assert fill((400, 200), box(100, 100)).around(focus) == pytest.approx(edges)
    left, top, right, bottom = edges
    assert fill((200, 400), box(100, 100)).around(focus[::-1]) == pytest.approx((top, left, bottom, right))


def test_a_crop_that_is_no_square_stands_around_its_focus_as_well() -> None:
    assert fill((400, 200), box(50, 100)).around((0.5, 0.5)) == (150, 0, 250, 200)
    assert fill((200, 400), box(100, 50)).around((0.5, 0.5)) == (0, 150, 200, 250)


@given(SIZES, SIZES, st.booleans(), st.floats(0, 1), st.floats(0, 1))
def test_no_crop_leaves_the_source(source: Size, sides: Size, enlarge: bool, x: float, y: float) -> None:
    left, top, right, bottom = fill(source, box(*sides, enlarge=enlarge)).around((x, y))
    assert 0 <= left < right <= source[0] * (1 + 1e-9)
    assert 0 <= top < bottom <= source[1] * (1 + 1e-9)


@given(st.sampled_from(sorted(FITS)), SIZES, SIZES, st.booleans())
def test_every_fit_takes_a_part_of_the_source_and_fits_it_on_its_canvas(
    fit: str, source: Size, sides: Size, enlarge: bool
) -> None:
    shape = FITS[fit](source, box(*sides, enlarge=enlarge))
    for axis in (0, 1):
        assert 0 < shape.part[axis] <= source[axis]
        assert 1 <= shape.size[axis] <= shape.canvas[axis]


@pytest.mark.parametrize("fit", NEED_BOTH_SIDES)
@pytest.mark.parametrize("sides", [(None, 1), (1, None), (None, None)])
def test_a_fit_that_needs_both_sides_refuses_a_box_without_them(fit: str, sides: tuple[int | None, int | None]) -> None:
    with pytest.raises(ValueError, match="a width and a height"):
        FITS[fit]((4, 4), box(*sides))


def test_the_lists_of_fits_name_fits_that_there_are() -> None:
    assert set(NEED_BOTH_SIDES) <= set(FITS)
    assert {name for name, fit in FITS.items() if not fit((400, 200), box(100, 100)).whole} == set(CROP)
