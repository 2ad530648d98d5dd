"""One program in a fresh process: the CPU time and the memory that all of it took."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Run:
    """One run: seconds of user and system CPU of the program and its children, wall seconds, and peak memory in MB.

    A program of several processes prints the bytes of all of them as `peak 123`. The others' are what the system says.
    """

    cpu: float
    wall: float
    peak_mb: float


def run(
    command: Sequence[str | Path],
    *,
    cores: int = 1,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> Run:
    """Run the command in `folder` to its end, on the last `cores` cores where the platform can pin it.

    Raises `ClickException` with what the program said when it fails.
    """
    if sys.platform == "win32":
        raise click.ClickException("This needs a system that tells what a process took: Linux or macOS, or WSL.")
    before = os.sched_getaffinity(0) if sys.platform == "linux" else set()
    with tempfile.TemporaryFile() as output:
        if sys.platform == "linux":  # what we are pinned to, our child is born with
            os.sched_setaffinity(0, sorted(before)[-cores:])
        began = time.monotonic()
        try:
            child = subprocess.Popen(  # noqa: S603  our own programs
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env={**os.environ, **(environment or {})},
            )
        finally:
            if sys.platform == "linux":
                os.sched_setaffinity(0, before)
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:  # Ctrl-C, to be followed by everybody's end
            child.kill()
            child.wait()
            raise
        wall = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait for it again
        output.seek(0)
        printed = output.read().decode(errors="replace")
    if child.returncode:
        raise failed(command, child.returncode, printed)
    own = re.search(r"^peak (\d+)$", printed, re.MULTILINE)
    peak = int(own[1]) if own else usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Run(usage.ru_utime + usage.ru_stime, wall, peak / 1e6)


def answer(command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, folder: Path = ROOT) -> str:
    """What a program prints that is not measured. Raises `ClickException` when it fails."""
    done = subprocess.run(  # noqa: S603  our own programs
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        text=True,
        check=False,
    )
    if done.returncode:
        raise failed(command, done.returncode, done.stderr or done.stdout)
    return done.stdout


def failed(command: Sequence[str | Path], code: int, printed: str) -> click.ClickException:
    """The error of a program that ended with this code, with the end of what it printed."""
    end = "\n".join(printed.splitlines()[-12:])
    return click.ClickException(f"{' '.join(map(str, command[:4]))} ended with {code}:\n{end}")


def in_turns(rounds: int, *commands: Callable[[], Run]) -> list[list[Run]]:
    """The runs of each command. They run in turns, so that what slows the machine slows all of them."""
    runs: list[list[Run]] = [[] for _ in commands]
    for _ in range(rounds):
        for command, done in zip(commands, runs, strict=True):
            done.append(command())
    return runs


@dataclass(frozen=True)
class Figure:
    """The median of some runs, with the least and the most."""

    median: float
    least: float
    most: float


def figure(values: Sequence[float]) -> Figure:
    """The values' median and spread."""
    return Figure(statistics.median(values), min(values), max(values))


def figures(runs: Sequence[Run]) -> dict[str, Any]:
    """CPU, wall time and peak of some runs."""
    return {what: asdict(figure([getattr(one, what) for one in runs])) for what in ("cpu", "wall", "peak_mb")}


def ratio(ours: Sequence[Run], others: Sequence[Run], what: str) -> float:
    """Ours by the other's in each turn, and the median of that."""
    pairs = zip(ours, others, strict=True)
    values: list[float] = [getattr(one, what) / getattr(other, what) for one, other in pairs]
    return statistics.median(values)
