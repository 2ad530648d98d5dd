"""The Lambda entry: wire once, then envelope -> keys -> reconcile -> reply."""

import gc
import os
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

gc.disable()  # all that is imported stays: to look for garbage in it takes a fifth of a cold start

from imaging.errors import SetupError
from imaging.events import Hint, Result, read_envelope
from imaging.memory import BASE
from imaging.recipe import Recipe, load
from imaging.reconciling import reconcile
from imaging.storage import Storage, connect
from imaging.telemetry import Telemetry

gc.freeze()
gc.enable()

RECIPE = Path(__file__).with_name("recipe.toml")


@dataclass(frozen=True)
class Wiring:
    """What an invocation works with; made at the first one and kept while the function stays warm."""

    raw: str
    recipe: Recipe
    storage: Storage
    telemetry: Telemetry
    memory: int | None


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
        memory=int(size) * 2**20 - BASE if (size := os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")) else None,
    )


def on_event(event: Any, context: Any) -> dict[str, Any]:
    """Reconcile every key the event hints at, each once, and answer its sender.

    One bad record does not stop the others: the good ones are done first, then the reply says which are bad.
    """
    wired = wiring()
    wired.telemetry.started(context)
    envelope = read_envelope(event, wired.raw)
    done: dict[Hint, Result] = {}
    for hint in envelope.hints:
        alone = replace(hint, part="")
        if alone not in done:
            done[alone] = settle(hint, wired)
    return envelope.reply([replace(done[replace(hint, part="")], hint=hint) for hint in envelope.hints])


def settle(hint: Hint, wired: Wiring) -> Result:
    """Reconcile one key, and tell the operators how that went."""
    began = time.monotonic()
    try:
        if hint.error:
            raise hint.error
        outcome = reconcile(hint.key, wired.recipe, wired.storage, wired.memory)
    except Exception as error:  # noqa: BLE001  the reply passes it on, to the retry and the failure queue
        wired.telemetry.failed(hint.key, error, time.monotonic() - began)
        return Result(hint, error=error)
    wired.telemetry.reconciled(outcome, time.monotonic() - began)
    return Result(hint, outcome)
