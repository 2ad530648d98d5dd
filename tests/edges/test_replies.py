"""Replies: what each sender is told of what became of its keys."""

import json

import pytest

from imaging.edges.envelopes import Envelope, read_envelope
from imaging.edges.replies import LONGEST_RESULT, Result
from imaging.errors import EventError
from imaging.publishing.manifest import Manifest, Reason, Source
from imaging.publishing.outcome import Outcome
from tests.notifications import RAW, message, record


def results(envelope: Envelope, bad: set[str]) -> list[Result]:
    """Every hint of the envelope done, but for the unreadable ones and those of `bad` keys."""
    return [
        Result(hint.key, hint.part, error=hint.error or OSError("S3 is away"))
        if hint.error or hint.key in bad
        else Result(hint.key, hint.part, Outcome(hint.key, "published"))
        for hint in envelope.hints
    ]


def test_a_caller_gets_every_outcome_or_one_exception_that_names_the_bad_ones() -> None:
    envelope = read_envelope({"keys": ["a.jpg", "b.jpg", "c.jpg"]}, RAW)
    assert envelope.reply(results(envelope, set())) == {
        "outcomes": [{"key": f"{name}.jpg", "status": "published"} for name in "abc"]
    }
    with pytest.raises(ExceptionGroup, match=r"1 of 3 keys failed: 'b\.jpg': OSError: S3 is away") as caught:
        envelope.reply(results(envelope, {"b.jpg"}))
    assert caught.group_contains(OSError)


def test_every_subset_of_a_batch_of_ten_messages_comes_back_exactly() -> None:
    names = [f"{number}.jpg" for number in range(10)]
    envelope = read_envelope({"Records": [message(i, {"Records": [record(n)]}) for i, n in enumerate(names)]}, RAW)
    for subset in range(1024):
        bad = {name for bit, name in enumerate(names) if subset >> bit & 1}
        reply = envelope.reply(results(envelope, bad))
        assert reply == {"batchItemFailures": [{"itemIdentifier": f"m{n[0]}"} for n in names if n in bad]}


def test_a_message_nobody_can_read_fails_alone_and_is_not_lost() -> None:
    bodies = ["no json", "[]", "{}", {"Records": [record("a.jpg", bucket="another")]}, {"Records": [record("a.jpg")]}]
    envelope = read_envelope({"Records": [message(i, body) for i, body in enumerate(bodies)]}, RAW)
    failed = envelope.reply(results(envelope, set()))["batchItemFailures"]
    assert [item["itemIdentifier"] for item in failed] == ["m0", "m1", "m2", "m3"]


def test_a_message_is_done_only_when_each_of_its_records_is() -> None:
    event = {
        "Records": [
            message(1, {"Records": [record("good.jpg"), record("bad.jpg")]}),
            message(2, {"Event": "s3:TestEvent"}),
        ]
    }
    envelope = read_envelope(event, RAW)
    assert envelope.reply(results(envelope, {"bad.jpg"})) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_s3_batch_is_answered_task_by_task() -> None:
    tasks = [
        {"taskId": "t1", "s3Key": "a+b.jpg", "s3BucketArn": f"arn:aws:s3:::{RAW}"},
        {"taskId": "t2", "s3Key": "bad.jpg", "s3BucketArn": f"arn:aws:s3:::{RAW}"},
        {"taskId": "t3", "s3Key": "x.jpg", "s3BucketArn": "arn:aws:s3:::another"},
    ]
    envelope = read_envelope({"invocationSchemaVersion": "1.0", "invocationId": "i", "tasks": tasks}, RAW)
    reply = envelope.reply(results(envelope, {"bad.jpg"}))
    assert [(r["taskId"], r["resultCode"]) for r in reply["results"]] == [
        ("t1", "Succeeded"),
        ("t2", "TemporaryFailure"),
        ("t3", "PermanentFailure"),
    ]
    assert (reply["invocationSchemaVersion"], reply["invocationId"]) == ("1.0", "i")
    assert reply["treatMissingKeysAs"] == "PermanentFailure"
    assert json.loads(reply["results"][0]["resultString"]) == {"key": "a b.jpg", "status": "published"}


@pytest.mark.parametrize("key", ["k" * 1024, '"' * 1024, "\u65e5" * 341])
def test_the_result_of_a_batch_task_is_whole_json_of_at_most_1024_characters(key: str) -> None:
    reason = Reason("key-too-long", f"The name {key} is too long.", "Shorten it.")
    rejected = Outcome(key, "rejected", Manifest("rejected", "w", Source(key), rejection=reason))
    event = {"invocationSchemaVersion": "2.0", "tasks": [{"taskId": "t", "s3Key": "k", "s3Bucket": RAW}]}
    reply = read_envelope(event, RAW).reply
    (answer,) = reply([Result(key, "t", rejected)])["results"]
    assert len(answer["resultString"]) <= LONGEST_RESULT
    told = json.loads(answer["resultString"])
    assert (told["status"], told["code"], told["advice"]) == ("rejected", "key-too-long", "Shorten it.")
    (answer,) = reply([Result(key, "t", error=EventError(key * 4))])["results"]
    assert len(answer["resultString"]) == LONGEST_RESULT
    assert answer["resultCode"] == "PermanentFailure"
