"""Bring one key to its desired state: observe, compare, change, observe again.

An event is a hint that something changed under a key, never an instruction. Order, duplicates, crashes at any call,
two writers at once, two recipes during a deploy, a rendition deleted by hand: each is the same case, "observed is not
desired". There is no lock and no database. The manifest, written last and conditionally, is the only point of
agreement.
"""

from dataclasses import replace

from imaging.errors import Contention, Rejection
from imaging.publishing.changing import Maker, Means, publish, reject, remove, rewrite, sweep
from imaging.publishing.deciding import Action, decide
from imaging.publishing.manifest import REMOVED, Manifest
from imaging.publishing.observing import Standing, observe
from imaging.publishing.outcome import Outcome
from imaging.publishing.run import Run
from imaging.publishing.storage import Storage
from imaging.recipe.recipe import Recipe

ROUNDS = 6
"""Looks before giving up. A key that changes faster than that is left to Lambda's retry."""


def reconcile(key: str, recipe: Recipe, storage: Storage, maker: Maker, run: Run | None = None) -> Outcome:
    """Bring everything made of source `key` to what its present source and `recipe` call for.

    Returns when one full look finds nothing to do. Raises `Contention` when others keep changing the key; what the
    storage and the maker raise escapes, but for a `Rejection`, which is a result.
    """
    means = Means(recipe, storage, maker, run or Run())
    rule = recipe.rule_for(key)
    outcome = Outcome(key, "unchanged" if rule else "ignored")
    written: Standing | None = None
    manifest: Manifest | None

    for _ in range(ROUNDS):
        with means.run.step("observe"):
            seen = observe(key, rule, storage, written)
        if seen is None:
            continue
        action = decide(seen, maker.memory).action
        match action:
            case Action.STOP:
                return replace(outcome, manifest=seen.manifest)
            case Action.SWEEP:
                done, manifest = outcome, sweep(seen, means)
            case Action.REMOVE:
                done, manifest = Outcome(key, "removed"), remove(seen, means)
            case Action.REWRITE:
                done, manifest = Outcome(key, "rewritten"), rewrite(seen, means)
            case Action.PUBLISH:
                try:
                    done, manifest = Outcome(key, "published"), publish(seen, means)
                except Rejection as rejection:
                    # What is rejected before the maker is asked has no cause, and no part in what crashed before.
                    crashes = maker.crashes if rejection.cause else 0
                    done = Outcome(key, "rejected", cause=rejection.cause, crashes=crashes)
                    manifest = reject(seen, rejection, means)
        if manifest is None:
            continue

        with means.run.step("write"):
            removed = manifest.status == REMOVED
            replaces = seen.standing.etag if seen.standing else None
            etag = storage.write_manifest(key, manifest.to_json(), replaces, tombstone=removed)
            if etag is None:
                continue
            storage.delete(seen.litter() if action is Action.SWEEP else seen.dropped_by(manifest))
        outcome, written = done, Standing(manifest, etag)

    raise Contention(f"{key!r} changed in each of {ROUNDS} rounds; a later retry will settle it")
