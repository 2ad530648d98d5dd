"""Envelopes: what each hints at, and what nobody can read."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import EventError
from imaging.events import Result, read_envelope
from imaging.model import Outcome

RAW = "the-raw-bucket"


def record(key: str, *, bucket: str = RAW, version: str = "2.1", name: str = "ObjectCreated:Put") -> dict[str, Any]:
    return {
        "eventSource": "aws:s3",
        "eventVersion": version,
        "eventName": name,
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "size": 1}},
    }


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
    samples = Path(__file__).parent / "events"
    upload = json.loads((samples / "upload.json").read_text())
    bucket = upload["Records"][0]["s3"]["bucket"]["name"]
    for name in ("upload", "delete", "direct", "sqs-redrive", "s3-batch"):
        event = json.loads((samples / f"{name}.json").read_text())
        (hint,) = read_envelope(event, bucket).hints
        assert (hint.key, hint.error) == ("news/2026/caf\u00e9 terrace.jpg", None)


# -- queues, buses and batches -----------------------------------------------------------------------------


def message(number: int, body: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"eventSource": "aws:sqs", "messageId": f"m{number}", "body": text}


def failing(hints: Any, bad: set[str]) -> list[Result]:
    return [
        Result(h, error=h.error or OSError()) if h.error or h.key in bad else Result(h, Outcome(h.key, "published"))
        for h in hints
    ]


def test_a_notification_is_found_in_every_wrapping_it_may_come_in() -> None:
    notification = {"Records": [record("a b.jpg")]}
    sns = {"Type": "Notification", "Message": json.dumps(notification)}
    parked = {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": notification}
    published = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(notification)}}]}
    assert keys(published) == ["a b.jpg"]
    for body in (notification, sns, parked):
        assert keys({"Records": [message(1, body)]}) == ["a b.jpg"]


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


def test_every_subset_of_a_batch_of_ten_messages_comes_back_exactly() -> None:
    names = [f"{number}.jpg" for number in range(10)]
    envelope = read_envelope({"Records": [message(i, {"Records": [record(n)]}) for i, n in enumerate(names)]}, RAW)
    for subset in range(1024):
        bad = {name for bit, name in enumerate(names) if subset >> bit & 1}
        reply = envelope.reply(failing(envelope.hints, bad))
        assert reply == {"batchItemFailures": [{"itemIdentifier": f"m{n[0]}"} for n in names if n in bad]}


def test_a_message_nobody_can_read_fails_alone_and_is_not_lost() -> None:
    bodies = ["no json", "[]", "{}", {"Records": [record("a.jpg", bucket="another")]}, {"Records": [record("a.jpg")]}]
    envelope = read_envelope({"Records": [message(i, body) for i, body in enumerate(bodies)]}, RAW)
    failed = envelope.reply(failing(envelope.hints, set()))["batchItemFailures"]
    assert [item["itemIdentifier"] for item in failed] == ["m0", "m1", "m2", "m3"]


def test_a_message_is_done_only_when_each_of_its_records_is() -> None:
    event = {
        "Records": [
            message(1, {"Records": [record("good.jpg"), record("bad.jpg")]}),
            message(2, {"Event": "s3:TestEvent"}),
        ]
    }
    envelope = read_envelope(event, RAW)
    assert envelope.reply(failing(envelope.hints, {"bad.jpg"})) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_s3_batch_is_answered_task_by_task() -> None:
    tasks = [
        {"taskId": "t1", "s3Key": "a+b.jpg", "s3BucketArn": f"arn:aws:s3:::{RAW}"},
        {"taskId": "t2", "s3Key": "bad.jpg", "s3BucketArn": f"arn:aws:s3:::{RAW}"},
        {"taskId": "t3", "s3Key": "x.jpg", "s3BucketArn": "arn:aws:s3:::another"},
    ]
    envelope = read_envelope({"invocationSchemaVersion": "1.0", "invocationId": "i", "tasks": tasks}, RAW)
    reply = envelope.reply(failing(envelope.hints, {"bad.jpg"}))
    assert [(r["taskId"], r["resultCode"]) for r in reply["results"]] == [
        ("t1", "Succeeded"),
        ("t2", "TemporaryFailure"),
        ("t3", "PermanentFailure"),
    ]
    assert (reply["invocationSchemaVersion"], reply["invocationId"]) == ("1.0", "i")
    assert reply["treatMissingKeysAs"] == "PermanentFailure"
    assert json.loads(reply["results"][0]["resultString"]) == {"key": "a b.jpg", "status": "published"}


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
