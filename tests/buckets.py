"""Pairs of buckets as a test handles them: the storage under test, and an editor's hands on raw."""

import io
import itertools
from functools import cache
from typing import Any, Protocol

import boto3

from imaging.publishing.storage import S3Storage, Storage
from ops.memory import MemoryStorage

OWNER = "123456789012"
AWKWARD = [
    "plain.jpg",
    "a b.jpg",
    "a+b.jpg",
    "100%.jpg",
    "a%2Fb.jpg",
    "caf\u00e9.jpg",
    "cafe\u0301.jpg",
    "\U0001f642.jpg",
    "\u65e5\u672c\u8a9e.jpg",
    "../up.jpg",
    "a/../b.jpg",
    "a//b.jpg",
    "/lead.jpg",
    "a&b=c?d#e.jpg",
    "quote'\"<>.jpg",
    "x" * 900,
    "folder/" + "\u00e9" * 440,
]


class Buckets(Protocol):
    """A pair of buckets as a test handles it: the storage under test, and an editor's hands on raw."""

    storage: Storage

    def upload(self, key: str, body: bytes, metadata: dict[str, str] | None = None) -> None: ...

    def remove(self, key: str) -> None: ...


class InMemory:
    """A new pair of buckets in memory."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()

    def upload(self, key: str, body: bytes, metadata: dict[str, str] | None = None) -> None:
        self.storage.upload(key, body, metadata)

    def remove(self, key: str) -> None:
        self.storage.remove(key)


@cache
def client_at(endpoint: str) -> Any:
    """One client for all tests: making one takes longer than most tests."""
    return boto3.client("s3", endpoint_url=endpoint)


class OnS3:
    """A new pair of buckets on moto, over HTTP where there is an endpoint."""

    numbers = itertools.count(1)

    def __init__(self, endpoint: str | None, *, versioned: bool = True) -> None:
        number = next(self.numbers)
        self.raw, self.renditions = f"raw-{number}", f"renditions-{number}"
        self.client = client_at(endpoint) if endpoint else boto3.client("s3")
        for bucket in (self.raw, self.renditions):
            where = {"LocationConstraint": "eu-central-1"}
            self.client.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        if versioned:
            self.client.put_bucket_versioning(Bucket=self.raw, VersioningConfiguration={"Status": "Enabled"})
        self.storage = S3Storage(self.client, raw=self.raw, renditions=self.renditions, owner=OWNER)

    def upload(self, key: str, body: bytes, metadata: dict[str, str] | None = None) -> None:
        self.client.put_object(Bucket=self.raw, Key=key, Body=body, Metadata=metadata or {})

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=self.raw, Key=key)


class Body(io.BytesIO):
    """A response body as urllib3 hands it on, for tests that answer in S3's place."""

    def stream(self, **_: Any) -> Any:
        yield self.read()
