"""What one file may take of the function, held to while its renditions are made.

Memory is foretold from the header and refused before decoding (memory.py); this bounds what a prediction misses, and
time, which nothing foretells. Both end as a `Rejection`, and the process is afterwards as it was before.
"""

import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

from imaging.errors import Rejection
from imaging.memory import BASE

T = TypeVar("T")

MARGIN = 20.0
"""Seconds kept for what follows an alarm: the codec's call that it rings in, and the manifest that says so."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one reconcile may take, and a note of where its time went.

    `id` begins the write id of its manifests, so that these lead to the event and the log line behind them; `memory` is
    in bytes for one picture; no source is begun after `begin_by` nor worked on after `ends`, on the clock of
    time.monotonic(); None is no bound. `seconds` are those of each step, by its name.
    """

    id: str = ""
    memory: int | None = None
    begin_by: float | None = None
    ends: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def within(cls, id: str, memory: int | None, seconds: float | None) -> Self:
        """What a function of `memory` bytes that has `seconds` to live may take; a source gets half of that or more."""
        now, most = time.monotonic(), seconds and max(seconds - MARGIN, seconds / 2)
        return cls(id, memory and memory - BASE, most and now + most / 2, most and now + most)

    def begin(self, key: str) -> None:
        """Raises TimeoutError when others took the time: what gets the rest of it must not be rejected as too slow."""
        if self.begin_by is not None and time.monotonic() > self.begin_by:
            raise TimeoutError(f"there is no time left for {key!r} in this invocation: try it again")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time until the end of the block to what the step has taken so far."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - began


class _TimeIsUp(BaseException):
    """Not an Exception, so that nobody who forgives broken metadata forgives this too."""


@contextmanager
def held_to(run: Run, size: int) -> Iterator[None]:
    """Ends as a `Rejection` when a file of `size` bytes takes more than the run allows.

    Time is bound between the calls of a codec, not within one: Python sees the alarm when the call returns. Pillow
    feeds JPEG, PNG and GIF piece by piece; WebP, AVIF, HEIC and TIFF are one call for each frame, and resampling and
    encoding one for each rendition, which the limits of pixels and memory keep to seconds (docs/recipe.md).

    Both bounds belong to the process. Where they cannot be had (another thread than the main one; no such limit on
    macOS and Windows) there are none.
    """
    began = time.monotonic()
    mine = threading.current_thread() is threading.main_thread()
    try:
        with _memory_limit(run.memory if mine else None), _alarm(run.ends if mine else None):
            yield
    except MemoryError:
        raise Rejection(
            "needs-too-much-memory",
            f"This file of {size:,} bytes needs more memory to make its renditions than there is.",
            "Export it with fewer pixels, or a photo as a baseline (not progressive) JPEG, and upload it again.",
        ) from None
    except _TimeIsUp:
        raise Rejection(
            "took-too-long",
            f"This file of {size:,} bytes took too long: its renditions were not done after "
            f"{time.monotonic() - began:.0f} seconds.",
            "Export it with fewer pixels or frames, and upload it again.",
        ) from None


def each_held_to(run: Run, size: int, items: Generator[T, None, None]) -> Iterator[T]:
    """The items, each made as `held_to` allows; what the caller does between them is bound by nothing."""
    with closing(items):
        while True:
            with held_to(run, size):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item


@contextmanager
def _memory_limit(budget: int | None) -> Iterator[None]:
    """Running out of memory is a MemoryError, and not the end of the process.

    Held may be as much as the function has; the limit counts what is mapped, so what is mapped and not held (code,
    mostly) comes on top.
    """
    if budget is None or sys.platform != "linux":
        yield
        return
    import resource  # noqa: PLC0415  unknown on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(OSError, ValueError):  # no /proc, or a system that refuses
        mapped, held = map(int, Path("/proc/self/statm").read_text(encoding="ascii").split()[:2])
        most = budget + BASE + (mapped - held) * resource.getpagesize()
        bounds = [bound for bound in (most, soft, hard) if bound >= 0]  # -1 is no limit
        resource.setrlimit(resource.RLIMIT_AS, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def _alarm(ends: float | None) -> Iterator[None]:
    """Raises `_TimeIsUp` in the block from the time `ends` on, every second, should somebody swallow it."""
    if ends is None or sys.platform == "win32":
        yield
        return

    def ring(*_: object) -> None:
        raise _TimeIsUp

    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    others, every = signal.setitimer(signal.ITIMER_REAL, max(ends - began, 0.001), 1)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)
        left = max(others - (time.monotonic() - began), 0.001) if others else 0
        signal.setitimer(signal.ITIMER_REAL, left, every)
