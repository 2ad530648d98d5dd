"""One reconcile: which request led to it, when it must end, and where its time went."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Run:
    """One reconcile of one key. Each has a stopwatch of its own.

    `id` begins the write id of the manifests it writes, so that a manifest leads to the event and the log line behind
    it. `ends` is on the clock of time.monotonic(); None is no bound. `seconds` holds the time of each step by its name.
    """

    id: str = ""
    ends: float | None = None
    seconds: dict[str, float] = field(default_factory=dict, init=False)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to the step's."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - began)

    def add(self, name: str, seconds: float) -> None:
        """Add seconds that were measured elsewhere to the step's."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
