"""The two buckets: sources are read from raw; renditions and manifests are written to renditions.

Storage knows S3 and nothing of pictures. "No such key" and "changed since you looked" are answers (None), since the
loop expects both. Every other error of botocore's escapes, and Lambda's retry is the cure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any, Protocol

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from imaging.keys import manifest_key_of, prefix_of
from imaging.publishing.manifest import Source

TOMBSTONE_TAG = "state=removed"
"""Tag of a `removed` manifest. The lifecycle rule in serverless.yml expires what carries it."""

ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes whose objects have to be restored before they can be read (Amazon S3 User Guide)."""
GONE = frozenset({"404", "NoSuchKey"})
CHANGED = GONE | {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as a listing shows it."""

    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """What stands under one source's prefix, by full key; `now` is the storage's own clock."""

    now: datetime
    files: Mapping[str, Stored]


class Storage(Protocol):
    """What the loop needs of a pair of buckets. `tests/test_storage.py` is the contract, for every implementation.

    Renditions are written from several threads at once. Nothing else is.
    """

    @property
    def requests(self) -> int:
        """How many requests were made over HTTP so far. Each attempt counts."""

    def list_renditions(self, key: str) -> Listing:
        """The direct children of the source's prefix, its manifest among them."""

    def read_manifest(self, key: str) -> tuple[bytes, str] | None:
        """The manifest's bytes and ETag, or None where there is none."""

    def head_source(self, key: str) -> Source | None:
        """The source as it is now, or None where there is none."""

    def read_source(self, source: Source) -> bytes | None:
        """The bytes of exactly this source, or None when it is gone or another by now."""

    def write_rendition(self, key: str, body: bytes, content_type: str, cache_control: str) -> str:
        """Write one file and answer its ETag."""

    def write_manifest(self, key: str, body: bytes, replaces: str | None, *, tombstone: bool) -> str | None:
        """Write the manifest of source `key` and answer its ETag.

        None when what stands there is not the one with ETag `replaces` (None: no manifest at all).
        """

    def delete(self, keys: Iterable[str]) -> None:
        """Delete these files from renditions; one that is not there is no error."""


class S3Storage:
    """The protocol on two S3 buckets, both owned by the account `owner`."""

    def __init__(self, client: Any, *, raw: str, renditions: str, owner: str) -> None:
        self._client = client
        self._requests = 0
        self._counting = Lock()
        client.meta.events.register("before-send.s3", self._count)
        # ExpectedBucketOwner: a bucket of that name in somebody else's account is refused, not written to.
        self._raw = {"Bucket": raw, "ExpectedBucketOwner": owner}
        self._renditions = {"Bucket": renditions, "ExpectedBucketOwner": owner}

    def _count(self, **_about: Any) -> None:
        with self._counting:
            self._requests += 1

    @property
    def requests(self) -> int:
        return self._requests

    def list_renditions(self, key: str) -> Listing:
        prefix = prefix_of(key)
        files: dict[str, Stored] = {}
        page: dict[str, Any] = {"IsTruncated": True}
        now = None
        while page["IsTruncated"]:
            token: dict[str, str] = {"ContinuationToken": page["NextContinuationToken"]} if now else {}
            # The delimiter leaves out what belongs to other sources below this key, `<key>/other.jpg/...`.
            page = self._client.list_objects_v2(**self._renditions, Prefix=prefix, Delimiter="/", **token)
            now = now or parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
            for item in page.get("Contents", ()):
                files[item["Key"]] = Stored(item["ETag"].strip('"'), item["LastModified"])
        assert now is not None
        return Listing(now, files)

    def read_manifest(self, key: str) -> tuple[bytes, str] | None:
        try:
            answer = self._client.get_object(**self._renditions, Key=manifest_key_of(key))
        except ClientError as error:
            if _code(error) not in GONE:
                raise
            return None
        return answer["Body"].read(), answer["ETag"].strip('"')

    def head_source(self, key: str) -> Source | None:
        try:
            answer = self._client.head_object(**self._raw, Key=key)
        except ClientError as error:
            if _code(error) not in GONE:
                raise
            return None
        version = answer.get("VersionId")
        return Source(
            key=key,
            etag=answer["ETag"].strip('"'),
            bytes=answer["ContentLength"],
            modified=answer["LastModified"],
            # In a bucket without versioning, or where it is suspended, every upload has the version "null".
            version_id=version if version != "null" else None,
            metadata=answer["Metadata"],
            archived=_is_archived(answer),
        )

    def read_source(self, source: Source) -> bytes | None:
        try:
            answer = self._client.get_object(**self._raw, Key=source.key, IfMatch=f'"{source.etag}"')
        except ClientError as error:
            if _code(error) not in CHANGED:
                raise
            return None
        # botocore raises IncompleteReadError when fewer bytes come than Content-Length promised.
        body: bytes = answer["Body"].read()
        return body

    def write_rendition(self, key: str, body: bytes, content_type: str, cache_control: str) -> str:
        answer = self._client.put_object(
            **self._renditions, Key=key, Body=body, ContentType=content_type, CacheControl=cache_control
        )
        etag: str = answer["ETag"].strip('"')
        return etag

    def write_manifest(self, key: str, body: bytes, replaces: str | None, *, tombstone: bool) -> str | None:
        condition = {"IfMatch": f'"{replaces}"'} if replaces else {"IfNoneMatch": "*"}
        tagging = {"Tagging": TOMBSTONE_TAG} if tombstone else {}
        try:
            answer = self._client.put_object(
                **self._renditions,
                **condition,
                **tagging,
                Key=manifest_key_of(key),
                Body=body,
                ContentType="application/json",
                CacheControl="no-cache",
            )
        except ClientError as error:
            if _code(error) not in CHANGED:
                raise
            return None
        etag: str = answer["ETag"].strip('"')
        return etag

    def delete(self, keys: Iterable[str]) -> None:
        # One by one: DeleteObjects sends keys as XML, which cannot hold every character a key may have.
        for key in keys:
            self._client.delete_object(**self._renditions, Key=key)


def _is_archived(answer: Mapping[str, Any]) -> bool:
    """Whether HEAD tells of an object in the archive, of which no copy has been restored yet."""
    archived = answer.get("StorageClass") in ARCHIVES or "ArchiveStatus" in answer
    return archived and 'ongoing-request="false"' not in answer.get("Restore", "")


def _code(error: ClientError) -> str:
    code: str = error.response["Error"]["Code"]
    return code


def connect(*, raw: str, renditions: str, owner: str) -> S3Storage:
    """The two buckets over a new S3 client, which takes region, credentials and endpoint from the environment.

    The longest series of retries of one call takes about 50 seconds, well within the function's own timeout.
    """
    return S3Storage(client_of("s3", attempts=4, patience=10), raw=raw, renditions=renditions, owner=owner)


def client_of(aws: str, *, attempts: int, patience: float) -> Any:
    """A client of one of AWS's APIs. It makes `attempts` calls at most and waits `patience` seconds for each answer."""
    config = Config(
        connect_timeout=3,
        read_timeout=patience,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    # botocore's session, not boto3's: boto3's resources and transfers would double the cold start.
    return botocore.session.get_session().create_client(aws, config=config)
