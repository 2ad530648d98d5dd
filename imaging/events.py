"""An event -> the keys it hints at; what became of them -> the reply its sender understands.

One reader for each envelope, for they encode keys differently: an S3 notification and S3 Batch form-encode the key, so
that it is decoded here, exactly once; EventBridge and a direct invocation say keys as they are. What a record claims
beyond its key (size, ETag, order) is not believed: reconciling looks.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from imaging.errors import EventError
from imaging.model import Outcome


@dataclass(frozen=True, slots=True)
class Hint:
    """A key that may have changed, or the error that reading its record gave.

    `part` is the message or task that the hint came in, for replies that name each; `request` is S3's id of the
    request that changed the key, where the event tells it.
    """

    key: str
    error: EventError | None = None
    part: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a hint: an outcome, or the error that reconciling (or reading the record) ended with."""

    hint: Hint
    outcome: Outcome | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The hints of one event, and how its sender is answered; `reply` may raise, where that is the answer."""

    hints: tuple[Hint, ...]
    reply: Callable[[Sequence[Result]], dict[str, Any]]


def read_envelope(event: Any, raw: str) -> Envelope:
    """Read any event that the function may be given; `raw` is the only bucket we listen to.

    A record nobody can read becomes a hint with its error, so that it does not stop the others; an event that is no
    envelope we know raises `EventError`.
    """
    if isinstance(event, Mapping):
        records = event.get("Records")
        if isinstance(records, list) and records and all(_source(record) == "aws:sqs" for record in records):
            return Envelope(tuple(hint for record in records for hint in _queued(record, raw)), answer_sqs(records))
        if "invocationSchemaVersion" in event:
            return Envelope(tuple(_batch_tasks(event, raw)), answer_batch(event))
    return Envelope(tuple(_hints(event, raw)), answer_caller)


# -- envelopes ---------------------------------------------------------------------------------------------


def _hints(event: Any, raw: str) -> Iterator[Hint]:
    """The hints of an event that is one thing: a notification, bare or wrapped, or a direct invocation."""
    if not isinstance(event, Mapping):
        raise EventError(f"an event is a JSON object, and this is {_shown(event)}")
    if event.get("Event") == "s3:TestEvent":
        return  # S3 sends it once, when the notification is set up
    records = event.get("Records")
    if "keys" in event:
        yield from _direct(event["keys"])
    elif event.get("source") == "aws.s3" and "detail" in event:
        yield _read(event, partial(_bridged, event, raw), "detail", "request-id")
    elif "requestPayload" in event and "requestContext" in event:
        yield from _hints(event["requestPayload"], raw)  # what Lambda parks in the failure queue
    elif event.get("Type") == "Notification" and "Message" in event:
        yield from _hints(_json(event["Message"]), raw)
    elif isinstance(records, list) and records:
        for record in records:
            if _source(record) == "aws:sns":
                yield from _hints(_json(record["Sns"]["Message"]), raw)
            else:
                yield _read(record, partial(_notified, record, raw), "responseElements", "x-amz-request-id")
    else:
        raise EventError(
            "an event is an S3 notification (bare, or in SQS or SNS), an EventBridge event of S3, an S3 Batch task or "
            f'{{"keys": ["folder/name.jpg"]}}, and this has {", ".join(map(repr, list(event)[:8])) or "nothing in it"}'
        )


def _direct(keys: Any) -> Iterator[Hint]:
    if not isinstance(keys, list):
        raise EventError(f'"keys" is a list of keys, and this is {_shown(keys)}')
    for key in keys:
        if isinstance(key, str) and key:
            yield Hint(key)
        else:
            yield Hint(_shown(key), EventError(f"a key is a text that is not empty, and this is {_shown(key)}"))


def _notified(record: Any, raw: str) -> str:
    if record["eventSource"] != "aws:s3":
        raise EventError(f"a record comes from aws:s3, and this from {_shown(record['eventSource'])}")
    # AWS's rule for readers: the same major version, any minor, and unknown fields are ignored.
    if str(record["eventVersion"]).partition(".")[0] != "2":
        raise EventError(f"S3 event version 2.x is known, and this is {_shown(record['eventVersion'])}")
    return _key_in(raw, record["s3"]["bucket"]["name"], _decoded(record["s3"]["object"]["key"]))


def _bridged(event: Mapping[str, Any], raw: str) -> str:
    if event["detail-type"] not in ("Object Created", "Object Deleted"):
        raise EventError(f"EventBridge tells of Object Created or Object Deleted, not {_shown(event['detail-type'])}")
    return _key_in(raw, event["detail"]["bucket"]["name"], event["detail"]["object"]["key"])


def _queued(record: Any, raw: str) -> Iterator[Hint]:
    """The hints in an SQS message; one that nobody can read fails alone, and SQS parks it."""
    part = str(record.get("messageId"))
    try:
        for hint in _hints(_json(record["body"]), raw):
            yield replace(hint, part=part)
    except (EventError, KeyError, TypeError) as error:
        yield Hint(_shown(record.get("body")), EventError(f"{error} in message {part}"), part)


def _batch_tasks(event: Mapping[str, Any], raw: str) -> Iterator[Hint]:
    if event["invocationSchemaVersion"] not in ("1.0", "2.0") or not isinstance(event.get("tasks"), list):
        raise EventError(f"S3 Batch schema 1.0 and 2.0 are known, and this is {_shown(event)}")
    for task in event["tasks"]:

        def key(task: Any = task) -> str:
            bucket = task.get("s3Bucket") or task["s3BucketArn"].rpartition(":")[2]
            return _key_in(raw, bucket, _decoded(task["s3Key"]))

        hint = _read(task, key)
        yield replace(hint, part=str(task.get("taskId")) if isinstance(task, Mapping) else "")


def _read(record: Any, key: Callable[[], str], *request: str) -> Hint:
    """The hint in a record, whatever is wrong with it; `request` are the two names its request id stands under."""
    try:
        return Hint(key(), request=_request_id(record, *request))
    except EventError as error:
        return Hint(_shown(record), error)
    except (KeyError, TypeError, AttributeError, UnicodeError) as error:
        wrong = f"{type(error).__name__} {error} in {_shown(record)}"
        return Hint(_shown(record), EventError(f"this is no record of S3: {wrong}"))


def _request_id(record: Mapping[str, Any], outer: str = "", inner: str = "") -> str:
    """S3's request id, which goes into manifests and log lines; anything that does not look like one is none."""
    said = record.get(outer)
    found = said.get(inner) if isinstance(said, Mapping) else None
    return found if isinstance(found, str) and re.fullmatch("[A-Za-z0-9]{1,64}", found) else ""


