"""Events as their senders word them."""

import json
from typing import Any
from urllib.parse import quote_plus

RAW = "the-raw-bucket"


def record(key: str, *, bucket: str = RAW, version: str = "2.1", name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """One record of an S3 notification."""
    return {
        "eventSource": "aws:s3",
        "eventVersion": version,
        "eventName": name,
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "size": 1}},
    }


def message(number: int, body: Any) -> dict[str, Any]:
    """One message of an SQS batch."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"eventSource": "aws:sqs", "messageId": f"m{number}", "body": text}
