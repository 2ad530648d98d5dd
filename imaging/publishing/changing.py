"""What the loop writes: a published, rejected, rewritten or removed manifest, and before it the files it lists."""

import hashlib
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from imaging import errors
from imaging.errors import OF_RESOURCES, Rejection
from imaging.exchange import File, Header, Made, Order
from imaging.formats import WRITTEN
from imaging.keys import LONGEST_KEY
from imaging.publishing.hints import read_hints
from imaging.publishing.manifest import PUBLISHED, REJECTED, REMOVED, Manifest, Reason, Rendition, Source
from imaging.publishing.markup import picture_snippet, srcset
from imaging.publishing.observing import Seen, Wanted
from imaging.publishing.run import Run
from imaging.publishing.storage import Storage
from imaging.recipe.recipe import Recipe, Rule
from imaging.recipe.spec import RenditionSpec

AT_ONCE = 8
"""Renditions that are uploaded side by side: fewer than the 10 connections that botocore keeps open."""


class Maker(Protocol):
    """What opens pictures and makes renditions of them: the sandbox.

    `memory` is what the function has, in bytes; None is no bound. `crashes` is how many sources in a row have crashed
    the sandbox.
    """

    @property
    def memory(self) -> int | None: ...

    @property
    def crashes(self) -> int: ...

    def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:
        """Every file of the order, or a `Rejection`. Anything else that it raises is no fault of the source."""


@dataclass(frozen=True, slots=True)
class Means:
    """What every change of one run works with."""

    recipe: Recipe
    storage: Storage
    maker: Maker
    run: Run


def publish(seen: Seen, means: Means) -> Manifest | None:
    """Make and write every rendition of the source; None when it was changed or deleted before it was read.

    Raises a `Rejection` where the source is at fault. Nothing is written before the last file is made, so a rejection
    leaves nothing.
    """
    assert seen.wanted is not None
    source, rule = seen.wanted
    refuse_unread(source, rule, means.recipe)
    with means.run.step("read"):
        body = means.storage.read_source(source)
    if body is None:
        return None
    hints = read_hints(source.metadata, [spec.name for spec in rule.specs])
    specs = tuple(spec for spec in rule.specs if hints.renditions is None or spec.name in hints.renditions)
    order = Order(specs, means.recipe.limits, hints.focal_point, hints.credit, means.recipe.embed_credit)
    with means.run.step("make"):
        picture = means.maker.make(body, order, means.run.ends)
    for step, seconds in picture.seconds.items():
        means.run.add(step, seconds)
    names = [spec.name for spec in specs]
    files = sorted(picture.files, key=lambda file: names.index(file.name))
    with means.run.step("write"):
        renditions = write_renditions(seen, seen.wanted, files, means)

    header = picture.header
    manifest = Manifest(
        PUBLISHED,
        write_id(means.run),
        as_opened(source, header),
        rule.pixels,
        renditions=renditions,
        superseded=seen.superseded_by(renditions),
        salt=seen.salt,
        placeholder=header.placeholder,
        dominant_colour=header.dominant_colour,
        alt=hints.alt,
        credit=hints.credit or header.credits.credit,
        copyright=header.credits.copyright,
        artist=header.credits.artist,
        focal_point=hints.focal_point,
        warnings=(*hints.warnings, *header.warnings, *over_budget(specs, files)),
    )
    return worded(manifest, rule, means.recipe)


def as_opened(source: Source, header: Header) -> Source:
    """The source with what its picture turned out to be like."""
    return replace(
        source,
        format=header.format,
        width=header.width,
        height=header.height,
        frames=header.frames,
        hdr=header.hdr or None,  # what is not so is left out
    )


def reject(seen: Seen, rejection: Rejection, means: Means) -> Manifest:
    """A manifest that says why the source was rejected, and holds all that was published last: that stays up."""
    assert seen.wanted is not None
    source, rule = seen.wanted
    before = seen.manifest or Manifest(REMOVED, "none", source)
    standing = seen.last_good()
    memory = means.maker.memory if rejection.code in OF_RESOURCES else None
    manifest = replace(
        before,
        status=REJECTED,
        write_id=write_id(means.run),
        source=source,
        recipe=rule.pixels,
        renditions=standing,
        superseded=seen.superseded_by(standing),
        salt=seen.salt,
        warnings=(),
        rejection=Reason(rejection.code, rejection.reason, rejection.advice, memory),
    )
    return worded(manifest, rule, means.recipe)


