from typing import Any

import pytest

from imaging.formats import WRITTEN
from imaging.recipe.spec import COLOUR, GRAVITIES, LONGEST_SIDE, SIDES, Limits, Overlay, RenditionSpec


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "manifest"},
        {"name": "Thumb"},
        {"name": "a" * 41},
        {"name": "thumb\n"},
        {"width": 0},
        {"width": LONGEST_SIDE + 1},
        {"height": 0},
        {"height": LONGEST_SIDE + 1},
        {"fit": "cover"},
        {"fit": "fill", "width": 1},
        {"fit": "pad", "height": 1},
        {"gravity": "center"},
        {"background": "#fff"},
        {"background": "#ffffff0"},
        {"sharpen": -1},
        {"sharpen": 301},
        {"formats": ()},
        {"formats": ("jpg",)},
        {"formats": ("heic",)},
        {"quality": {"jpeg": 0}},
        {"quality": {"jpeg": 101}},
        {"quality": {"jpg": 80}},
        {"effort": {"png": 0}},
        {"effort": {"png": 10}},
        {"effort": {"jpeg": 1}},
        {"effort": {"jpg": 1}},
        {"subsampling": "4:2:2"},
        {"max_bytes": 0},
    ],
)
def test_a_spec_that_no_recipe_may_say_cannot_be_made(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of a rendition"):
        RenditionSpec(**{"name": "thumb", **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "a" * 40},
        {"name": "manifest-2_b"},
        {"width": 1, "height": LONGEST_SIDE, "fit": "fill"},
        {"width": LONGEST_SIDE, "height": 1, "fit": "pad"},
        {"background": "#aB09fF"},
        {"sharpen": 300},
        {"formats": (*WRITTEN, "auto")},
        {"quality": {"jpeg": 1, "webp": 100}},
        {"effort": {"png": 1, "webp": 0, "avif": 10}},
        {"subsampling": "4:4:4"},
        {"max_bytes": 1},
        *({"gravity": gravity} for gravity in GRAVITIES),
    ],
)
def test_a_spec_takes_all_that_a_recipe_may_say(fields: dict[str, Any]) -> None:
    spec = RenditionSpec(**{"name": "thumb", **fields})
    assert all(getattr(spec, name) == value for name, value in fields.items())


@pytest.mark.parametrize("fields", [{"position": "middle"}, {"scale": 0.009}, {"scale": 1.01}, {"opacity": -0.1}])
def test_an_overlay_that_no_recipe_may_say_cannot_be_made(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of a rendition"):
        Overlay(b"", **fields)
    with pytest.raises(ValueError, match="of a rendition"):
        Overlay(b"", opacity=1.01)
    for position in SIDES:
        assert Overlay(b"", position, 0.01, 0).position == position
    assert Overlay(b"", scale=1).opacity == 1


@pytest.mark.parametrize("name", Limits.__dataclass_fields__)
def test_a_limit_is_at_least_one(name: str) -> None:
    assert Limits(**{name: 1})
    with pytest.raises(ValueError, match="limit"):
        Limits(**{name: 0})


def test_the_sides_lie_where_a_map_has_them() -> None:
    for name, point in SIDES.items():
        across = 0.0 if "west" in name else 1.0 if "east" in name else 0.5
        down = 0.0 if "north" in name else 1.0 if "south" in name else 0.5
        assert point == (across, down), name
    assert len(SIDES) == 9


def test_a_box_may_be_as_long_as_a_webp() -> None:
    assert WRITTEN["webp"].longest == LONGEST_SIDE


def test_what_a_recipe_leaves_out_is_known() -> None:
    spec, overlay = RenditionSpec("thumb"), Overlay(b"")
    assert COLOUR.fullmatch(spec.background)
    assert (spec.formats, spec.fit, spec.enlarge) == (("webp", "auto"), "limit", False)
    assert (spec.sharpen, spec.animated, spec.max_bytes) == (0, True, None)
    assert (overlay.position, overlay.scale, overlay.opacity) == ("south-east", 0.2, 1.0)
    assert Limits() == Limits(source_bytes=200_000_000, pixels=250_000_000, animation_pixels=100_000_000, scans=64)


def test_a_rendition_is_no_longer_than_the_least_of_its_formats_can_hold() -> None:
    def longest(*formats: str) -> int:
        return max(RenditionSpec("page", width=1000, formats=formats).shape(1000, 200_000).canvas)

    assert longest("png") == 200_000
    assert longest("jpeg", "png") == WRITTEN["jpeg"].longest
    assert longest("auto") == WRITTEN["jpeg"].longest, "auto may turn out as JPEG"
    assert longest("png", "webp") == WRITTEN["webp"].longest


def test_the_quality_is_the_specs_own_or_the_formats_default_and_none_where_a_format_is_lossless() -> None:
    spec = RenditionSpec("thumb", quality={"jpeg": 33, "png": 44})
    assert [spec.quality_of(name) for name in ("jpeg", "webp", "png")] == [33, WRITTEN["webp"].quality, None]


def test_the_effort_is_the_specs_own_or_the_formats_default() -> None:
    spec = RenditionSpec("thumb", effort={"webp": 0})
    assert [spec.effort_of(name) for name in ("webp", "png", "avif")] == [0, 6, 3]
