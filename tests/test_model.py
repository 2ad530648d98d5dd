import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imaging.model import (
    FORMATS,
    LONGEST_KEY,
    Crop,
    Manifest,
    Outcome,
    Reason,
    Rendition,
    RenditionSpec,
    Source,
    Superseded,
    manifest_key_of,
    prefix_of,
)

SOURCE = Source("a/b.jpg", '"e"', 10, "2026-01-01T00:00:00+00:00", "v1", "jpeg", 4, 3, 1)
REASON = Reason("damaged", "It is damaged.", "Export it again.")
sides = st.integers(1, 20_000)
boxes = st.one_of(st.none(), st.integers(1, 5_000))
points = st.tuples(st.floats(0, 1), st.floats(0, 1))


# -- crop geometry -----------------------------------------------------------------------------------------


def spec(width: int | None, height: int | None, fit: str = "limit", *, enlarge: bool = False) -> RenditionSpec:
    return RenditionSpec("s", width, height, fit, enlarge=enlarge, formats=("png",))  # of any length


@given(sides, sides, boxes, boxes, st.sampled_from(["limit", "fill", "pad"]), st.booleans(), points)
@example(20_000, 1, 100, None, "limit", False, (0.5, 0.5))
@example(1, 20_000, 100, 100, "fill", True, (1.0, 1.0))
def test_a_crop_lies_inside_the_source_and_has_no_empty_side(
    width: int,
    height: int,
    box_width: int | None,
    box_height: int | None,
    fit: str,
    enlarge: bool,
    focus: tuple[float, float],
) -> None:
    crop = spec(box_width, box_height, fit, enlarge=enlarge).crop(width, height, focus)
    left, top, right, bottom = crop.box
    assert 0 <= left < right <= width * (1 + 1e-9)
    assert 0 <= top < bottom <= height * (1 + 1e-9)
    assert min(crop.size) >= 1
    assert all(isinstance(side, int) for side in crop.size)
    assert crop.whole <= (crop.box == (0, 0, width, height))


@given(sides, sides, boxes, boxes, st.sampled_from(["limit", "fill", "pad"]), points)
def test_nothing_is_enlarged_unless_asked(
    width: int, height: int, box_width: int | None, box_height: int | None, fit: str, focus: tuple[float, float]
) -> None:
    crop = spec(box_width, box_height, fit).crop(width, height, focus)
    assert crop.size[0] <= width
    assert crop.size[1] <= height


@given(sides, sides, boxes, boxes, st.sampled_from(["limit", "pad"]), st.booleans())
def test_a_limit_is_never_passed_and_reached_where_the_source_is_large_enough(
    width: int, height: int, box_width: int | None, box_height: int | None, fit: str, enlarge: bool
) -> None:
    size = spec(box_width, box_height, fit, enlarge=enlarge).crop(width, height).size
    assert size[0] <= (box_width or size[0])
    assert size[1] <= (box_height or size[1])
    if box_width is None and box_height is None:
        assert size == (width, height)
    elif enlarge or (width >= (box_width or 0) and height >= (box_height or 0)):
        assert size[0] == box_width or size[1] == box_height


@given(sides, sides, sides, sides, st.booleans(), points)
def test_fill_is_exactly_its_box_unless_the_source_is_smaller(
    width: int, height: int, box_width: int, box_height: int, enlarge: bool, focus: tuple[float, float]
) -> None:
    crop = spec(box_width, box_height, "fill", enlarge=enlarge).crop(width, height, focus)
    if enlarge or (width >= box_width and height >= box_height):
        assert crop.size == (box_width, box_height)
    else:
        shrink = min(width / box_width, height / box_height)
        assert abs(crop.size[0] - box_width * shrink) <= 1
        assert abs(crop.size[1] - box_height * shrink) <= 1


@given(st.integers(200, 4_000), st.integers(200, 4_000), points)
def test_fill_does_not_distort_and_keeps_the_focus_in_sight(
    width: int, height: int, focus: tuple[float, float]
) -> None:
    crop = spec(120, 80, "fill").crop(width, height, focus)
    left, top, right, bottom = crop.box
    assert (right - left) / (bottom - top) == pytest.approx(1.5)
    assert left - 1e-6 <= focus[0] * width <= right + 1e-6
    assert top - 1e-6 <= focus[1] * height <= bottom + 1e-6


def test_fill_with_one_side_is_a_limit() -> None:
    assert spec(100, None, "fill").crop(400, 200) == spec(100, None).crop(400, 200)


@pytest.mark.parametrize(
    ("given_spec", "size"),
    [
        (spec(200, None), (200, 100)),
        (spec(None, 50), (100, 50)),
        (spec(300, 50), (100, 50)),
        (spec(1000, None), (400, 200)),
        (spec(1000, None, enlarge=True), (1000, 500)),
        (spec(100, 100, "fill"), (100, 100)),
        (spec(300, 300, "fill"), (200, 200)),
        (spec(300, 300, "fill", enlarge=True), (300, 300)),
        (spec(100, 100, "pad"), (100, 50)),
        (spec(None, None, enlarge=True), (400, 200)),
    ],
)
def test_a_source_of_400_by_200_becomes(given_spec: RenditionSpec, size: tuple[int, int]) -> None:
    assert given_spec.crop(400, 200).size == size


