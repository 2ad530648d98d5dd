"""The function in a process of its own, as Lambda runs it: `python -m ops.local_function MODULE.FUNCTION`.

Each line on standard input is an invocation in JSON, and each is answered with a line on standard output: what the
function answered, or its error. Whatever the function prints goes to standard error, which is the log.
"""

import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import Any


class Context:
    """What Lambda tells an invocation of itself."""

    def __init__(self, request_id: str, seconds: float) -> None:
        self.aws_request_id = request_id
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout."""
        return max(0, round((self._ends - time.monotonic()) * 1000))


def main(handler: str) -> None:
    """Answer invocations until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    with contextlib.suppress(Exception):  # an import that fails is told by the first invocation, which tries again
        loaded(handler)
    for line in sys.stdin:
        answers.write(json.dumps(answer(handler, json.loads(line))) + "\n")
        answers.flush()


def loaded(handler: str) -> Any:
    """The function that `module.function` names."""
    module, _, name = handler.rpartition(".")
    return getattr(import_module(module), name)


def answer(handler: str, invocation: Mapping[str, Any]) -> dict[str, Any]:
    """What the function answered to an invocation, or its error as Lambda tells it."""
    context = Context(invocation["request_id"], invocation["seconds"])
    try:
        return {"answer": loaded(handler)(invocation["event"], context)}
    except Exception as error:  # noqa: BLE001  whatever it is, whoever tries the event again has to know
        trace = traceback.format_exc()
        sys.stderr.write(trace)
        return {
            "error": {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": trace.splitlines()}
        }


if __name__ == "__main__":
    main(sys.argv[1])
