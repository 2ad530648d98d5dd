"""An event -> the keys it hints at. One reader for each envelope, for they encode keys differently.

An S3 notification form-encodes the key, so that it is decoded here, exactly once; a direct invocation says
keys as they are. What a record claims beyond its key (size, ETag, order) is not believed: reconciling looks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from imaging.errors import EventError


@dataclass(frozen=True, slots=True)
class Hint:
    """One record of an event: a key that may have changed, or the error that reading the record gave."""

    key: str
    error: EventError | None = None


def read_hints_of(event: Any, raw: str) -> list[Hint]:
    """Every key that `event` hints at, each once; `raw` is the only bucket we listen to.

    A record nobody can read becomes a hint with its error, so that it does not stop the others; an event that is
    no envelope we know raises `EventError`.
    """
    if not isinstance(event, Mapping):
        raise EventError(f"an event is a JSON object, and this is {_shown(event)}")
    if event.get("Event") == "s3:TestEvent":
        return []  # S3 sends it once, when the notification is set up
    if "keys" in event:
        return _unique(_direct(event["keys"]))
    records = event.get("Records")
    if isinstance(records, list) and records:
        return _unique(_notified(record, raw) for record in records)
    raise EventError(
        'an event is an S3 notification with "Records", or {"keys": ["folder/name.jpg"]}, '
        f"and this has {', '.join(map(repr, list(event)[:8])) or 'nothing in it'}"
    )


def _unique(hints: Iterator[Hint] | Any) -> list[Hint]:
    return list(dict.fromkeys(hints))


def _direct(keys: Any) -> Iterator[Hint]:
    if not isinstance(keys, list):
        raise EventError(f'"keys" is a list of keys, and this is {_shown(keys)}')
    for key in keys:
        if isinstance(key, str) and key:
            yield Hint(key)
        else:
            yield Hint(_shown(key), EventError(f"a key is a text that is not empty, and this is {_shown(key)}"))


def _notified(record: Any, raw: str) -> Hint:
    try:
        if record["eventSource"] != "aws:s3":
            raise EventError(f"a record comes from aws:s3, and this from {_shown(record['eventSource'])}")
        # AWS's rule for readers: the same major version, any minor, and unknown fields are ignored.
        if str(record["eventVersion"]).partition(".")[0] != "2":
            raise EventError(f"S3 event version 2.x is known, and this is {_shown(record['eventVersion'])}")
        bucket, encoded = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        if bucket != raw:
            raise EventError(f"the raw bucket is {raw!r}, and this record is of {_shown(bucket)}")
        # strict: bytes that are no UTF-8 would otherwise become a key that nobody uploaded
        key = unquote_plus(encoded, errors="strict")
        if not key:
            raise EventError("the key of this record is empty")
    except EventError as error:
        return Hint(_shown(record), error)
    except (KeyError, TypeError, AttributeError, UnicodeError) as error:
        return Hint(_shown(record), EventError(f"no S3 record: {type(error).__name__} {error} in {_shown(record)}"))
    return Hint(key)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
