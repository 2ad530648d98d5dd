"""The table of decisions: every row, and the order of the rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from imaging.publishing.deciding import DECISIONS, Action, Decision, decide
from imaging.publishing.manifest import Manifest, Reason, Rendition, Source, Superseded
from imaging.publishing.observing import GRACE, LONGEST_RUN, Seen, Standing, Wanted
from imaging.publishing.storage import Listing, Stored
from imaging.recipe.recipe import Rule

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULE = Rule("**", (), "pixels", "words")
SOURCE = Source("k", "e", 1, NOW, "v1")
FILE = Rendition("thumb", "k/thumb.png", "png", "image/png", 1, 1, 1, "e", "a" * 64)
PUBLISHED = Manifest("published", "w", SOURCE, "pixels", "words", (FILE,))
TOMBSTONE = Manifest("removed", "w", Source("k"))
WAY = Reason("took-too-long", "It took too long.", "Export it smaller.", 1000)
REJECTED = replace(PUBLISHED, status="rejected", rejection=WAY)
ARCHIVED = replace(PUBLISHED, status="rejected", rejection=Reason("archived", "It is in the archive.", "Restore it."))
MANIFEST_FILE = Stored("m", NOW)
LISTED = {"k/manifest.json": MANIFEST_FILE, "k/thumb.png": Stored("e", NOW - 2 * LONGEST_RUN)}


def seen(
    manifest: Manifest | None = PUBLISHED, *, source: Source | None = SOURCE, files: dict[str, Stored] | None = None
) -> Seen:
    wanted = Wanted(source, RULE) if source else None
    return Seen("k", wanted, Standing(manifest, "m"), Listing(NOW, LISTED if files is None else files))


def row(situation: str) -> Decision:
    (decision,) = (each for each in DECISIONS if situation in each.situation)
    return decision


UNLISTED = "k/left-by-a-crash.png"
OLD, YOUNG = Stored("x", NOW - LONGEST_RUN), Stored("x", NOW - LONGEST_RUN + timedelta(seconds=1))


def superseded(ago: timedelta) -> Manifest:
    return replace(PUBLISHED, superseded=(Superseded(UNLISTED, "x", NOW - ago),))


@pytest.mark.parametrize(
    ("look", "situation"),
    [
        (seen(source=None), "No source stands"),
        (seen(None, source=None), "No source stands"),  # somebody else's bytes in the manifest's place
        (Seen("k", Wanted(SOURCE, RULE)), "no manifest tells of this very upload"),
        (seen(None), "no manifest tells of this very upload"),
        (seen(TOMBSTONE), "no manifest tells of this very upload"),
        (seen(source=replace(SOURCE, version_id="v2")), "no manifest tells of this very upload"),
        (seen(replace(PUBLISHED, recipe="others")), "fingerprint of pixels"),
        (seen(files={"k/manifest.json": MANIFEST_FILE}), "missing or is another"),
        (seen(files={**LISTED, "k/thumb.png": Stored("another", NOW)}), "missing or is another"),
        (seen(ARCHIVED), "in the archive"),
        (seen(replace(PUBLISHED, words="others")), "fingerprint of words"),
        (seen(replace(REJECTED, words="others", rejection=replace(WAY, memory=None))), "fingerprint of words"),
        (seen(files={**LISTED, UNLISTED: OLD}), "nobody needs"),
        (seen(superseded(GRACE), files={**LISTED, UNLISTED: YOUNG}), "nobody needs"),
        (seen(TOMBSTONE, source=None, files={UNLISTED: OLD}), "nobody needs"),
        (Seen("k", None, None, Listing(NOW, {UNLISTED: OLD})), "No source stands"),
        (seen(files={**LISTED, UNLISTED: YOUNG}), "as it should be"),
        (seen(superseded(GRACE - timedelta(seconds=1)), files={**LISTED, UNLISTED: OLD}), "as it should be"),
        (seen(), "as it should be"),
        (seen(TOMBSTONE, source=None, files={"k/manifest.json": MANIFEST_FILE}), "as it should be"),
        (Seen("k", None, None, Listing(NOW, {})), "as it should be"),
    ],
)
def test_every_situation_has_its_row(look: Seen, situation: str) -> None:
    assert decide(look, 5000) is row(situation)


@pytest.mark.parametrize(
    ("had", "has", "action"),
    [
        (1000, 1001, Action.PUBLISH),
        (1000, None, Action.PUBLISH),
        (1000, 1000, Action.STOP),
        (1000, 999, Action.STOP),
        (None, 9999, Action.STOP),
        (None, None, Action.STOP),
    ],
)
def test_more_memory_than_a_rejection_had_is_worth_another_try(
    had: int | None, has: int | None, action: Action
) -> None:
    look = seen(replace(REJECTED, rejection=replace(WAY, memory=had)))
    assert decide(look, has).action is action


def test_the_rows_above_count_before_those_below() -> None:
    everything = seen(
        replace(REJECTED, recipe="others", words="others", source=replace(SOURCE, version_id="v0")),
        files={"k/manifest.json": MANIFEST_FILE, UNLISTED: OLD},
    )
    situations = [each for each in DECISIONS if each.holds(everything, 5000)]
    not_at_once = row("in the archive")  # its rejection is of another kind than one for want of memory
    assert situations == [each for each in DECISIONS if each.action is not Action.REMOVE and each is not not_at_once]
    assert decide(everything, 5000) is situations[0]


def test_every_row_says_in_sentences_what_it_is_about() -> None:
    for each in DECISIONS:
        assert each.situation.endswith(".")
        assert each.reason.endswith(".")
    assert {each.action for each in DECISIONS} == set(Action)
    assert len({each.situation for each in DECISIONS}) == len(DECISIONS)


def test_removed_keys_are_judged_by_their_source_alone() -> None:
    """Other fingerprints, missing files and more memory call for nothing where no source stands."""
    gone = seen(source=None)
    assert [each.action for each in DECISIONS if each.holds(gone, 5000)] == [Action.REMOVE, Action.STOP]
