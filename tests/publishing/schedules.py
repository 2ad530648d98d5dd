"""A deterministic scheduler: several reconciles of one key, interleaved at every storage call.

Each run is the real `reconcile` in a thread of its own. It stops before each call to the storage and goes on when the
scheduler says so. One thread runs at a time, so that a seed always gives the same schedule. What the loop writes side
by side is written here one after the other, in any order: the storage knows no smaller step than a call. Uploads,
overwrites, deletes, duplicates, kills, retries and deploys (runs of an old recipe beside runs of a new one) happen in
between.

Orders in small worlds are played to the last one in tests/orders; these schedules are for larger worlds.
"""

import random
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any, Self
from unittest.mock import patch

from imaging.errors import Contention, unknown_format
from imaging.exchange import File
from imaging.keys import manifest_key_of
from imaging.publishing import changing
from imaging.publishing.manifest import Manifest, Source
from imaging.publishing.reconciling import reconcile
from imaging.publishing.storage import Listing
from imaging.recipe.recipe import DIGEST_LENGTH, Recipe
from ops.memory import MemoryStorage
from tests.making import Instant
from tests.recipes import recipe

KEY = "a/cat.png"


class Killed(BaseException):
    """The process ends here, as Lambda's does: nothing after this line runs."""


@dataclass
class Turns:
    """Hands the one turn there is to the run that may make its next storage call."""

    mine: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    given_back: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    killed: bool = False

    def wait(self) -> None:
        self.given_back.release()
        self.mine.acquire()
        if self.killed:
            raise Killed


class Stepped:
    """A storage that waits for its turn before every call."""

    def __init__(self, storage: MemoryStorage, turns: Turns) -> None:
        self._storage, self._turns = storage, turns

    def list_renditions(self, key: str) -> Listing:
        self._turns.wait()
        return self._storage.list_renditions(key)

    def read_manifest(self, key: str) -> tuple[bytes, str] | None:
        self._turns.wait()
        return self._storage.read_manifest(key)

    def head_source(self, key: str) -> Source | None:
        self._turns.wait()
        return self._storage.head_source(key)

    def read_source(self, source: Source) -> bytes | None:
        self._turns.wait()
        return self._storage.read_source(source)

    def write_rendition(self, key: str, body: bytes, content_type: str, cache_control: str) -> str:
        self._turns.wait()
        return self._storage.write_rendition(key, body, content_type, cache_control)

    def write_manifest(self, key: str, body: bytes, replaces: str | None, *, tombstone: bool) -> str | None:
        self._turns.wait()
        return self._storage.write_manifest(key, body, replaces, tombstone=tombstone)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._turns.wait()
            self._storage.delete([key])


class InTurn:
    """Stands in for the threads that write side by side: in this thread, in an order that the contents choose."""

    def __init__(self, _at_once: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, write: Callable[[File], Any], files: Sequence[File]) -> Iterator[Any]:
        order = list(range(len(files)))
        random.Random(b"".join(file.content for file in files)).shuffle(order)  # noqa: S311  no secret
        written = {place: write(files[place]) for place in order}
        return iter([written[place] for place in sorted(order)])


class Run:
    """One reconcile under way."""

    def __init__(self, storage: MemoryStorage, with_recipe: Recipe, tries: int, wrap: Callable[[Any], Any]) -> None:
        self.tries = tries
        self.pace = 1.0
        self.turns = Turns()
        self.outcome: BaseException | None = None
        self.done = False
        self._thread = threading.Thread(target=self._reconcile, args=(wrap(Stepped(storage, self.turns)), with_recipe))
        self._thread.start()
        self.turns.given_back.acquire()

    def _reconcile(self, storage: Any, with_recipe: Recipe) -> None:
        try:
            reconcile(KEY, with_recipe, storage, MAKER)
        except (Exception, Killed) as error:  # noqa: BLE001  the schedule decides what it means
            self.outcome = error
        self.done = True
        self.turns.given_back.release()

    def step(self, *, kill: bool = False) -> None:
        """Let the run make one storage call, or end it before that."""
        self.turns.killed = kill
        self.turns.mine.release()
        self.turns.given_back.acquire()
        if self.done:
            self._thread.join()


@cache
def picture(number: int) -> bytes:
    """A source that no other number makes; every fifth is no picture. `MAKER` knows them, and Pillow does not."""
    return b"%s %d" % (b"no picture" if number % 5 == 0 else b"picture", number)


def refuse(body: bytes) -> None:
    """Raises the rejection of what is no picture."""
    if body.startswith(b"no picture"):
        raise unknown_format(["JPEG", "PNG"])


MAKER = Instant(refuse=refuse)
read_manifest = lru_cache(Manifest.from_json)  # each step of a schedule reads the same one


@cache
def recipes(template: str) -> tuple[Recipe, ...]:
    """What successive deploys bring: a rendition comes, addresses change, a rendition goes."""
    elsewhere = 'base_url = "https://cdn.example/"'
    return (
        recipe("r0", "r1", template=template),
        recipe("r0", "r1", "r2", template=template),
        recipe("r0", "r1", "r2", template=template, more=elsewhere),
        recipe("r0", "r3", template=template, more=elsewhere),
    )


def torn(storage: MemoryStorage) -> bool:
    """Whether a reader who follows the manifest now meets a missing or foreign file."""
    answer = storage.read_manifest(KEY)
    manifest = read_manifest(answer[0]) if answer else None
    if manifest is None:
        return False
    return any(r.key not in storage.renditions or storage.renditions[r.key].etag != r.etag for r in manifest.renditions)


