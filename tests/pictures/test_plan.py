"""What will be made of a source: the order of its renditions, the size to decode at, and how heavy a file may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.formats import FORMATS
from imaging.pictures.plan import Plan, Target
from imaging.recipe.geometry import FITS, Shape
from imaging.recipe.spec import RenditionSpec


def names(plan: Plan) -> list[str]:
    return [target.spec.name for target in plan.targets]


def test_renditions_are_made_from_the_largest_down() -> None:
    specs = [RenditionSpec(str(width), width) for width in (40, 160, 80)]
    assert names(Plan.of(specs, (400, 300))) == ["160", "80", "40"]


def test_of_two_that_need_the_same_scale_the_one_that_shows_all_comes_first() -> None:
    part, whole = RenditionSpec("part", 40, 30, "fill"), RenditionSpec("whole", 60, 30)
    assert names(Plan.of([part, whole], (120, 60))) == ["whole", "part"]


def test_a_source_is_decoded_at_exactly_the_size_of_the_largest_rendition_that_shows_all_of_it() -> None:
    for size, width in (((4032, 3024), 1920), ((999, 777), 500)):
        spec = RenditionSpec("large", width)
        assert Plan.of([spec, RenditionSpec("small", 10)], size).decoded == spec.shape(*size).size


def test_a_source_is_decoded_large_enough_for_a_crop_out_of_it() -> None:
    specs = [RenditionSpec("a", width=100), RenditionSpec("b", width=200, height=200, fit="fill")]
    assert Plan.of(specs, (800, 600)).decoded == (267, 200)


def larger(*widths: int, size: tuple[int, int] = (4032, 3024)) -> tuple[int, int] | None:
    return Plan.of([RenditionSpec(str(width), width) for width in widths], size).larger


def test_a_source_is_decoded_larger_too_where_renditions_are_near_to_the_largest() -> None:
    assert larger(1920, 1600, 1500, 320) == (2560, 1920)
    assert larger(1920, 1280, 640) is None
    assert larger(1920, 1910, 1000) is None  # the largest serves what is its own size, but for a few pixels
    assert larger(1920, 1600, size=(2000, 1500)) == (2000, 1500)
    assert larger(1920, 1600, size=(1920, 1080)) is None  # nothing is larger than the source


def test_a_source_is_never_decoded_larger_than_it_is() -> None:
    specs = [RenditionSpec("large", 400, enlarge=True), RenditionSpec("fill", 300, 300, "fill", enlarge=True)]
    assert Plan.of(specs, (40, 30)).decoded == (40, 30)


@given(
    st.lists(
        st.builds(
            RenditionSpec, st.just("any"), st.integers(1, 900), st.integers(1, 900), st.sampled_from(sorted(FITS))
        ),
        min_size=1,
        max_size=4,
    ),
    st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
)
def test_every_rendition_has_its_pixels_in_what_is_decoded(specs: list[RenditionSpec], size: tuple[int, int]) -> None:
    plan = Plan.of(specs, size)
    assert len(plan.targets) == len(specs)
    assert all(1 <= side <= whole for side, whole in zip(plan.decoded, size, strict=True))
    for target in plan.targets:
        if target.shape.scale <= 1:
            for decoded, whole, part, wanted in zip(
                plan.decoded, size, target.shape.part, target.shape.size, strict=True
            ):
                assert part * decoded / whole > wanted - 1


def test_a_rendition_holds_another_that_needs_no_more_pixels_of_it_in_either_direction() -> None:
    source = (400, 300)

    def target(part: tuple[float, float], size: tuple[int, int]) -> Target:
        return Target(RenditionSpec("one"), Shape(source, part, size, size))

    large, squeezed = target(source, (200, 150)), target(source, (380, 40))
    assert large.holds(large)
    assert large.holds(target(source, (200, 151)))  # a side that was rounded
    assert not large.holds(target(source, (200, 152)))
    assert large.holds(target((300.0, 300.0), (150, 150)))
    assert not large.holds(target((100.0, 100.0), (60, 60)))
    assert not squeezed.holds(large)
    assert not target((300.0, 300.0), (300, 300)).holds(target((300.0, 300.0), (10, 10)))  # it does not show all


# -- how heavy a file may be -------------------------------------------------------------------------------


def most_bytes(name: str, size: tuple[int, int] = (96, 64), **spec: object) -> int | None:
    one = RenditionSpec("one", **spec)  # type: ignore[arg-type]
    return Target(one, one.shape(*size)).most_bytes(name, FORMATS["jpeg"], 1000)


def test_a_file_of_the_sources_own_format_and_size_is_no_heavier_than_the_source() -> None:
    assert most_bytes("jpeg") == 1000
    assert most_bytes("webp") is None
    assert most_bytes("jpeg", width=95) is None


def test_a_crop_or_a_canvas_is_not_the_sources_own_size() -> None:
    assert most_bytes("jpeg", width=64, height=64, fit="fill") is None
    assert most_bytes("jpeg", width=200, height=200, fit="pad") is None
    assert most_bytes("jpeg", width=96, height=64, fit="pad") == 1000


@pytest.mark.parametrize(("budget", "most"), [(400, 400), (1000, 1000), (5000, 1000)])
def test_the_recipes_budget_and_the_sources_weight_both_bind(budget: int, most: int) -> None:
    assert most_bytes("jpeg", max_bytes=budget) == most
    assert most_bytes("webp", max_bytes=budget) == budget
