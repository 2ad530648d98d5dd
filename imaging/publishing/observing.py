"""One look at a key: what stands there, and what is wanted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from imaging.keys import manifest_key_of
from imaging.publishing.manifest import REMOVED, Manifest, Rendition, Source, Superseded
from imaging.publishing.storage import Listing, Storage, Stored
from imaging.recipe.recipe import Rule, has_digest

GRACE = timedelta(days=1)
"""How long a superseded file with its digest in its name stays, since cached pages still show it."""

LONGEST_RUN = timedelta(hours=1)
"""Longer than any run can last (Lambda ends one after 15 minutes). An unlisted file older than this is litter."""


class Wanted(NamedTuple):
    """What shall be published: this source, by this rule."""

    source: Source
    rule: Rule


class Standing(NamedTuple):
    """What stands in the manifest's place, and its ETag. `manifest` is None where it is somebody else's bytes."""

    manifest: Manifest | None
    etag: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a key. `wanted` is None where no source stands or no rule takes its key.

    `listing` is None where no LIST was made, because no manifest stands and a source does.
    """

    key: str
    wanted: Wanted | None
    standing: Standing | None = None
    listing: Listing | None = None

    @property
    def manifest(self) -> Manifest | None:
        """The manifest that stands; None where there is none of ours."""
        return self.standing.manifest if self.standing else None

    @property
    def files(self) -> Mapping[str, Stored]:
        """Every file under the source's prefix, by its key."""
        return self.listing.files if self.listing else {}

    @property
    def salt(self) -> str:
        """What goes into the digest of a new file's name, beside its content. Empty until files were deleted.

        Every deletion changes it. So where a deletion stalls, and the same bytes are published meanwhile, they have
        another name, and the deletion cannot take them.
        """
        if self.standing is None:
            return ""
        if self.manifest is None:
            return self.standing.etag
        return self.manifest.write_id if self.manifest.status == REMOVED else self.manifest.salt

    def stands(self, file: Rendition | Superseded) -> bool:
        """Whether the listing shows this very file."""
        stored = self.files.get(file.key)
        return stored is not None and stored.etag == file.etag

    def last_good(self) -> tuple[Rendition, ...]:
        """The renditions that the manifest lists and that still stand."""
        return tuple(each for each in self.manifest.renditions if self.stands(each)) if self.manifest else ()

    def litter(self) -> list[str]:
        """Files that nobody needs: superseded over a grace period ago, or unlisted and older than any run."""
        if self.listing is None:
            return []
        now = self.listing.now
        listed = self.manifest.renditions if self.manifest else ()
        needed = {manifest_key_of(self.key), *(each.key for each in listed)}
        since = {each.key: each.since for each in self.manifest.superseded} if self.manifest else {}
        return [
            key
            for key, file in self.listing.files.items()
            if key not in needed
            and (_past_grace(since[key], now) if key in since else file.modified + LONGEST_RUN <= now)
        ]

    def superseded_by(self, renditions: Iterable[Rendition]) -> tuple[Superseded, ...]:
        """What the manifest seen lists, `renditions` do not, and cached pages may still show.

        Only files with their digest in their name: under a stable name the picture itself is replaced.
        """
        if self.manifest is None or self.listing is None:
            return ()
        now = self.listing.now
        kept = {each.key for each in renditions}
        just_now = [
            Superseded(each.key, each.etag, now)
            for each in self.manifest.renditions
            if has_digest(each.key.rpartition("/")[2])
        ]
        every = (*self.manifest.superseded, *just_now)
        return tuple(each for each in every if each.key not in kept and each.key in self.files)

    def dropped_by(self, manifest: Manifest) -> list[str]:
        """The files that only the manifest seen listed, now that `manifest` has replaced it."""
        if self.manifest is None:
            return []
        kept = manifest.all_keys()
        return [key for key in self.manifest.all_keys() if key not in kept and key in self.files]


def _past_grace(since: datetime, now: datetime) -> bool:
    return since <= now - GRACE


def observe(key: str, rule: Rule | None, storage: Storage, written: Standing | None = None) -> Seen | None:
    """One look; None when the key changed meanwhile.

    The source is read last. So what is published never goes back to an older source than that of the manifest seen.
    `written` is the manifest that we wrote ourselves, which need not be read again.

    A LIST costs as much as twelve GETs, so the first look tries without one. Where no manifest stands and a source
    does, nothing can be superseded, skipped or dropped, and no listing is needed. The look after the change always
    lists.
    """
    standing = written
    if rule and not standing:
        standing = _read_manifest(key, storage)
        if not standing and (source := storage.head_source(key)):
            return Seen(key, Wanted(source, rule))

    listing = storage.list_renditions(key)
    file = listing.files.get(manifest_key_of(key))
    if not file:
        standing = None
    elif not standing or standing.etag != file.etag:
        standing = _read_manifest(key, storage)
        if not standing or standing.etag != file.etag:
            return None
    source = storage.head_source(key) if rule else None
    return Seen(key, Wanted(source, rule) if source and rule else None, standing, listing)


def _read_manifest(key: str, storage: Storage) -> Standing | None:
    answer = storage.read_manifest(key)
    return Standing(Manifest.from_json(answer[0]), answer[1]) if answer else None