def rewrite(seen: Seen, means: Means) -> Manifest:
    """The manifest seen, with other words. What it lists stands, and is not touched."""
    assert seen.wanted is not None
    assert seen.manifest is not None
    return worded(replace(seen.manifest, write_id=write_id(means.run)), seen.wanted.rule, means.recipe)


def sweep(seen: Seen, means: Means) -> Manifest:
    """The manifest seen with another salt. Where it stands, nobody lists again what is deleted after it."""
    assert seen.manifest is not None
    litter, new_id = seen.litter(), write_id(means.run)
    superseded = tuple(each for each in seen.manifest.superseded if each.key not in litter)
    return replace(seen.manifest, write_id=new_id, superseded=superseded, salt=new_id)


def remove(seen: Seen, means: Means) -> Manifest:
    """A tombstone: it keeps a writer who is late from publishing what is gone."""
    return Manifest(REMOVED, write_id(means.run), Source(seen.key))


def worded(manifest: Manifest, rule: Rule, recipe: Recipe) -> Manifest:
    """The manifest with its markup made anew of the renditions it lists."""
    return replace(
        manifest,
        words=rule.words,
        srcset=srcset(manifest.renditions, recipe.base_url),
        picture=picture_snippet(manifest.renditions, recipe.base_url, manifest.alt),
    )


def write_id(run: Run) -> str:
    """Makes every manifest unique. So an ETag can't come back, and a stale writer can't take one for another (ABA)."""
    return ".".join(filter(None, (run.id, secrets.token_hex(16))))


def refuse_unread(source: Source, rule: Rule, recipe: Recipe) -> None:
    """Reject what need not even be read: names too long for S3, files empty or over the recipe's limit."""
    if source.archived:
        raise errors.archived()
    longest = recipe.longest_output_key(source.key, rule)
    if longest > LONGEST_KEY:
        raise errors.key_too_long(len(source.key.encode()), longest, LONGEST_KEY)
    if source.bytes == 0:
        raise errors.empty()
    if source.bytes > recipe.limits.source_bytes:
        raise errors.too_large(source.bytes, recipe.limits.source_bytes)


def over_budget(specs: Sequence[RenditionSpec], files: Sequence[File]) -> tuple[str, ...]:
    """A warning for each file that is larger than the recipe allows."""
    budgets = {spec.name: spec.max_bytes for spec in specs}
    return tuple(
        f"{file.name} as {file.format} has {len(file.content):,} bytes, more than the {budget:,} the recipe allows; "
        "the quality could not go lower."
        for file in files
        if (budget := budgets[file.name]) and len(file.content) > budget
    )


def write_renditions(seen: Seen, wanted: Wanted, files: Sequence[File], means: Means) -> tuple[Rendition, ...]:
    """Write the files side by side. An error of one escapes once no other is still being written."""
    fits = {spec.name: spec.fit for spec in wanted.rule.specs}

    def write(file: File) -> Rendition:
        rendition = _rendition(file, fits[file.name], seen, means.recipe)
        if standing := seen_before(seen, wanted.rule, rendition):
            return replace(rendition, key=standing.key, etag=standing.etag)
        etag = means.storage.write_rendition(
            rendition.key, file.content, rendition.content_type, means.recipe.cache_control
        )
        return replace(rendition, etag=etag)

    with ThreadPoolExecutor(AT_ONCE) as side_by_side:
        return tuple(side_by_side.map(write, files))


def _rendition(file: File, fit: str, seen: Seen, recipe: Recipe) -> Rendition:
    """The rendition as a new file of it will stand, its ETag still unknown."""
    sha256 = hashlib.sha256(file.content).hexdigest()
    digest = hashlib.sha256(f"{seen.salt} {sha256}".encode()).hexdigest() if seen.salt else sha256
    writing = WRITTEN[file.format]
    key = recipe.rendition_key(seen.key, file.name, writing.extension, digest)
    size = file.width, file.height, len(file.content)
    return Rendition(file.name, key, file.format, writing.content_type, *size, "", sha256, fit)


def seen_before(seen: Seen, rule: Rule, rendition: Rendition) -> Rendition | None:
    """The rendition whose file needs no writing: listed by the manifest seen, standing, with these very bytes.

    A file that no manifest lists is never relied on: whoever wrote it may be about to delete it. Where the fingerprint
    of pixels has changed, the same bytes may need another cache header.
    """
    if seen.manifest is None or seen.manifest.recipe != rule.pixels:
        return None
    same = rendition.name, rendition.format, rendition.sha256
    for listed in seen.manifest.renditions:
        if (listed.name, listed.format, listed.sha256) == same and seen.stands(listed):
            return listed
    return None