def _key_in(raw: str, bucket: Any, key: Any) -> str:
    if bucket != raw:
        raise EventError(f"the raw bucket is {raw!r}, and this record is of {_shown(bucket)}")
    if not isinstance(key, str) or not key:
        raise EventError(f"a key is a text that is not empty, and this is {_shown(key)}")
    return key


def _decoded(key: str) -> str:
    # strict: bytes that are no UTF-8 would otherwise become a key that nobody uploaded
    return unquote_plus(key, errors="strict")


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise EventError(f"this should be JSON, and is {_shown(text)}") from None


def _source(record: Any) -> str:
    found = record.get("eventSource") or record.get("EventSource") if isinstance(record, Mapping) else ""
    return str(found)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."


# -- replies -----------------------------------------------------------------------------------------------


def answer_caller(results: Sequence[Result]) -> dict[str, Any]:
    """Every outcome; where any failed, one exception that names the bad ones, so that Lambda tries again.

    The good ones are done by then, and found as desired at the retry.
    """
    failed = [(result.hint.key, result.error) for result in results if result.error]
    if failed:
        named = "; ".join(f"{key!r}: {type(error).__name__}: {error}" for key, error in failed)
        raise ExceptionGroup(f"{len(failed)} of {len(results)} keys failed: {named}", [error for _, error in failed])
    return {"outcomes": [result.outcome.summary() for result in results if result.outcome]}


def answer_sqs(records: Sequence[Any]) -> Callable[[Sequence[Result]], dict[str, Any]]:
    """The messages to try again, and no other; a message is done when every hint in it is."""

    def reply(results: Sequence[Result]) -> dict[str, Any]:
        failed = {result.hint.part for result in results if result.error}
        ids = [str(record.get("messageId")) for record in records]
        return {"batchItemFailures": [{"itemIdentifier": part} for part in ids if part in failed]}

    return reply


def answer_batch(event: Mapping[str, Any]) -> Callable[[Sequence[Result]], dict[str, Any]]:
    """A result for every task. A record nobody can read will not become readable; other errors may pass."""

    def code(result: Result) -> str:
        permanent = isinstance(result.error, EventError)
        return "PermanentFailure" if permanent else "TemporaryFailure" if result.error else "Succeeded"

    def text(result: Result) -> str:
        if result.outcome:
            return json.dumps(result.outcome.summary())
        return f"{type(result.error).__name__}: {result.error}"

    def reply(results: Sequence[Result]) -> dict[str, Any]:
        return {
            "invocationSchemaVersion": event["invocationSchemaVersion"],
            "treatMissingKeysAs": "PermanentFailure",
            "invocationId": event.get("invocationId"),
            "results": [
                {"taskId": r.hint.part, "resultCode": code(r), "resultString": text(r)[:1024]} for r in results
            ],
        }

    return reply
