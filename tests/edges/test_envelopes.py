"""Envelopes: what each hints at, and what nobody can read."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.edges.envelopes import MOST_WRAPPERS, read_envelope
from imaging.errors import EventError
from tests.notifications import RAW, message, record


def keys(event: Any) -> list[str]:
    hints = read_envelope(event, RAW).hints
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


@pytest.mark.parametrize("key", ["\ud800", "a\udfff.jpg", "", None, 7, ["a"], {"a": 1}, True])
def test_what_cannot_be_a_key_is_refused_and_stops_no_other(key: Any) -> None:
    first, second = read_envelope({"keys": [key, "good.jpg"]}, RAW).hints
    assert isinstance(first.error, EventError)
    assert "a key is " in str(first.error)
    first.key.encode()
    str(first.error).encode()
    assert (second.key, second.error) == ("good.jpg", None)


def test_a_key_of_half_a_character_is_refused_in_every_envelope() -> None:
    bridged = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": RAW}, "object": {"key": "\ud800"}},
    }
    notified = record("a")
    notified["s3"]["object"]["key"] = "\ud800"
    tasks = [{"taskId": "t", "s3Key": "\ud800", "s3Bucket": RAW}]
    for event in (bridged, {"Records": [notified]}, {"invocationSchemaVersion": "2.0", "tasks": tasks}):
        (hint,) = read_envelope(event, RAW).hints
        assert "half a character" in str(hint.error)


def test_a_direct_invocation_says_keys_as_they_are() -> None:
    assert keys({"keys": ["a+b%20c.jpg", "d.jpg"]}) == ["a+b%20c.jpg", "d.jpg"]


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
    first, second = read_envelope({"Records": [bad, record("good.jpg")]}, RAW).hints
    assert isinstance(first.error, EventError)
    assert says in str(first.error)
    assert (second.key, second.error) == ("good.jpg", None)


@pytest.mark.parametrize(
    "event", [None, [], "text", {}, {"Records": []}, {"Records": {}}, {"keys": "a.jpg"}, {"other": 1}]
)
def test_an_event_that_is_no_envelope_says_what_was_received(event: Any) -> None:
    with pytest.raises(EventError, match="and this (is|has)"):
        read_envelope(event, RAW)


@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_json_is_read_or_refused_with_our_own_error(event: Any) -> None:
    for candidate in (event, {"Records": [event]}, {"keys": [event]}):
        try:
            read_envelope(candidate, RAW)
        except EventError:
            pass


def test_the_sample_events_are_envelopes_of_the_deployed_bucket() -> None:
    samples = Path(__file__).parent.parent / "events"
    upload = json.loads((samples / "upload.json").read_text())
    bucket = upload["Records"][0]["s3"]["bucket"]["name"]
    for name in ("upload", "delete", "direct", "sqs-redrive", "s3-batch"):
        event = json.loads((samples / f"{name}.json").read_text())
        (hint,) = read_envelope(event, bucket).hints
        assert (hint.key, hint.error) == ("news/2026/caf\u00e9 terrace.jpg", None)


# -- queues, buses and batches -----------------------------------------------------------------------------


def test_a_notification_is_found_in_every_wrapping_it_may_come_in() -> None:
    notification = {"Records": [record("a b.jpg")]}
    sns = {"Type": "Notification", "Message": json.dumps(notification)}
    parked = {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": notification}
    published = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(notification)}}]}
    assert keys(published) == ["a b.jpg"]
    for body in (notification, sns, parked):
        assert keys({"Records": [message(1, body)]}) == ["a b.jpg"]


def wrapped(times: int) -> str:
    """A direct invocation in that many envelopes of Lambda's failure queue, as text: json.dumps would not do it."""
    return '{"requestContext": {}, "requestPayload": ' * times + '{"keys": ["a.jpg"]}' + "}" * times


def test_an_event_comes_in_eight_envelopes_at_most() -> None:
    assert keys(json.loads(wrapped(MOST_WRAPPERS))) == ["a.jpg"]
    with pytest.raises(EventError, match="8 envelopes at most"):
        read_envelope(json.loads(wrapped(MOST_WRAPPERS + 1)), RAW)


def test_every_kind_of_envelope_counts() -> None:
    event: Any = {"keys": ["a.jpg"]}
    for number in range(MOST_WRAPPERS + 1):
        wrappings: list[Any] = [
            {"requestContext": {}, "requestPayload": event},
            {"Type": "Notification", "Message": json.dumps(event)},
            {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(event)}}]},
        ]
        event = wrappings[number % 3]
        if number < MOST_WRAPPERS:
            assert keys({"Records": [message(1, event)]}) == ["a.jpg"]
    (hint,) = read_envelope({"Records": [message(1, event)]}, RAW).hints
    assert "8 envelopes at most" in str(hint.error)


