"""Editors hear of each new rejection, once, in plain words; and over a real moto server, through the handler."""

import json
from typing import Any

import boto3
import pytest

import handler
from imaging.edges.notices import Editors
from imaging.keys import visible
from imaging.publishing.manifest import Manifest, Reason, Rendition, Source
from imaging.publishing.outcome import Outcome
from imaging.publishing.storage import client_of
from tests.buckets import OnS3
from tests.publishing.schedules import picture
from tests.test_handler import deployed, notify  # noqa: F401  a fixture

TOPIC = "arn:aws:sns:eu-central-1:123456789012:editors"
REASON = Reason("empty", "This file is empty: it has 0 bytes.", "Export the picture again and upload it.")


class Topic:
    """Keeps what is published to it, and counts how often somebody connected."""

    def __init__(self) -> None:
        self.published: list[dict[str, str]] = []
        self.connections = 0

    def connect(self) -> Any:
        self.connections += 1
        return self

    def publish(self, **message: str) -> None:
        self.published.append(message)


def rejected(key: str, status: str = "rejected", renditions: tuple[Rendition, ...] = ()) -> Outcome:
    return Outcome(key, status, Manifest("rejected", "1", Source(key), renditions=renditions, rejection=REASON))


def told(*outcomes: Outcome) -> list[dict[str, str]]:
    topic = Topic()
    editors = Editors(TOPIC, topic.connect)
    for outcome in outcomes:
        editors.tell(outcome)
    assert topic.connections == bool(topic.published)
    return topic.published


def test_a_rejection_is_told_with_key_reason_advice_and_code() -> None:
    (notice,) = told(rejected("news/cat.jpg"))
    assert notice["TopicArn"] == TOPIC
    assert notice["Subject"] == "Rejected: news/cat.jpg"
    assert all(word in notice["Message"] for word in ("news/cat.jpg", REASON.reason, REASON.advice, "(empty)"))
    assert "stays up" not in notice["Message"]


def test_an_editor_whose_overwrite_is_rejected_hears_that_the_last_good_one_stays() -> None:
    last_good = Rendition("thumb", "a/thumb.webp", "webp", "image/webp", 1, 1, 1, "e", "s")
    (notice,) = told(rejected("a", renditions=(last_good,)))
    assert "before stays up" in notice["Message"]


def test_nothing_but_a_new_rejection_is_told() -> None:
    statuses = ("unchanged", "rewritten", "published", "removed")
    assert told(*(rejected("a", status=status) for status in statuses), Outcome("c", "ignored")) == []


def test_the_client_is_made_once_for_many_rejections() -> None:
    assert len(told(rejected("a"), rejected("b"), rejected("c"))) == 3


def test_without_a_topic_nobody_is_told() -> None:
    topic = Topic()
    Editors("", topic.connect).tell(rejected("a"))
    assert topic.connections == 0


@pytest.mark.parametrize(
    "key", ["a\nReason: all is well\r\n.jpg", "\x1b[31m\0\x7f", "\u202egpj.exe", "\ud800", "ü" * 300, "ü\u2028名前"]
)
def test_a_key_stays_in_its_line_and_a_subject_is_what_sns_takes(key: str) -> None:
    (notice,) = told(rejected(key))
    assert len(notice["Subject"]) <= 100
    assert notice["Subject"].isascii()
    assert notice["Subject"].isprintable()
    assert notice["Message"].split("\n")[0] == f"{visible(key)} was not published."
    assert notice["Message"].encode().decode().replace("\n", "").isprintable()


@pytest.fixture
def inbox(deployed: OnS3, aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: F811
    """Reads the notices that the deployed function sent, over real HTTP."""
    sns, sqs = (boto3.client(name, endpoint_url=aws_endpoint) for name in ("sns", "sqs"))
    topic = sns.create_topic(Name=f"editors-of-{deployed.raw}")["TopicArn"]
    queue = sqs.create_queue(QueueName=f"inbox-of-{deployed.raw}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    monkeypatch.setenv("EDITORS_TOPIC", topic)
    handler.wiring.cache_clear()

    def read() -> list[str]:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"])["Subject"] for message in messages]

    return read


def test_a_rejection_is_told_once_however_often_its_event_comes(deployed: OnS3, inbox: Any) -> None:  # noqa: F811
    deployed.upload("a.txt", b"no picture")
    deployed.upload("b.png", picture(1))
    for _ in range(3):
        notify(deployed, "a.txt", "b.png")
    assert inbox() == ["Rejected: a.txt"]
    deployed.upload("a.txt", b"no picture again")
    notify(deployed, "a.txt")
    assert inbox() == ["Rejected: a.txt"]


def test_a_notice_that_fails_is_logged_and_the_outcome_stands(
    deployed: OnS3,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("EDITORS_TOPIC", TOPIC + "-nobody-made")
    handler.wiring.cache_clear()
    deployed.upload("a.txt", b"no picture")
    (outcome,) = notify(deployed, "a.txt")["outcomes"]
    assert outcome["code"] == "unsupported-format"
    errors = [entry for entry in caplog.records if entry.levelname == "ERROR"]
    assert [(entry.message, entry.key) for entry in errors] == [("untold", "a.txt")]  # type: ignore[attr-defined]


def test_the_client_gives_up_early() -> None:
    config = client_of("sns", attempts=2, patience=5).meta.config
    assert config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout) <= 20
