"""What became of each key -> the answer that the event's sender understands."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imaging.errors import EventError
from imaging.publishing.outcome import Outcome

LONGEST_RESULT = 1024
"""Characters of a result that S3 Batch Operations takes (Amazon S3 User Guide, "Invoking AWS Lambda functions")."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a key: an outcome, or the error that reconciling it or reading its record ended with.

    `part` is the message or task that it came in.
    """

    key: str
    part: str = ""
    outcome: Outcome | None = None
    error: Exception | None = None


Reply = Callable[[Sequence[Result]], dict[str, Any]]
"""Answers the sender; it may raise, where that is the answer."""


def answer_caller(results: Sequence[Result]) -> dict[str, Any]:
    """Every outcome; where any failed, one exception that names the bad ones, so that Lambda tries again.

    The good ones are done by then, and the retry finds them as desired.
    """
    failed = [(result.key, result.error) for result in results if result.error]
    if failed:
        names = "; ".join(f"{key!r}: {type(error).__name__}: {error}" for key, error in failed)
        raise ExceptionGroup(f"{len(failed)} of {len(results)} keys failed: {names}", [error for _, error in failed])
    return {"outcomes": [result.outcome.summary() for result in results if result.outcome]}


def answer_sqs(records: Sequence[Any]) -> Reply:
    """The messages to try again, and no other; a message is done when every hint in it is."""

    def reply(results: Sequence[Result]) -> dict[str, Any]:
        failed = {result.part for result in results if result.error}
        ids = [str(record.get("messageId")) for record in records]
        return {"batchItemFailures": [{"itemIdentifier": part} for part in ids if part in failed]}

    return reply


def answer_batch(event: Mapping[str, Any]) -> Reply:
    """A result for every task."""

    def reply(results: Sequence[Result]) -> dict[str, Any]:
        return {
            "invocationSchemaVersion": event["invocationSchemaVersion"],
            "treatMissingKeysAs": "PermanentFailure",
            "invocationId": event.get("invocationId"),
            "results": [
                {"taskId": result.part, "resultCode": _code(result), "resultString": _text(result)}
                for result in results
            ],
        }

    return reply


def _code(result: Result) -> str:
    if result.error is None:
        return "Succeeded"
    # A record nobody can read will not become readable; other errors may pass.
    return "PermanentFailure" if isinstance(result.error, EventError) else "TemporaryFailure"


def _text(result: Result) -> str:
    """The outcome as JSON, which its readers parse: where it would be too long, its longest texts are cut."""
    if result.outcome is None:
        return f"{type(result.error).__name__}: {result.error}"[:LONGEST_RESULT]
    summary = result.outcome.summary()
    while len(text := json.dumps(summary)) > LONGEST_RESULT:
        longest = max(summary, key=lambda name: len(summary[name]))
        summary[longest] = summary[longest][: len(summary[longest]) // 2]
    return text
