"""The processes that hold the function on this machine, with a function that does what its event says."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ops.workers
from ops.workers import Attempt, Workers, ending

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process by no signal")
ENVIRONMENT = {"LANG": "C.UTF-8", "STAGE": "test", "MALLOC_ARENA_MAX": "1"}


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    """Processes with the stand-in, one second for each event, and a log in the test's folder."""
    running = Workers("tests.stand_in.on_event", ENVIRONMENT, 1, tmp_path / "handler.log")
    yield running
    running.close()


def errors(workers: Workers, *events: dict[str, Any]) -> list[str | None]:
    """Have events tried once each, and return their errors in the order of the events."""
    for number, event in enumerate(events):
        workers.submit(Attempt({**event, "number": number}))
    done = [workers.attempted.get(timeout=30) for _ in events]
    done.sort(key=lambda one: int(one.attempt.event["number"]))
    return [f"{one.error['errorType']}: {one.error['errorMessage']}" if one.error else None for one in done]


def notes(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_the_function_sees_exactly_the_environment_it_is_given_and_the_time_it_has(
    workers: Workers, tmp_path: Path
) -> None:
    assert errors(workers, {"note": str(tmp_path / "notes")}, {"note": str(tmp_path / "notes")}) == [None, None]
    one, other = notes(tmp_path / "notes")
    assert one["environment"] == ENVIRONMENT
    assert 500 < one["left"] <= 1000
    assert one["request"] != other["request"]


def test_an_error_is_told_as_lambda_tells_it_and_the_process_goes_on(workers: Workers, tmp_path: Path) -> None:
    note = str(tmp_path / "notes")
    messages = errors(
        workers, {"do": "raise", "what": "one", "note": note}, {"do": "raise", "what": "ü\n", "note": note}
    )
    assert messages == ["KeyError: 'one'", "KeyError: 'ü\\n'"]
    assert {one["pid"] for one in notes(tmp_path / "notes")} <= set(workers._processes)
    assert "KeyError: 'one'" in (tmp_path / "handler.log").read_text(encoding="utf-8")


def test_what_the_function_prints_goes_to_the_log_and_spoils_no_answer(workers: Workers, tmp_path: Path) -> None:
    assert errors(workers, *[{"do": "print", "what": f'{{"error": {n}}}'} for n in range(4)]) == [None] * 4
    assert (tmp_path / "handler.log").read_text().count('{"error": ') == 4


def test_a_process_that_dies_over_an_event_is_that_attempts_error_and_is_replaced(
    workers: Workers, tmp_path: Path
) -> None:
    died, exited, *rest = errors(workers, {"do": "die"}, {"do": "exit"}, *[{}] * 5)
    assert died
    assert died.startswith("Runtime.ExitError: RequestId: ")
    assert died.endswith("Runtime exited with signal: SIGKILL")
    assert exited
    assert exited.endswith("Runtime exited with exit status 3")
    assert rest == [None] * 5
    errors(workers, *[{}] * 8)
    assert "another takes its place" in (tmp_path / "handler.log").read_text()


def test_a_process_that_dies_between_two_events_is_replaced_without_an_error(workers: Workers) -> None:
    assert errors(workers, {}) == [None]
    before = dict(workers._processes)
    for pid, process in before.items():
        os.kill(pid, signal.SIGKILL)
        process.wait()
    assert errors(workers, *[{}] * 4) == [None] * 4
    assert not set(before) & {pid for pid, process in workers._processes.items() if process.poll() is None}


def test_an_event_that_takes_longer_than_the_timeout_is_ended_as_lambda_does(workers: Workers) -> None:
    began = time.monotonic()
    first, hung, last = errors(workers, {}, {"do": "hang"}, {})
    assert hung
    assert hung.startswith("Sandbox.Timedout: RequestId: ")
    assert hung.endswith("Task timed out after 1.00 seconds")
    assert (first, last) == (None, None)
    assert time.monotonic() - began < 5


def test_an_attempt_can_wait_for_its_time(workers: Workers) -> None:
    errors(workers, {})
    began = time.monotonic()
    workers.submit(Attempt({"number": 0}), after=0.3)
    workers.attempted.get(timeout=10)
    assert time.monotonic() - began >= 0.3


def test_nothing_is_left_when_they_are_closed_whatever_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops.workers, "ENDING_SECONDS", 0.2)
    workers = Workers("tests.stand_in.on_event", ENVIRONMENT, 60, tmp_path / "handler.log")
    errors(workers, {})
    for _ in range(20):
        workers.submit(Attempt({"do": "hang"}))
    time.sleep(0.5)
    began = time.monotonic()
    workers.close()
    assert time.monotonic() - began < 5
    assert all(process.poll() is not None for process in workers._processes.values())


def test_a_function_that_cannot_be_imported_is_the_error_of_each_event(tmp_path: Path) -> None:
    workers = Workers("tests.no_such_module.on_event", ENVIRONMENT, 5, tmp_path / "handler.log")
    try:
        assert errors(workers, {}) == ["ModuleNotFoundError: No module named 'tests.no_such_module'"]
    finally:
        workers.close()


def test_the_end_of_a_process_is_told_in_words() -> None:
    assert ending(-signal.SIGSEGV) == "signal: SIGSEGV"
    assert ending(1) == "exit status 1"
