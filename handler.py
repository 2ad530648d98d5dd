"""The Lambda entry: wire once, then envelope -> keys -> reconcile -> reply."""

import gc
import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

gc.disable()  # what is imported stays, and looking for garbage in it takes a fifth of a cold start

from imaging.edges.envelopes import Hint, read_envelope
from imaging.edges.notices import Editors
from imaging.edges.replies import Result
from imaging.edges.telemetry import Telemetry
from imaging.errors import EventError, SetupError
from imaging.publishing.outcome import Outcome
from imaging.publishing.reconciling import reconcile
from imaging.publishing.run import Run
from imaging.publishing.storage import Storage, client_of, connect
from imaging.recipe.recipe import Recipe
from imaging.sandbox.sandbox import Sandbox

gc.freeze()
gc.enable()

FOLDER = Path(__file__).parent
PICTURE_SECONDS = 60
"""Of the processor, for one picture, where the function has a whole one."""
WHOLE_PROCESSOR = 1769
"""MB of memory with which a function has one vCPU (AWS Lambda Developer Guide, "Configure Lambda function memory")."""
MARGIN = 20.0
"""Seconds at the end of an invocation that are kept for what follows a picture: uploads and the manifest."""


@dataclass(frozen=True)
class Wiring:
    """What an invocation works with; made at the first one and kept while the function stays warm."""

    raw: str
    recipe: Recipe
    sandbox: Sandbox
    storage: Storage
    telemetry: Telemetry
    editors: Editors


@cache
def wiring() -> Wiring:
    """Read environment and recipe, start the sandbox, connect. Refuses what could not work or would loop."""
    names = ("RAW_BUCKET", "RENDITIONS_BUCKET", "EXPECTED_BUCKET_OWNER")
    if missing := [name for name in names if not os.environ.get(name)]:
        raise SetupError(f"{', '.join(missing)} must be set in the function's environment (see serverless.yml)")
    raw, renditions, owner = (os.environ[name] for name in names)
    if raw == renditions:
        raise SetupError(
            f"RAW_BUCKET and RENDITIONS_BUCKET are both {raw!r}: every rendition would start the function again"
        )
    recipe = read_recipe(FOLDER)
    memory = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    seconds = PICTURE_SECONDS * min(1, int(memory or WHOLE_PROCESSOR) / WHOLE_PROCESSOR)
    with ExitStack() as on_failure:
        # Before the client: no credentials have been read when the sandbox starts.
        sandbox = on_failure.enter_context(Sandbox(int(memory) * 2**20 if memory else None, seconds))
        wired = Wiring(
            raw=raw,
            recipe=recipe,
            sandbox=sandbox,
            storage=connect(raw=raw, renditions=renditions, owner=owner),
            telemetry=Telemetry(os.environ.get("STAGE", "local")),
            editors=Editors(os.environ.get("EDITORS_TOPIC", ""), lambda: client_of("sns", attempts=2, patience=5)),
        )
        on_failure.pop_all()
    return wired


def read_recipe(folder: Path) -> Recipe:
    """The recipe as `npm run ops -- check` compiled it; refused if that was from another recipe.toml."""
    again = "run `npm run ops -- check`, then deploy"
    toml, compiled = folder / "recipe.toml", folder / "recipe.json"
    if missing := [path.name for path in (toml, compiled) if not path.is_file()]:
        raise SetupError(f"{' and '.join(missing)} must stand beside handler.py: {again}")
    recipe = Recipe.from_compiled(compiled.read_bytes())
    if recipe.toml_sha256 != sha256(toml.read_bytes()).hexdigest():
        raise SetupError(f"recipe.json was compiled of another recipe.toml: {again}")
    return recipe


def on_event(event: Any, context: Any) -> dict[str, Any]:
    """Reconcile every key the event hints at, each once, and answer its sender.

    One bad record does not stop the others: the good ones are done first, then the reply says which are bad.
    """
    wired = wiring()
    request = getattr(context, "aws_request_id", None) or "local"
    wired.telemetry.started(request)
    envelope = read_envelope(event, wired.raw)
    clock = getattr(context, "get_remaining_time_in_millis", None)
    left = clock() / 1000 if clock else None
    ends = time.monotonic() + max(left - MARGIN, left / 2) if left is not None else None
    done: dict[tuple[str, EventError | None], tuple[Outcome | None, Exception | None]] = {}
    for hint in envelope.hints:
        if (hint.key, hint.error) not in done:
            done[hint.key, hint.error] = settle(hint, wired, Run(hint.request or request, ends))
    return envelope.reply([Result(hint.key, hint.part, *done[hint.key, hint.error]) for hint in envelope.hints])


def settle(hint: Hint, wired: Wiring, run: Run) -> tuple[Outcome | None, Exception | None]:
    """Reconcile one key, and tell operators and editors how that went."""
    requests = wired.storage.requests
    error: Exception | None = None
    outcome: Outcome | None = None
    with run.step("total"):
        try:
            if hint.error:
                raise hint.error
            outcome = reconcile(hint.key, wired.recipe, wired.storage, wired.sandbox, run)
        except Exception as caught:  # noqa: BLE001  the reply passes it on, to the retry and the failure queue
            error = caught
    wired.telemetry.settled(hint.key, outcome, error, run, wired.storage.requests - requests)
    if outcome:
        try:
            wired.editors.tell(outcome)
        except Exception as caught:  # noqa: BLE001  the outcome stands; a retry would not send it (imaging/edges/notices.py)
            wired.telemetry.untold(hint.key, caught)
    return outcome, error
