"""A model of many uploads at once: how long until the last manifest, how long each editor waits, and what it costs.

Events wait in Lambda's asynchronous queue. An event that finds no function free is tried again after a while that
doubles from one second to five minutes. A failed attempt is repeated after one minute and then after two. An event
that is six hours old is given up and goes to the failure queue (AWS Lambda Developer Guide, "How Lambda handles errors
and retries with asynchronous invocation" and "Lambda function scaling"). The guide also says that a long queue is
read more slowly, but not by how much: that is left out, and the real end may come later.
"""

import heapq
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ops.prices import Prices

FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
"""Seconds between two attempts of an event that finds no function free."""
AFTER_FAILURE = (60.0, 120.0)
"""Seconds before each attempt that follows a failed one; after the last one the event goes to the failure queue."""
OLDEST = 6 * 3600.0
"""Seconds after which an event is given up."""
AT_START, MORE_EACH_SECOND = 1000, 100
"""How many functions Lambda starts at once, and how many more with each second, up to the account's limit."""
DELIVERY = 1.0
"""Seconds in which S3 hands over an event; most come as fast, a few take a minute."""
PUTS_EACH_SECOND = 3500
"""What S3 takes under one partitioned prefix (Amazon S3 User Guide, "Best practices design patterns")."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What one upload takes: seconds of a warm function, the seconds that a new one needs first, MB, and files."""

    seconds: float = 0.8
    cold_seconds: float = 0.6
    memory: int = 1769
    renditions: int = 8
    processor: str = "arm64"

    @property
    def puts(self) -> int:
        """The renditions and the manifest."""
        return self.renditions + 1

    @property
    def writes(self) -> int:
        """Requests at the dear price: the PUTs, and the LIST of the second look."""
        return self.puts + 1

    @property
    def reads(self) -> int:
        """Requests at the cheap price: a manifest that is not there, the source, and its head before and after."""
        return 4

    def price(self, prices: Prices, seconds: float | None = None) -> float:
        """USD for one that a function worked on for so many seconds."""
        compute = (self.seconds if seconds is None else seconds) * self.memory / 1024 * prices.compute[self.processor]
        return compute + prices.invocation + self.writes * prices.s3_write + self.reads * prices.s3_read


@dataclass(frozen=True, slots=True)
class Burst:
    """So many uploads, evenly within `over` seconds, into `folders` that S3 has partitioned.

    `concurrency` is how many functions may run at once. Of all attempts the share `failing` fails.
    """

    uploads: int
    concurrency: int
    over: float = 0.0
    folders: int = 1
    failing: float = 0.0


@dataclass(frozen=True, slots=True)
class Course:
    """What becomes of a burst, in seconds and USD. Waits are from an upload to its manifest.

    `throttled` counts the attempts that found no function free, which cost nothing; `failed` the events that ended in
    the failure queue.
    """

    last_manifest: float
    longest_wait: float
    median_wait: float
    throttled: int
    cold_starts: int
    failed: int
    usd: float


@dataclass(order=True, slots=True)
class _Event:
    """An event at the moment of its next attempt."""

    at: float
    number: int
    uploaded: float = field(compare=False)
    waited: int = field(default=0, compare=False)
    failures: int = field(default=0, compare=False)


@dataclass(slots=True)
class _Functions:
    """Those that run, by when each ends, and those that stand warm."""

    limit: int
    running: list[float] = field(default_factory=list)
    warm: int = 0

    def free(self, now: float) -> bool:
        """Whether one may start now."""
        while self.running and self.running[0] <= now:
            heapq.heappop(self.running)
            self.warm += 1
        return len(self.running) < min(self.limit, AT_START + MORE_EACH_SECOND * now)

    def start(self, now: float, upload: Upload, folders: int) -> tuple[float, bool]:
        """Seconds that one takes which starts now, and whether it is a new one."""
        cold = self.warm == 0
        self.warm -= not cold
        together = (len(self.running) + 1) * upload.puts / (PUTS_EACH_SECOND * folders)
        seconds = max(upload.seconds, together) + cold * upload.cold_seconds
        heapq.heappush(self.running, now + seconds)
        return seconds, cold


def course(burst: Burst, upload: Upload, prices: Prices) -> Course:
    """The burst, event by event. The same burst always takes the same course."""
    chance = random.Random(burst.uploads)  # noqa: S311  it spreads attempts, and keeps no secret
    functions = _Functions(burst.concurrency)
    events = list(_arriving(burst))
    waits: list[float] = []
    last = usd = 0.0
    throttled = cold_starts = failed = 0
    while events:
        event = heapq.heappop(events)
        if event.at - event.uploaded > OLDEST:
            failed += 1
        elif not functions.free(event.at):
            throttled += 1
            pause = min(LONGEST_WAIT, FIRST_WAIT * 2**event.waited) * chance.uniform(0.5, 1)
            heapq.heappush(events, replace(event, at=event.at + pause, waited=event.waited + 1))
        else:
            seconds, cold = functions.start(event.at, upload, burst.folders)
            cold_starts += cold
            usd += upload.price(prices, seconds)
            done = event.at + seconds
            if chance.random() >= burst.failing:
                waits.append(done - event.uploaded)
                last = max(last, done)
            elif event.failures < len(AFTER_FAILURE):
                pause = AFTER_FAILURE[event.failures]
                heapq.heappush(events, replace(event, at=done + pause, waited=0, failures=event.failures + 1))
            else:
                failed += 1
    return Course(last, max(waits, default=0.0), statistics.median(waits or [0.0]), throttled, cold_starts, failed, usd)


def _arriving(burst: Burst) -> Iterator[_Event]:
    """The events as S3 hands them over, in order."""
    for number in range(burst.uploads):
        uploaded = burst.over * number / burst.uploads
        yield _Event(uploaded + DELIVERY, number, uploaded)


def at_best(burst: Burst, upload: Upload) -> float:
    """Seconds until the last manifest if no function ever stood idle: for numbers too large to go through one by one.

    More than `OLDEST` means that events are given up, and that the uploads should be spread over more hours or go to
    more functions.
    """
    at_once = min(burst.concurrency, burst.uploads)
    by_functions = burst.uploads * upload.seconds / at_once
    by_storage = burst.uploads * upload.puts / (PUTS_EACH_SECOND * burst.folders)
    return DELIVERY + upload.cold_seconds + max(burst.over, by_functions, by_storage)