def test_the_scale_of_a_crop_is_that_of_its_larger_direction() -> None:
    assert Crop((0, 0, 400, 200), (100, 60)).scale == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("formats", "size"), [(("webp", "auto"), (524, 16_383)), (("avif",), (640, 20_000)), (("auto",), (640, 20_000))]
)
def test_a_rendition_is_no_longer_than_its_formats_can_hold(formats: tuple[str, ...], size: tuple[int, int]) -> None:
    for fit in ("limit", "pad"):
        assert RenditionSpec("s", 640, 20_000, fit, formats=formats).crop(1280, 40_000).size == size


# -- keys --------------------------------------------------------------------------------------------------


def test_what_is_made_of_a_source_stands_under_its_key() -> None:
    assert prefix_of("news/cat.jpg") == "news/cat.jpg/"
    assert manifest_key_of("news/cat.jpg") == "news/cat.jpg/manifest.json"


def test_even_a_source_with_the_longest_key_has_a_place_for_its_manifest() -> None:
    for length in (LONGEST_KEY - 14, LONGEST_KEY - 13, LONGEST_KEY):
        assert len(manifest_key_of("k" * length).encode()) <= LONGEST_KEY
    assert prefix_of("k" * (LONGEST_KEY - 14)) == "k" * (LONGEST_KEY - 14) + "/"
    assert prefix_of("k" * (LONGEST_KEY - 13)).startswith("/")


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30), st.sampled_from([1, 40, 500]))
def test_prefixes_differ_where_keys_do(one: str, other: str, times: int) -> None:
    assert (prefix_of(one * times) == prefix_of(other * times)) == (one * times == other * times)


# -- sources, manifests, outcomes --------------------------------------------------------------------------


def test_a_source_is_another_when_its_version_is_or_without_versions_its_etag_or_time() -> None:
    assert SOURCE.identity == replace(SOURCE, etag='"other"').identity == "v1"
    plain = replace(SOURCE, version_id=None)
    assert len({plain.identity, replace(plain, etag='"f"').identity, replace(plain, modified="later").identity}) == 3


def manifest() -> Manifest:
    rendition = Rendition("thumb", "a/b.jpg/thumb.webp", "webp", "image/webp", 4, 3, 9, '"r"', "ab" * 32)
    return Manifest(
        "published",
        "w1",
        SOURCE,
        "f1",
        (rendition,),
        (Superseded("a/b.jpg/old.webp", '"o"', "2026-01-01T00:00:00+00:00"),),
        {"webp": "a/b.jpg/thumb.webp 4w"},
        "<picture></picture>",
        "data:,",
        "#7a5c3e",
        "Ein Kätzchen",
        "Agentur",
        "© 2026",
        "A. Lens",
        (0.0, 0.4),
        ("A warning.",),
    )


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    rejected = Manifest("rejected", "w2", SOURCE, rejection=REASON)
    for one in (manifest(), rejected, Manifest("removed", "w3", Source("k", "", 0, ""))):
        assert Manifest.from_json(one.to_json()) == one


def test_a_manifest_is_utf_8_without_what_is_empty_or_the_uploaders_headers() -> None:
    source = replace(SOURCE, metadata={"alt": "private"})
    body = Manifest("published", "w", source, alt="Kätzchen").to_json()
    content = json.loads(body)
    assert content["manifest"] == 1
    assert "Kätzchen".encode() in body
    assert b"private" not in body
    assert not {"rejection", "renditions", "warnings", "credit"} & content.keys()


def test_fields_of_a_newer_version_are_passed_over() -> None:
    content = json.loads(manifest().to_json())
    content["mood"] = content["source"]["mood"] = content["renditions"][0]["mood"] = "sunny"
    assert Manifest.from_json(json.dumps(content).encode()) == manifest()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b"[]", b"{}", b'{"manifest": 2}', b'{"manifest": 1}', b'{"manifest": 1, "source": 3}', b"null"),
        manifest().to_json().replace(b'"published"', b'"lost"'),
    ],
)
def test_somebody_elses_bytes_are_no_manifest(body: bytes) -> None:
    assert Manifest.from_json(body) is None


def test_a_manifest_has_a_known_status_and_a_rejection_only_when_rejected() -> None:
    with pytest.raises(ValueError, match="not 'lost'"):
        Manifest("lost", "w", SOURCE)
    with pytest.raises(ValueError, match="a rejected manifest has a rejection"):
        Manifest("rejected", "w", SOURCE)
    with pytest.raises(ValueError, match="and no other has"):
        Manifest("published", "w", SOURCE, rejection=REASON)


def test_the_summary_of_an_outcome_says_why_a_source_was_rejected() -> None:
    assert Outcome("k", "ignored").summary() == {"key": "k", "status": "ignored"}
    summary = Outcome("k", "rejected", Manifest("rejected", "w", SOURCE, rejection=REASON)).summary()
    assert summary == {
        "key": "k",
        "status": "rejected",
        "code": "damaged",
        "reason": "It is damaged.",
        "advice": "Export it again.",
    }


def test_every_format_has_an_extension_and_a_content_type() -> None:
    assert {name: FORMATS[name] for name in ("jpeg", "gif")} == {
        "jpeg": ("jpg", "image/jpeg", 65_500),
        "gif": ("gif", "image/gif", 65_535),
    }
    assert all(shape.content_type == f"image/{name}" for name, shape in FORMATS.items())
