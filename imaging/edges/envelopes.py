"""An event -> the keys it hints at, and how its sender is answered.

One reader for each envelope, for they encode keys differently: an S3 notification and S3 Batch form-encode the key, so
it is decoded here, exactly once; EventBridge and a direct invocation send keys as they are. What a record claims beyond
its key (size, ETag, order) is not believed: the loop looks.
"""

import json
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from imaging.edges.replies import Reply, answer_batch, answer_caller, answer_sqs
from imaging.errors import EventError

MOST_WRAPPERS = 8
"""Envelopes around a notification. SQS, Lambda's failure queue and SNS make three; more than eight are an attack."""

_SHORT = reprlib.Repr()  # it stops at a few levels, where repr() of hostile JSON would recurse without end
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxstring = 3, 8, 150


@dataclass(frozen=True, slots=True)
class Hint:
    """A key that may have changed, or the error that was met in reading its record.

    `part` is the message or task that the hint came in, for replies that name each. `request` is S3's id of the
    request that changed the key, where the event has it.
    """

    key: str
    error: EventError | None = None
    part: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The hints of one event, and how its sender is answered."""

    hints: tuple[Hint, ...]
    reply: Reply


def read_envelope(event: Any, raw: str) -> Envelope:
    """Read any event that the function may be given; `raw` is the only bucket we listen to.

    A record nobody can read becomes a hint with its error, so that it does not stop the others. An event that is no
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


def _hints(event: Any, raw: str, wrappers: int = 0) -> Iterator[Hint]:
    """The hints of an event that is one thing: a notification, bare or wrapped, or a direct invocation."""
    if wrappers > MOST_WRAPPERS:
        raise EventError(f"an event comes in {MOST_WRAPPERS} envelopes at most, and this is in more")
    if not isinstance(event, Mapping):
        raise EventError(f"an event is a JSON object, and this is {_shown(event)}")
    if event.get("Event") == "s3:TestEvent":
        return  # S3 sends it once, when the notification is set up
    records = event.get("Records")
    if "keys" in event:
        yield from _direct(event["keys"])
    elif event.get("source") == "aws.s3" and "detail" in event:
        yield from _each_alone(event, partial(_bridged, event, raw))
    elif "requestPayload" in event and "requestContext" in event:
        yield from _hints(event["requestPayload"], raw, wrappers + 1)  # what Lambda parks in the failure queue
    elif event.get("Type") == "Notification" and "Message" in event:
        yield from _hints(_json(event["Message"]), raw, wrappers + 1)
    elif isinstance(records, list) and records:
        for record in records:
            yield from _each_alone(record, partial(_recorded, record, raw, wrappers))
    else:
        fields = ", ".join(map(_shown, list(event)[:8])) or "nothing in it"
        raise EventError(
            "an event is an S3 notification (bare, or in SQS or SNS), an EventBridge event of S3, an S3 Batch task or "
            f'{{"keys": ["folder/name.jpg"]}}, and this has {fields}'
        )


def _direct(keys: Any) -> Iterator[Hint]:
    if not isinstance(keys, list):
        raise EventError(f'"keys" is a list of keys, and this is {_shown(keys)}')
    for key in keys:
        yield from _each_alone(key, partial(_asked_for, key))


def _asked_for(key: Any) -> Iterable[Hint]:
    return [Hint(_checked(key))]


def _recorded(record: Any, raw: str, wrappers: int) -> Iterable[Hint]:
    if _source(record) == "aws:sns":
        return _hints(_json(record["Sns"]["Message"]), raw, wrappers + 1)
    if record["eventSource"] != "aws:s3":
        raise EventError(f"a record comes from aws:s3, and this from {_shown(record['eventSource'])}")
    # AWS's rule for readers: the same major version, any minor, and unknown fields are ignored.
    if str(record["eventVersion"]).partition(".")[0] != "2":
        raise EventError(f"S3 event version 2.x is known, and this is {_shown(record['eventVersion'])}")
    key = _key_in(raw, record["s3"]["bucket"]["name"], _decoded(record["s3"]["object"]["key"]))
    return [Hint(key, request=_request_id(record.get("responseElements"), "x-amz-request-id"))]


def _bridged(event: Mapping[str, Any], raw: str) -> Iterable[Hint]:
    if event["detail-type"] not in ("Object Created", "Object Deleted"):
        raise EventError(f"EventBridge sends Object Created or Object Deleted, not {_shown(event['detail-type'])}")
    detail = event["detail"]
    key = _key_in(raw, detail["bucket"]["name"], detail["object"]["key"])
    return [Hint(key, request=_request_id(detail, "request-id"))]


def _queued(record: Any, raw: str) -> Iterator[Hint]:
    """The hints in an SQS message; one that nobody can read fails alone, and SQS parks it."""
    part = str(record.get("messageId"))
    for hint in _each_alone(record, lambda: _hints(_json(record["body"]), raw)):
        yield replace(hint, part=part)


def _batch_tasks(event: Mapping[str, Any], raw: str) -> Iterator[Hint]:
    if event["invocationSchemaVersion"] not in ("1.0", "2.0") or not isinstance(event.get("tasks"), list):
        raise EventError(f"S3 Batch schema 1.0 and 2.0 are known, and this is {_shown(event)}")
    for task in event["tasks"]:
        part = str(task.get("taskId")) if isinstance(task, Mapping) else ""
        for hint in _each_alone(task, partial(_tasked, task, raw)):
            yield replace(hint, part=part)


def _tasked(task: Any, raw: str) -> Iterable[Hint]:
    bucket = task.get("s3Bucket") or task["s3BucketArn"].rpartition(":")[2]
    return [Hint(_key_in(raw, bucket, _decoded(task["s3Key"])))]


def _each_alone(record: Any, read: Callable[[], Iterable[Hint]]) -> list[Hint]:
    """The hints in a record. Whatever is wrong with it becomes a hint with its error, so that it stops no other."""
    try:
        return list(read())
    except EventError as error:
        return [Hint(_shown(record), error)]
    except Exception as error:  # noqa: BLE001  records are anybody's: no class of error may take the others along
        wrong = f"{type(error).__name__} {error} in {_shown(record)}"
        return [Hint(_shown(record), EventError(f"this is no record of S3: {wrong}"))]


# -- parts of records --------------------------------------------------------------------------------------


def _request_id(holder: Any, name: str) -> str:
    """S3's request id, which goes into manifests and log lines; anything that does not look like one is none."""
    request = holder.get(name) if isinstance(holder, Mapping) else None
    return request if isinstance(request, str) and re.fullmatch("[A-Za-z0-9]{1,64}", request) else ""


def _key_in(raw: str, bucket: Any, key: Any) -> str:
    if bucket != raw:
        raise EventError(f"the raw bucket is {raw!r}, and this record is of {_shown(bucket)}")
    return _checked(key)


def _checked(key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise EventError(f"a key is a text that is not empty, and this is {_shown(key)}")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise EventError(f"a key is UTF-8, and this holds half a character: {_shown(key)}") from None
    return key


def _decoded(key: str) -> str:
    # strict: bytes that are not UTF-8 would otherwise become a key that nobody uploaded
    return unquote_plus(key, errors="strict")


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise EventError(f"this should be JSON, and is {_shown(text)}") from None


def _source(record: Any) -> str:
    source = record.get("eventSource") or record.get("EventSource") if isinstance(record, Mapping) else None
    return source if isinstance(source, str) else ""


def _shown(value: Any) -> str:
    return _SHORT.repr(value)[:200]
