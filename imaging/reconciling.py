"""Bring one key to its desired state: observe, compare, change, observe again.

An event is a hint that something changed under a key, never an instruction. Order, duplicates, crashes at any
call, two writers at once, two recipes during a deploy, a rendition deleted by hand: each is the same case,
"observed is not desired". There is no lock and no database; the manifest, written last and conditionally, is
the only point of agreement.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf

from imaging.bounds import Run, each_held_to, held_to
from imaging.decoding import Picture, decode
from imaging.encoding import encode_all, placeholder
from imaging.errors import Contention, Rejection
from imaging.hints import read_hints
from imaging.markup import picture_snippet, srcset
from imaging.model import (
    FORMATS,
    LONGEST_KEY,
    Manifest,
    Outcome,
    Reason,
    Rendition,
    RenditionSpec,
    Source,
    Superseded,
    manifest_key_of,
)
from imaging.recipe import DIGEST_LENGTH, Recipe, Rule
from imaging.rendering import dominant_colour, render
from imaging.storage import Storage, Stored

ROUNDS = 6
"""Observations before giving up; a key that changes faster than that is left to Lambda's retry."""

GRACE = timedelta(days=1)
"""How long a superseded file with its digest in its name stays, for pages that are cached still show it."""

BY_MEMORY = frozenset({"needs-too-much-memory", "took-too-long"})
"""Rejections that a larger function, whose processor is faster too, may not come to."""

LONGEST_RUN = timedelta(hours=1)
"""Longer than any run can last (Lambda ends one after 15 minutes): an unlisted file older than this is litter."""


