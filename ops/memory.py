"""A pair of buckets in memory: for `ops render`, which needs no AWS, and for tests of the reconcile loop."""

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from imaging.keys import manifest_key_of, prefix_of
from imaging.publishing.manifest import Source
from imaging.publishing.storage import Listing, Stored


class File(NamedTuple):
    """An object of the renditions bucket."""

    body: bytes
    modified: datetime
    content_type: str
    cache_control: str
    tombstone: bool = False

    @property
    def etag(self) -> str:
        """What S3 answers for an object written in one part: the MD5 of its bytes."""
        return _md5(self.body)


class MemoryStorage:
    """A `Storage` in two dictionaries, with a clock of its own that stands still until moved."""

    requests = 0

    def __init__(self) -> None:
        self.sources: dict[str, tuple[Source, bytes]] = {}
        self.renditions: dict[str, File] = {}
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self._versions = itertools.count(1)

    def upload(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Source:
        """Put a source into the raw bucket, which is versioned."""
        source = Source(
            key=key,
            etag=_md5(body),
            bytes=len(body),
            modified=self.now,
            version_id=f"v{next(self._versions)}",
            metadata=metadata or {},
        )
        self.sources[key] = (source, body)
        return source

    def remove(self, key: str) -> None:
        """Delete a source from the raw bucket."""
        self.sources.pop(key, None)

    def wait(self, **time: float) -> None:
        """Move the clock, by `hours=2` or the like. Tombstones stay: lifecycle rules run at midnight, and not here."""
        self.now += timedelta(**time)

    def list_renditions(self, key: str) -> Listing:
        prefix = prefix_of(key)
        children = {
            name: Stored(file.etag, file.modified)
            for name, file in self.renditions.items()
            if name.startswith(prefix) and "/" not in name.removeprefix(prefix)
        }
        return Listing(self.now, children)

    def read_manifest(self, key: str) -> tuple[bytes, str] | None:
        file = self.renditions.get(manifest_key_of(key))
        return (file.body, file.etag) if file else None

    def head_source(self, key: str) -> Source | None:
        source, _ = self.sources.get(key, (None, b""))
        return source

    def read_source(self, source: Source) -> bytes | None:
        now, body = self.sources.get(source.key, (None, b""))
        return body if now and now.etag == source.etag else None

    def write_rendition(self, key: str, body: bytes, content_type: str, cache_control: str) -> str:
        file = File(body, self.now, content_type, cache_control)
        self.renditions[key] = file
        return file.etag

    def write_manifest(self, key: str, body: bytes, replaces: str | None, *, tombstone: bool) -> str | None:
        name = manifest_key_of(key)
        there = self.renditions.get(name)
        if (there.etag if there else None) != replaces:
            return None
        file = File(body, self.now, "application/json", "no-cache", tombstone)
        self.renditions[name] = file
        return file.etag

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.renditions.pop(key, None)


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
