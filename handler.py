"""The Lambda entry: wire once, then envelope -> keys -> reconcile -> reply."""

import gc
import os
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

gc.disable()  # all that is imported stays: to look for garbage in it takes a fifth of a cold start

from imaging.bounds import Run
from imaging.errors import EventError, SetupError
from imaging.events import Hint, Result, read_envelope
from imaging.model import Outcome
from imaging.notices import Editors
from imaging.recipe import Recipe, load
from imaging.reconciling import reconcile
from imaging.storage import Storage, client_of, connect
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
    editors: Editors
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
        editors=Editors(os.environ.get("EDITORS_TOPIC", ""), lambda: client_of("sns", attempts=2, patience=5)),
        memory=int(size) * 2**20 if (size := os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")) else None,
    )


def on_event(event: Any, context: Any) -> dict[str, Any]:
    """Reconcile every key the event hints at, each once, and answer its sender.

    One bad record does not stop the others: the good ones are done first, then the reply says which are bad.
    """
    wired = wiring()
    request = getattr(context, "aws_request_id", None) or "local"
    wired.telemetry.started(request)
    envelope = read_envelope(event, wired.raw)
    clock = getattr(context, "get_remaining_time_in_millis", None)
    invocation = Run.within(request, wired.memory, clock() / 1000 if clock else None)
    done: dict[tuple[str, EventError | None], Result] = {}
    for hint in envelope.hints:
        if (hint.key, hint.error) not in done:
            done[hint.key, hint.error] = settle(hint, wired, invocation)
    return envelope.reply([replace(done[hint.key, hint.error], hint=hint) for hint in envelope.hints])


def settle(hint: Hint, wired: Wiring, invocation: Run) -> Result:
    """Reconcile one key, and tell operators and editors how that went."""
    run = replace(invocation, id=hint.request or invocation.id, seconds={})
    requests = wired.storage.requests
    error: Exception | None = None
    outcome: Outcome | None = None
    with run.step("total"):
        try:
            if hint.error:
                raise hint.error
            outcome = reconcile(hint.key, wired.recipe, wired.storage, run)
        except Exception as caught:  # noqa: BLE001  the reply passes it on, to the retry and the failure queue
            error = caught
    wired.telemetry.settled(hint.key, outcome, error, run, wired.storage.requests - requests)
    if outcome:
        try:
            wired.editors.tell(outcome)
        except Exception as caught:  # noqa: BLE001  the outcome stands, and a retry would not send it (imaging/notices.py)
            wired.telemetry.untold(hint.key, caught)
    return Result(hint, outcome, error)