def reconcile(key: str, recipe: Recipe, storage: Storage, run: Run | None = None) -> Outcome:
    """Bring everything made of source `key` to what its present source and `recipe` call for.

    `run` bounds it and is told where the time went. Returns when one full observation finds nothing to do; raises
    `Contention` when others keep changing the key.
    """
    run = run or Run()
    rule = recipe.rule_for(key)
    status = "unchanged" if rule else "ignored"
    written: tuple[Manifest, str] | None = None

    for _ in range(ROUNDS):
        with run.step("observe"):
            seen = observe(key, rule, storage, written)
        if seen is None:
            continue
        if seen.is_desired(rule, run.memory):
            if litter := seen.litter():
                storage.delete(litter)
                continue
            return Outcome(key, status, seen.manifest)

        manifest = change(seen, rule, recipe, storage, run)
        if manifest is None:
            continue
        removed = manifest.status == "removed"
        with run.step("write"):
            etag = storage.write_manifest(key, manifest.to_json(), seen.manifest_etag, tombstone=removed)
        if etag is None:
            continue
        storage.delete(seen.dropped_by(manifest))
        status, written = manifest.status, (manifest, etag)

    raise Contention(f"{key!r} changed in each of {ROUNDS} rounds; a later retry will settle it")


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation of a key: its files, its manifest, and its source, read in this order."""

    key: str
    now: datetime
    files: Mapping[str, Stored]
    manifest: Manifest | None
    manifest_etag: str | None
    source: Source | None

    def is_desired(self, rule: Rule | None, memory: int | None) -> bool:
        """Whether the manifest says what source and rule call for, and every file it lists stands.

        What was too much for less than `memory` bytes is worth another look; what more was too little for, is not.
        """
        if self.source is None or rule is None:
            return self.manifest_etag is None or (self.manifest is not None and self.manifest.status == "removed")
        return (
            self.manifest is not None
            and self.manifest.status != "removed"
            and self.manifest.source.identity == self.source.identity
            and self.manifest.recipe == rule.fingerprint
            and not (self.manifest.rejection and (self.manifest.rejection.memory or inf) < (memory or inf))
            and all(self.stands(rendition) for rendition in self.manifest.renditions)
        )

    def stands(self, file: Rendition | Superseded) -> bool:
        """Whether the listing shows this very file."""
        there = self.files.get(file.key)
        return there is not None and there.etag == file.etag

    def litter(self) -> list[str]:
        """Files that nobody needs: superseded over a grace period ago, or unlisted and older than any run."""
        listed = {r.key for r in self.manifest.renditions} if self.manifest else set()
        since = {s.key: s.since for s in self.manifest.superseded} if self.manifest else {}
        return [
            key
            for key, file in self.files.items()
            if key not in listed
            and key != manifest_key_of(self.key)
            and (self._past_grace(since[key]) if key in since else file.modified + LONGEST_RUN <= self.now)
        ]

    def superseded_by(self, renditions: Iterable[Rendition]) -> tuple[Superseded, ...]:
        """What the manifest seen lists, these do not, and cached pages may still show.

        Only files with their digest in their name: under a stable name the picture itself is replaced.
        """
        if self.manifest is None:
            return ()
        kept = {r.key for r in renditions}
        just_now = [
            Superseded(r.key, r.etag, self.now.isoformat())
            for r in self.manifest.renditions
            if r.sha256[:DIGEST_LENGTH] in r.key.rpartition("/")[2]
        ]
        before = [s for s in self.manifest.superseded if not self._past_grace(s.since)]
        return tuple(s for s in (*before, *just_now) if s.key not in kept and s.key in self.files)

    def dropped_by(self, manifest: Manifest) -> list[str]:
        """The files that only the manifest seen listed, now that `manifest` has replaced it."""
        if self.manifest is None:
            return []
        kept = {*(r.key for r in manifest.renditions), *(s.key for s in manifest.superseded)}
        listed = [*(r.key for r in self.manifest.renditions), *(s.key for s in self.manifest.superseded)]
        return [key for key in listed if key not in kept and key in self.files]

    def _past_grace(self, since: str) -> bool:
        return datetime.fromisoformat(since) + GRACE <= self.now


def observe(key: str, rule: Rule | None, storage: Storage, written: tuple[Manifest, str] | None = None) -> Seen | None:
    """One observation; None when the key changed while we looked.

    The source is read last: what is published never goes back to an older source than the manifest seen.
    `written` is the manifest we wrote ourselves, and its ETag, so that it need not be read again.
    """
    listing = storage.list_renditions(key)
    there = listing.files.get(manifest_key_of(key))
    manifest, etag = written or (None, None)
    if there is None:
        manifest, etag = None, None
    elif there.etag != etag:
        found = storage.read_manifest(key)
        if found is None or found[1] != there.etag:
            return None
        manifest, etag = Manifest.from_json(found[0]), found[1]
    source = storage.head_source(key) if rule else None
    return Seen(key, listing.now, listing.files, manifest, etag, source)


def change(seen: Seen, rule: Rule | None, recipe: Recipe, storage: Storage, run: Run) -> Manifest | None:
    """Write what the source calls for and answer the manifest that says so; None when the source moved on."""
    if seen.source is None or rule is None:
        return Manifest("removed", _write_id(run), Source(seen.key))
    try:
        return publish(seen, seen.source, rule, recipe, storage, run)
    except Rejection as fault:
        last_good = tuple(r for r in seen.manifest.renditions if seen.stands(r)) if seen.manifest else ()
        return Manifest(
            "rejected",
            _write_id(run),
            seen.source,
            rule.fingerprint,
            renditions=last_good,
            superseded=seen.superseded_by(last_good),
            rejection=Reason(fault.code, fault.reason, fault.advice, run.memory if fault.code in BY_MEMORY else None),
        )


def publish(seen: Seen, source: Source, rule: Rule, recipe: Recipe, storage: Storage, run: Run) -> Manifest | None:
    """Make and write every rendition of `source`; None when it was changed or deleted before it was read."""
    refuse_unreadable(source, rule, recipe)
    run.begin(source.key)
    with run.step("read"):
        body = storage.read_source(source)
    if body is None:
        return None
    hints = read_hints(source.metadata, [spec.name for spec in rule.specs])
    specs = [spec for spec in rule.specs if hints.renditions is None or spec.name in hints.renditions]

    with held_to(run, source.bytes):
        with run.step("decode"):
            picture = decode(body, specs, recipe.limits, run.memory)
        small, colour = placeholder(picture), dominant_colour(picture)
    credits = picture.credits._replace(credit=hints.credit or picture.credits.credit)
    made = each_held_to(
        run,
        source.bytes,
        encode_all(
            render(picture, specs, hints.focal_point),
            picture,
            lambda spec, name, size: heaviest(spec, name, size, picture, source),
            credits if recipe.embed_credit else None,
        ),
    )
    if seen.manifest and seen.manifest.renditions:
        made = iter(list(made))  # last good stays: what runs out of time or memory has then replaced nothing

    warnings = [*hints.warnings, *picture.warnings]
    renditions: list[Rendition] = []
    for spec, name, size, content in made:
        if spec.max_bytes and len(content) > spec.max_bytes:
            warnings.append(
                f"{spec.name} as {name} has {len(content):,} bytes, more than the {spec.max_bytes:,} "
                "the recipe allows; the quality could not go lower."
            )
        rendition = _rendition(spec, name, size, content, source, recipe)
        with run.step("write"):
            etag = seen_etag(seen, rule, rendition) or storage.write_rendition(
                rendition.key, content, rendition.content_type, recipe.cache_control
            )
        renditions.append(replace(rendition, etag=etag))

    order = {spec.name: place for place, spec in enumerate(specs)}
    renditions.sort(key=lambda rendition: order[rendition.name])
    return Manifest(
        "published",
        _write_id(run),
        replace(
            source,
            format=picture.format,
            width=picture.width,
            height=picture.height,
            frames=len(picture.frames),
        ),
        rule.fingerprint,
        renditions=tuple(renditions),
        superseded=seen.superseded_by(renditions),
        srcset=srcset(renditions, specs, recipe.base_url),
        picture=picture_snippet(renditions, specs, recipe.base_url, hints.alt),
        placeholder=small,
        dominant_colour=colour,
        alt=hints.alt,
        credit=credits.credit,
        copyright=credits.copyright,
        artist=credits.artist,
        focal_point=hints.focal_point,
        warnings=tuple(warnings),
    )


def heaviest(spec: RenditionSpec, name: str, size: tuple[int, int], picture: Picture, source: Source) -> int | None:
    """How many bytes a rendition may have: its budget, and in the source's format and size no more than that."""
    bounds = [spec.max_bytes] if spec.max_bytes else []
    if name == picture.format and size == (picture.width, picture.height):
        bounds.append(source.bytes)
    return min(bounds, default=None)