@pytest.mark.parametrize("depth", [950, 1_500, 5_000, 100_000])
@pytest.mark.parametrize(
    "body",
    [
        wrapped,
        lambda depth: "[" * depth + "]" * depth,
        lambda depth: '{"Records": ' + "[" * depth + "]" * depth + "}",
        lambda depth: '{"keys": [' + "[" * depth + "]" * depth + "]}",
        lambda depth: '{"a": ' * depth + "1" + "}" * depth,
        lambda depth: '{"Records": [{"eventSource": ' + "[" * depth + "]" * depth + "}]}",
    ],
    ids=["envelopes", "lists", "records", "keys", "objects", "a field"],
)
def test_a_message_nested_ever_so_deep_fails_alone(depth: int, body: Any) -> None:
    event = {"Records": [message(1, body(depth)), message(2, {"keys": ["good.jpg"]})]}
    first, second = read_envelope(event, RAW).hints
    assert isinstance(first.error, EventError)
    assert len(str(first.error)) < 1000
    assert (first.part, second.part, second.key, second.error) == ("m1", "m2", "good.jpg", None)


class Trap(dict[str, Any]):
    """A part of a record that raises an error of this class when it is read."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def __getitem__(self, _: str) -> Any:
        raise self._error


@pytest.mark.parametrize(
    "error", [RecursionError(), MemoryError(), ZeroDivisionError(), OverflowError(), RuntimeError(), LookupError()]
)
def test_no_class_of_error_in_one_record_takes_the_others_along(error: Exception) -> None:
    first, second = read_envelope({"Records": [record("a") | {"s3": Trap(error)}, record("good.jpg")]}, RAW).hints
    assert type(error).__name__ in str(first.error)
    assert (second.key, second.error) == ("good.jpg", None)


def test_an_unreadable_message_of_sns_stops_no_other() -> None:
    bad: dict[str, Any] = {"EventSource": "aws:sns", "Sns": {"Message": "no json"}}
    good = {"EventSource": "aws:sns", "Sns": {"Message": json.dumps({"Records": [record("good.jpg")]})}}
    first, second, third = read_envelope({"Records": [bad, {"EventSource": "aws:sns"}, good]}, RAW).hints
    assert first.error is not None
    assert second.error is not None
    assert (third.key, third.error) == ("good.jpg", None)


@pytest.mark.parametrize("kind", ["Object Created", "Object Deleted"])
def test_event_bridge_says_keys_as_they_are(kind: str) -> None:
    event = {
        "source": "aws.s3",
        "detail-type": kind,
        "detail": {"bucket": {"name": RAW}, "object": {"key": "a+b%20.jpg"}},
    }
    assert keys(event) == ["a+b%20.jpg"]
    assert read_envelope({**event, "detail-type": "Object Tags Added"}, RAW).hints[0].error
    assert read_envelope({**event, "detail": {}}, RAW).hints[0].error


def test_an_unknown_batch_schema_is_named() -> None:
    with pytest.raises(EventError, match="'3.0'"):
        read_envelope({"invocationSchemaVersion": "3.0", "tasks": []}, RAW)


def test_the_id_of_the_request_that_changed_a_key_comes_along() -> None:
    event = {"Records": [record("a.jpg") | {"responseElements": {"x-amz-request-id": "D82B88E5F771F645"}}]}
    assert [hint.request for hint in read_envelope(event, RAW).hints] == ["D82B88E5F771F645"]
    queued = {"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": json.dumps(event)}]}
    assert [(hint.part, hint.request) for hint in read_envelope(queued, RAW).hints] == [("m", "D82B88E5F771F645")]


@pytest.mark.parametrize("told", [None, 7, "", "a\nb", "x" * 65, "../a", ["A1"]])
def test_what_does_not_look_like_a_request_id_is_none(told: Any) -> None:
    event = {"Records": [record("a.jpg") | {"responseElements": {"x-amz-request-id": told}}]}
    assert [hint.request for hint in read_envelope(event, RAW).hints] == [""]


def test_eventbridge_tells_its_request_id_too() -> None:
    detail = {"bucket": {"name": RAW}, "object": {"key": "a.jpg"}, "request-id": "57H08PA84AB1JZW0"}
    event = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    assert [(hint.key, hint.request) for hint in read_envelope(event, RAW).hints] == [("a.jpg", "57H08PA84AB1JZW0")]
