"""One program in a fresh process: the CPU time and the memory that all of it took."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Run:
    """One run: seconds of user and system CPU of the whole process, wall seconds, and its peak memory in MB."""

    cpu: float
    wall: float
    peak_mb: float


def run(command: Sequence[str | Path], *, cores: int = 1, environment: Mapping[str, str] | None = None) -> Run:
    """Run the command to its end, on the first `cores` cores where the platform can pin it.

    Raises `ClickException` with what the program said when it fails.
    """
    if sys.platform == "win32":
        raise click.ClickException("This needs a system that tells what a process took: Linux or macOS, or WSL.")
    log = ROOT / ".local" / "bench" / "program.log"
    before = os.sched_getaffinity(0) if sys.platform == "linux" else set()
    with log.open("wb") as output:
        if sys.platform == "linux":  # what we are pinned to, our child is born with
            os.sched_setaffinity(0, sorted(before)[-cores:])
        began = time.monotonic()
        try:
            child = subprocess.Popen(  # noqa: S603  our own programs
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
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
    if child.returncode:
        said = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise click.ClickException(f"{' '.join(map(str, command[:4]))} ended with {child.returncode}:\n{said}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * unit / 1e6)


@dataclass(frozen=True)
class Figure:
    """The median of some runs, with the least and the most."""

    median: float
    least: float
    most: float


def figure(values: Sequence[float]) -> Figure:
    """The values' median and spread."""
    return Figure(statistics.median(values), min(values), max(values))
