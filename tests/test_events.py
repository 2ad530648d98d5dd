"""Envelopes: what each hints at, and what nobody can read."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import EventError
from imaging.events import read_hints_of

RAW = "the-raw-bucket"


def record(key: str, *, bucket: str = RAW, version: str = "2.1", name: str = "ObjectCreated:Put") -> dict[str, Any]:
    return {
        "eventSource": "aws:s3",
        "eventVersion": version,
        "eventName": name,
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "size": 1}},
    }


def keys(event: Any) -> list[str]:
    hints = read_hints_of(event, RAW)
    assert all(hint.error is None for hint in hints)
    return [hint.key for hint in hints]


@pytest.mark.parametrize(
    "key", ["a b.jpg", "a+b.jpg", "100%.jpg", "a%2Fb.jpg", "%252F", "é.jpg", "e\u0301.jpg", "日本.jpg"]
)
def test_a_key_is_decoded_exactly_once(key: str) -> None:
    assert keys({"Records": [record(key)]}) == [key]


@given(st.text(min_size=1))
def test_any_key_survives_the_envelope(key: str) -> None:
    if key.encode("utf-8", "replace").decode() == key:
        assert keys({"Records": [record(key)]}) == [key]


def test_a_direct_invocation_says_keys_as_they_are() -> None:
    assert keys({"keys": ["a+b%20c.jpg", "d.jpg"]}) == ["a+b%20c.jpg", "d.jpg"]


def test_several_records_of_one_key_are_one_hint() -> None:
    event = {"Records": [record("a.jpg"), record("b.jpg"), record("a.jpg", name="ObjectRemoved:Delete")]}
    assert keys(event) == ["a.jpg", "b.jpg"]


def test_the_test_event_that_s3_sends_hints_at_nothing() -> None:
    assert keys({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": RAW}) == []


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.5", "2.99"])
def test_every_minor_version_of_2_is_read(version: str) -> None:
    assert keys({"Records": [record("a.jpg", version=version)]}) == ["a.jpg"]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (record("a.jpg", bucket="another"), "'another'"),
        (record("a.jpg", version="3.0"), "'3.0'"),
        (record(""), "empty"),
        ({**record("a.jpg"), "eventSource": "aws:sqs"}, "'aws:sqs'"),
        ({"eventSource": "aws:s3", "eventVersion": "2.1"}, "KeyError 's3'"),
        ("junk", "junk"),
        (None, "None"),
        (
            {**record("a"), "s3": {"bucket": {"name": RAW}, "object": {"key": "%ff"}}},
            "UnicodeDecodeError",
        ),
    ],
)
def test_a_record_nobody_can_read_is_named_and_stops_no_other(bad: Any, says: str) -> None:
    first, second = read_hints_of({"Records": [bad, record("good.jpg")]}, RAW)
    assert isinstance(first.error, EventError)
    assert says in str(first.error)
    assert (second.key, second.error) == ("good.jpg", None)


@pytest.mark.parametrize(
    "event", [None, [], "text", {}, {"Records": []}, {"Records": {}}, {"keys": "a.jpg"}, {"other": 1}]
)
def test_an_event_that_is_no_envelope_says_what_was_received(event: Any) -> None:
    with pytest.raises(EventError, match="and this (is|has)"):
        read_hints_of(event, RAW)


@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_json_is_read_or_refused_with_our_own_error(event: Any) -> None:
    for candidate in (event, {"Records": [event]}, {"keys": [event]}):
        try:
            read_hints_of(candidate, RAW)
        except EventError:
            pass


def test_the_sample_events_are_envelopes_of_the_deployed_bucket() -> None:
    samples = Path(__file__).parent / "events"
    upload = json.loads((samples / "upload.json").read_text())
    bucket = upload["Records"][0]["s3"]["bucket"]["name"]
    for name in ("upload", "delete", "direct"):
        event = json.loads((samples / f"{name}.json").read_text())
        assert [hint.error for hint in read_hints_of(event, bucket)] == [None]