def settled(storage: MemoryStorage) -> dict[str, bytes]:
    """The renditions bucket, without what differs from one history to the next: write ids, and the salt of names."""
    files = {key: file.body for key, file in storage.renditions.items()}
    manifest = read_manifest(files.get(manifest_key_of(KEY), b""))
    if manifest is None:
        return files
    text = replace(manifest, write_id="any", superseded=(), salt="").to_json().decode()
    for each in manifest.renditions:
        unsalted = re.sub(f"[0-9a-f]{{{DIGEST_LENGTH}}}", each.sha256[:DIGEST_LENGTH], each.key)
        text = text.replace(each.key, unsalted)
        if each.key in files:
            files[unsalted] = files.pop(each.key)
    return {**files, manifest_key_of(KEY): text.encode()}


def clean_run(storage: MemoryStorage, with_recipe: Recipe) -> dict[str, bytes]:
    """What one undisturbed run makes of the source that stands now."""
    fresh = MemoryStorage()
    fresh.sources = dict(storage.sources)
    fresh.now = storage.now
    reconcile(KEY, with_recipe, fresh, MAKER)
    return settled(fresh)


@dataclass
class Result:
    """What a schedule came to; `problem` is empty when it converged."""

    problem: str = ""
    torn: int = 0
    calls: int = 0


@patch.object(changing, "ThreadPoolExecutor", InTurn)
def play(
    seed: int, template: str, wrap: Callable[[Any], Any] = lambda storage: storage, *, same_again: bool = False
) -> Result:
    """Play one schedule to its end and compare with a clean run; `wrap` puts a fault between run and storage.

    With `same_again`, bytes that were deleted may be uploaded once more.
    """
    chance = random.Random(seed)  # noqa: S311  a schedule, not a secret
    storage, deploys = MemoryStorage(), recipes(template)
    deployed, uploads, first, changes = 0, 0, 0, chance.randint(2, 8)
    queue: list[int] = []
    running: list[Run] = []
    parked = 0
    result = Result()
    while changes or queue or running:
        dice = chance.random()
        if changes and dice < 0.12:
            changes -= 1
            match chance.choices(("upload", "delete", "an old one", "deploy"), (45, 20, 20, 15))[0]:
                case "upload":
                    uploads += 1
                    first = first if KEY in storage.sources else uploads
                    storage.upload(KEY, picture(uploads))
                case "an old one" if KEY in storage.sources:  # the same bytes, and so the same names, as before
                    storage.upload(KEY, picture(max(first, uploads - chance.randint(0, 1))))
                case "an old one" if same_again and uploads:
                    storage.upload(KEY, picture(uploads))
                case "an old one":
                    pass
                case "delete":
                    storage.remove(KEY)
                case "deploy":
                    deployed = min(deployed + 1, len(deploys) - 1)
            queue += [3] * chance.choice((1, 1, 1, 2, 3))
        elif queue and (dice < 0.35 or not running) and len(running) < 4:
            run = Run(storage, deploys[deployed], queue.pop(chance.randrange(len(queue))), wrap)
            run.pace = chance.choice((0.02, 0.2, 1.0))
            running.append(run)
        elif running:
            # Some runs are slow: faults show where one stalls while others come and go.
            run = chance.choices(running, [r.pace for r in running])[0]
            run.step(kill=chance.random() < 0.02)
            result.calls += 1
            if run.done:
                running.remove(run)
                if run.outcome is not None and not isinstance(run.outcome, (Killed, Contention)):
                    raise run.outcome
                if run.outcome is not None and run.tries > 1:
                    queue.append(run.tries - 1)
                else:
                    parked += run.outcome is not None
        result.torn += torn(storage)

    if parked or deployed:  # the failure queue is redriven; a deploy is followed by a backfill
        _alone(storage, deploys[deployed], wrap)
    result.problem = _compare(storage, deploys[deployed])
    return result


def _alone(storage: MemoryStorage, with_recipe: Recipe, wrap: Callable[[Any], Any]) -> None:
    run = Run(storage, with_recipe, 1, wrap)
    while not run.done:
        run.step()
    if run.outcome is not None:
        raise run.outcome


def _compare(storage: MemoryStorage, with_recipe: Recipe) -> str:
    now, wanted = settled(storage), clean_run(storage, with_recipe)
    name = manifest_key_of(KEY)
    manifest = read_manifest(now.get(name, b""))
    # What the sweep takes, at once and not by another reconcile: that would repair what this is here to find.
    listed = {name, *(r.key for r in manifest.renditions)} if manifest else set()
    now = {key: body for key, body in now.items() if key in listed}
    if manifest and manifest.status == "removed":
        del now[name]  # the tombstone expires
    if manifest and manifest.status == "rejected":
        # Last good stays: which good that is, is history; a clean run has none.
        if {r.key for r in manifest.renditions} != set(now) - {name} or torn(storage):
            return f"a rejected manifest lists {[r.key for r in manifest.renditions]}, there stand {sorted(now)}"
        bare = Manifest(
            "rejected",
            manifest.write_id,
            manifest.source,
            manifest.recipe,
            manifest.words,
            rejection=manifest.rejection,
        )
        now = {name: bare.to_json()}
    if now != wanted:
        return f"there stand {sorted(now)}, a clean run makes {sorted(wanted)}"
    return ""
