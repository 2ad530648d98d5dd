"""Processes that hold the function, as many as there are processors: events in, what became of each out.

Each is a program of its own (ops/local_function.py) with exactly the environment that it is given. One that dies or
is not done in time takes its event's attempt with it, as in Lambda, and another takes its place.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread, Timer
from typing import Any

from ops.embedded_aws import ROOT

ENDING_SECONDS = 2
"""How long a process may take to end by itself."""


@dataclass(frozen=True)
class Attempt:
    """An event, and how often it was tried before."""

    event: Any
    before: int = 0


@dataclass(frozen=True)
class Attempted:
    """What became of an attempt: `error` is Lambda's responsePayload, None where the function answered."""

    attempt: Attempt
    error: Mapping[str, Any] | None


class Workers:
    """The processes, each with a thread that feeds it."""

    def __init__(self, handler: str, environment: Mapping[str, str], seconds: float, log: Path) -> None:
        self.attempted: SimpleQueue[Attempted] = SimpleQueue()
        self._handler = handler
        self._environment = environment
        self._seconds = seconds
        self._log = log
        self._attempts: SimpleQueue[Attempt | None] = SimpleQueue()
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._closed = False
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(os.cpu_count() or 1)]
        for thread in self._threads:
            thread.start()

    def submit(self, attempt: Attempt, after: float = 0) -> None:
        """Have an event tried, `after` so many seconds."""
        if not after:
            self._attempts.put(attempt)
            return
        timer = Timer(after, self._attempts.put, [attempt])
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """End every process; what is under way is broken off after a moment."""
        self._closed = True
        for _ in self._threads:
            self._attempts.put(None)
        ends = time.monotonic() + ENDING_SECONDS
        for thread in self._threads:
            thread.join(max(0, ends - time.monotonic()))
        while any(thread.is_alive() for thread in self._threads):
            for process in list(self._processes.values()):
                process.kill()
            self._threads[0].join(0.01)

    def _work(self) -> None:
        process = self._start()
        while (attempt := self._attempts.get()) and not self._closed:
            if process.poll() is not None:
                process = self._replaced(process)
            error = self._invoke(process, attempt.event)
            self.attempted.put(Attempted(attempt, error))
        buried(process)

    def _start(self) -> subprocess.Popen[str]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  our own command
                [sys.executable, "-m", "ops.local_function", self._handler],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(self._environment),
                cwd=ROOT,
                text=True,
                encoding="ascii",
                start_new_session=True,  # Ctrl-C is for the one who started us
            )
        self._processes[process.pid] = process
        return process

    def _replaced(self, process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        del self._processes[process.pid]
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"process {process.pid} ended with {ending(buried(process))}; another takes its place\n")
        return self._start()

    def _invoke(self, process: subprocess.Popen[str], event: Any) -> Mapping[str, Any] | None:
        request_id = str(uuid.uuid4())
        invocation = {"event": event, "request_id": request_id, "seconds": self._seconds}
        timeout = Timer(self._seconds, process.kill)
        timeout.start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(invocation) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        late = not timeout.is_alive()
        timeout.cancel()
        if answer:
            error: Mapping[str, Any] | None = json.loads(answer).get("error")
            return error
        if late:
            message = f"RequestId: {request_id} Error: Task timed out after {self._seconds:.2f} seconds"
            return {"errorType": "Sandbox.Timedout", "errorMessage": message}
        message = f"RequestId: {request_id} Error: Runtime exited with {ending(process.wait())}"
        return {"errorType": "Runtime.ExitError", "errorMessage": message}


def buried(process: subprocess.Popen[str]) -> int:
    """Hang up, with which the process ends if it has not ended yet, and return its exit code."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):  # what was left to write goes nowhere
        process.stdin.close()
    process.stdout.close()
    return process.wait()


def ending(code: int) -> str:
    """How a process ended, in words."""
    return f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
