"""The manifest: read back as written, and whatever is none of ours refused."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.publishing.entry import Entry, bare, stored_fields
from imaging.publishing.manifest import Manifest, Reason, Rendition, Source, Superseded

THEN = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = Source("a/b.jpg", '"e"', 10, THEN, "v1", "jpeg", 4, 3, 1)
REASON = Reason("damaged", "It is damaged.", "Export it again.")


def test_a_source_is_another_when_its_version_is_or_without_versions_its_etag_or_time() -> None:
    assert SOURCE.identity == replace(SOURCE, etag='"other"').identity == "v1"
    plain = replace(SOURCE, version_id=None)
    assert len({plain.identity, replace(plain, etag='"f"').identity, replace(plain, modified=None).identity}) == 3


def manifest() -> Manifest:
    rendition = Rendition("thumb", "a/b.jpg/thumb.webp", "webp", "image/webp", 4, 3, 9, '"r"', "ab" * 32)
    return Manifest(
        "published",
        "w1",
        SOURCE,
        "f1",
        "f2",
        (rendition,),
        (Superseded("a/b.jpg/old.webp", '"o"', THEN),),
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


REJECTED = Manifest("rejected", "w2", SOURCE, rejection=REASON)


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    for one in (manifest(), REJECTED, Manifest("removed", "w3", Source("k"))):
        assert Manifest.from_json(one.to_json()) == one


def test_a_manifest_is_utf_8_without_what_is_empty_or_the_uploaders_headers() -> None:
    source = replace(SOURCE, metadata={"alt": "private"})
    body = Manifest("published", "w", source, alt="Kätzchen").to_json()
    content = json.loads(body)
    assert content["manifest"] == 1
    assert "Kätzchen".encode() in body
    assert b"private" not in body
    assert not {"rejection", "renditions", "warnings", "credit"} & content.keys()


def test_fields_of_a_newer_version_are_kept_at_every_level() -> None:
    content = json.loads(manifest().to_json())
    content["mood"] = content["source"]["mood"] = content["renditions"][0]["mood"] = ["sunny", {"more": 1}]
    body = json.dumps(content).encode()
    read = Manifest.from_json(body)
    assert read is not None
    assert json.loads(read.to_json()) == content
    assert read.alt == manifest().alt


def test_a_manifest_has_the_fields_that_sites_rely_on() -> None:
    content = json.loads(manifest().to_json())
    assert next(iter(content)) == "manifest"
    assert set(content) == {
        *("manifest", "write_id", "status", "recipe", "words", "source", "renditions", "srcset", "picture"),
        *("placeholder", "dominant_colour", "alt", "credit", "copyright", "artist", "focal_point", "warnings"),
        "superseded",
    }
    assert set(content["source"]) == {
        *("key", "etag", "bytes", "modified", "version_id", "format", "width", "height", "frames")
    }
    assert set(content["renditions"][0]) == {
        *("name", "key", "format", "content_type", "width", "height", "bytes", "etag", "sha256", "fit")
    }
    assert content["focal_point"] == [0.0, 0.4]
    assert content["superseded"] == [{"key": "a/b.jpg/old.webp", "etag": '"o"', "since": "2026-01-01T00:00:00+00:00"}]


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


# -- types -------------------------------------------------------------------------------------------------


def places(kind: Any, content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The path and the declared type of every value in a manifest that is written."""
    yield path, bare(kind)
    if isinstance(content, dict) and isinstance(bare(kind), type):
        for name, below in stored_fields(bare(kind)).items():
            if name in content:
                yield from places(below, content[name], (*path, name))
    elif isinstance(content, list):
        for place, item in enumerate(content):
            yield from places(bare(kind).__args__[0], item, (*path, place))


WRITTEN = {each.status: json.loads(each.to_json()) for each in (manifest(), REJECTED)}
PLACES = [(status, *place) for status, content in WRITTEN.items() for place in places(Manifest, content) if place[0]]
OTHER_TYPES = {
    "a text": "text",
    "a number": 7,
    "a broken number": 0.5,
    "a truth": True,
    "a list": [{}],
    "an object": {"a": 1},
}
SUITS = [(str, "a text"), (int, "a number"), (float, "a number"), (float, "a broken number")]


@pytest.mark.parametrize(("status", "path", "kind"), PLACES, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("other", OTHER_TYPES)
def test_a_value_of_another_type_anywhere_makes_it_somebody_elses(
    status: str, path: tuple[Any, ...], kind: Any, other: str
) -> None:
    content = json.loads(json.dumps(WRITTEN[status]))
    holder = content
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = OTHER_TYPES[other]
    read = Manifest.from_json(json.dumps(content).encode())
    assert read is None or (kind, other) in SUITS


values = st.none() | st.booleans() | st.floats() | st.text()


@given(st.recursive(values, lambda some: st.lists(some) | st.dictionaries(st.text(), some)))
def test_any_json_is_a_manifest_that_can_be_written_again_or_none(value: Any) -> None:
    content = json.loads(manifest().to_json())
    for name in ("mood", "alt", "superseded", "source", "srcset", "focal_point"):
        read = Manifest.from_json(json.dumps({**content, name: value}).encode())
        assert read is None or Manifest.from_json(read.to_json()) == read


@dataclass(frozen=True, slots=True)
class Kept(Entry):
    name: Annotated[str, {"minLength": 1}]
    scores: Mapping[str, float] | None = None


def test_null_stands_for_what_may_be_left_out_and_for_nothing_else() -> None:
    content = json.loads(manifest().to_json())
    content["source"] |= {"width": None, "version_id": None}
    read = Manifest.from_json(json.dumps(content | {"focal_point": None}).encode())
    assert read is not None
    assert (read.focal_point, read.source.width, read.source.version_id) == (None, None, None)
    assert Manifest.from_json(json.dumps(content | {"alt": None}).encode()) is None


def test_a_new_field_needs_its_line_in_the_class_and_reader_and_writer_follow() -> None:
    assert Kept.read({"name": "a", "scores": {"b": 1}, "c": 2}) == Kept("a", {"b": 1.0}, more={"c": 2})
    assert Kept("a").plain() == {"name": "a"}
    for refused in ({"name": "a", "scores": {"b": "1"}}, {"scores": {}}, [], None):
        with pytest.raises(TypeError):
            Kept.read(refused)