def _rendition(
    spec: RenditionSpec, name: str, size: tuple[int, int], content: bytes, source: Source, recipe: Recipe
) -> Rendition:
    """The rendition as it will stand, its ETag still unknown."""
    sha256 = hashlib.sha256(content).hexdigest()
    made = FORMATS[name]
    key = recipe.rendition_key(source.key, spec.name, made.extension, sha256[:DIGEST_LENGTH])
    return Rendition(spec.name, key, name, made.content_type, *size, len(content), "", sha256)


def refuse_unreadable(source: Source, rule: Rule, recipe: Recipe) -> None:
    """Reject what need not even be read: names too long for S3, files empty or over the recipe's limit."""
    longest = recipe.longest_output_key(source.key, rule)
    if longest > LONGEST_KEY:
        raise Rejection(
            "key-too-long",
            f"The name of this file, folders included, is {len(source.key.encode()):,} bytes long; the names of "
            f"its renditions would reach {longest:,} and S3 allows {LONGEST_KEY:,}.",
            f"Shorten the name or its folders by {longest - LONGEST_KEY:,} bytes or more, then upload it again.",
        )
    if source.bytes == 0:
        raise Rejection(
            "empty",
            "This file is empty: it has 0 bytes.",
            "The upload or the export probably broke off. Export the picture again and upload it.",
        )
    if source.bytes > recipe.limits.source_bytes:
        raise Rejection(
            "too-large",
            f"This file has {source.bytes:,} bytes and the limit is {recipe.limits.source_bytes:,}.",
            "Export the picture as JPEG, or with fewer pixels, and upload it again.",
        )


def seen_etag(seen: Seen, rule: Rule, wanted: Rendition) -> str | None:
    """The ETag of a file that needs no writing: listed by the manifest seen, standing, with these very bytes.

    Files that no manifest lists are never relied on, for whoever wrote them may be about to delete them; and
    under another recipe the same bytes may carry another cache header.
    """
    if seen.manifest is None or seen.manifest.recipe != rule.fingerprint:
        return None
    for rendition in seen.manifest.renditions:
        if (rendition.key, rendition.sha256) == (wanted.key, wanted.sha256) and seen.stands(rendition):
            return rendition.etag
    return None


def _write_id(run: Run) -> str:
    """Makes every manifest unique, so that an ETag cannot come back and a stale writer be mistaken (ABA)."""
    return ".".join(filter(None, (run.id, secrets.token_hex(16))))
