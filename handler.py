"""The Lambda entry: wire once, then envelope -> keys -> reconcile -> reply."""

import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from imaging.errors import SetupError
from imaging.events import read_hints_of
from imaging.recipe import Recipe, load
from imaging.reconciling import reconcile
from imaging.storage import Storage, connect
from imaging.telemetry import Telemetry

RECIPE = Path(__file__).with_name("recipe.toml")


@dataclass(frozen=True)
class Wiring:
    """What an invocation works with; made at the first one and kept while the function stays warm."""

    raw: str
    recipe: Recipe
    storage: Storage
    telemetry: Telemetry


@cache
def wiring() -> Wiring:
    """Read the environment and the recipe, and make the S3 client. Refuses what could not work or would loop."""
    names = ("RAW_BUCKET", "RENDITIONS_BUCKET", "EXPECTED_BUCKET_OWNER")
    if missing := [name for name in names if not os.environ.get(name)]:
        raise SetupError(f"{', '.join(missing)} must be set in the function's environment (see serverless.yml)")
    raw, renditions, owner = (os.environ[name] for name in names)
    if raw == renditions:
        raise SetupError(
            f"RAW_BUCKET and RENDITIONS_BUCKET are both {raw!r}: every rendition would start the function again"
        )
    return Wiring(
        raw=raw,
        recipe=load(RECIPE),
        storage=connect(raw=raw, renditions=renditions, owner=owner),
        telemetry=Telemetry(os.environ.get("STAGE", "local")),
    )


def on_event(event: Any, context: Any) -> dict[str, Any]:
    """Reconcile every key the event hints at and answer what became of each.

    One bad record does not stop the others: the good ones are done first, then the call fails and names the bad
    ones, so that Lambda tries again (the good ones are then found as desired).
    """
    wired = wiring()
    wired.telemetry.started(context)
    outcomes, failures = [], []
    for hint in read_hints_of(event, wired.raw):
        began = time.monotonic()
        try:
            if hint.error:
                raise hint.error
            outcome = reconcile(hint.key, wired.recipe, wired.storage)
        except Exception as error:  # noqa: BLE001  raised again below, all together
            wired.telemetry.failed(hint.key, error, time.monotonic() - began)
            error.add_note(f"while reconciling {hint.key!r}")
            failures.append((hint.key, error))
        else:
            wired.telemetry.reconciled(outcome, time.monotonic() - began)
            outcomes.append(outcome.summary())
    if failures:
        named = "; ".join(f"{key!r}: {type(error).__name__}: {error}" for key, error in failures)
        raise ExceptionGroup(
            f"{len(failures)} of {len(failures) + len(outcomes)} keys failed: {named}",
            [error for _, error in failures],
        )
    return {"outcomes": outcomes}
