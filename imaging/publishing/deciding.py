"""What to do after one look, as a table. The diagram in docs/architecture.md is drawn from it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import inf

from imaging.publishing.manifest import REMOVED
from imaging.publishing.observing import Seen


class Action(Enum):
    """What the loop does after one look."""

    REMOVE = "remove"
    PUBLISH = "publish, or reject"
    REWRITE = "rewrite the words"
    SWEEP = "sweep"
    STOP = "stop"


def decide(seen: Seen, memory: int | None) -> "Decision":
    """What to do after this look, in a function that has `memory` bytes: the first row that holds."""
    return next(row for row in DECISIONS if row.holds(seen, memory))


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the table: in this situation the loop does this, for this reason."""

    situation: str
    action: Action
    reason: str
    holds: Callable[[Seen, int | None], bool]


def _is_left_over(seen: Seen, _memory: int | None) -> bool:
    removed = seen.manifest is not None and seen.manifest.status == REMOVED
    stands = seen.standing is not None or bool(seen.litter())
    return seen.wanted is None and stands and not removed


def _is_new(seen: Seen, _memory: int | None) -> bool:
    if seen.wanted is None:
        return False
    if seen.manifest is None or seen.manifest.status == REMOVED:
        return True
    return seen.manifest.source.identity != seen.wanted.source.identity


def _has_other_pixels(seen: Seen, _memory: int | None) -> bool:
    return bool(seen.wanted and seen.manifest and seen.manifest.recipe != seen.wanted.rule.pixels)


def _misses_a_file(seen: Seen, _memory: int | None) -> bool:
    return bool(seen.wanted and seen.manifest and seen.last_good() != seen.manifest.renditions)


def _was_too_much_for_less_memory(seen: Seen, memory: int | None) -> bool:
    """Whether the rejection tells of less memory than there is now. A function without a bound has the most of all.

    A rejection that tells of no memory would not end otherwise with more.
    """
    rejection = seen.manifest.rejection if seen.wanted and seen.manifest else None
    return rejection is not None and (rejection.memory or inf) < (memory or inf)


def _was_restored(seen: Seen, _memory: int | None) -> bool:
    rejection = seen.manifest.rejection if seen.wanted and seen.manifest else None
    return bool(seen.wanted and rejection and rejection.code == "archived" and not seen.wanted.source.archived)


def _has_other_words(seen: Seen, _memory: int | None) -> bool:
    return bool(seen.wanted and seen.manifest and seen.manifest.words != seen.wanted.rule.words)


def _has_litter(seen: Seen, _memory: int | None) -> bool:
    return bool(seen.litter())


def _always(_seen: Seen, _memory: int | None) -> bool:
    return True


DECISIONS = (
    Decision(
        "No source stands or no rule takes it, and a manifest or a file of an old run does stand.",
        Action.REMOVE,
        "What was made of a source goes with it.",
        _is_left_over,
    ),
    Decision(
        "A source stands, and no manifest tells of this very upload.",
        Action.PUBLISH,
        "A new upload, an overwrite, one that comes back, or a manifest that somebody else wrote over.",
        _is_new,
    ),
    Decision(
        "The recipe's fingerprint of pixels is another.",
        Action.PUBLISH,
        "The recipe now makes other files of this source.",
        _has_other_pixels,
    ),
    Decision(
        "A file that the manifest lists is missing or is another.",
        Action.PUBLISH,
        "Somebody deleted or replaced it, or another run did while both were at work.",
        _misses_a_file,
    ),
    Decision(
        "The source was too much for a function with less memory than this one.",
        Action.PUBLISH,
        "More memory, and the faster processor that comes with it, may be enough.",
        _was_too_much_for_less_memory,
    ),
    Decision(
        "The source was in the archive and can be read now.",
        Action.PUBLISH,
        "Somebody restored it.",
        _was_restored,
    ),
    Decision(
        "Only the recipe's fingerprint of words is another.",
        Action.REWRITE,
        "Addresses and markup stand in the manifest alone, so no picture has to be opened.",
        _has_other_words,
    ),
    Decision(
        "Files stand that nobody needs.",
        Action.SWEEP,
        "They were superseded a day ago, or a run that crashed left them over an hour ago.",
        _has_litter,
    ),
    Decision(
        "All is as it should be.",
        Action.STOP,
        "This look is the last.",
        _always,
    ),
)
"""What to do after one look. The first row that holds counts, so each row may assume that no row above it holds."""
