"""Damaged files by the thousand, through the handler and a sandbox that has a function's memory and no more.

    python -m tests.fuzzing FOLDER... [--mutants 20000] [--seed 1] [--memory 512] [--keep FOLDER]

takes the files in the folders (up to 300 kB each) as they are, and then mutants of them, and says how all ended. It
exits with 1 when an exception escaped, when a file took over 10 s of a processor, or when the picture after a crash of
the sandbox was not made by another process. `--keep` stores the files that did so.
"""

import argparse
import contextlib
import itertools
import os
import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import handler
from imaging.edges.notices import Editors
from imaging.errors import Rejection
from imaging.pictures.sniffing import sniff
from imaging.publishing.outcome import Outcome
from imaging.recipe.recipe import Recipe
from imaging.sandbox.sandbox import Sandbox
from ops.memory import MemoryStorage
from ops.recipe import load
from tests.builders import saved, scene

ROOT = Path(__file__).parent.parent
LARGEST_SEED = 300_000
SECONDS = 10
"""Of a processor, for one file: the sandbox ends what takes longer."""
BATCH = 500
"""Files that one sandbox and those that replace it see."""
SIGNAL = re.compile(r"SIG[A-Z]+")


class Job(NamedTuple):
    """A file to feed, or with a seed a mutant of it."""

    name: str
    path: Path
    seed: str | None

    def body(self) -> bytes:
        """The bytes that are fed."""
        body = self.path.read_bytes()
        return mutants(body, random.Random(self.seed), 1)[0] if self.seed else body  # noqa: S311  damage, no secret


class Ended(NamedTuple):
    """How a file ended, with `!` in front where it should not have; seconds of a processor and bytes at the peak."""

    name: str
    how: str
    seconds: float
    peak: int


def mutants(body: bytes, random_: random.Random, count: int) -> list[bytes]:
    """The file damaged in the ways that disks, networks and attackers damage files."""
    damaged_files = []
    for _ in range(count):
        mutant = bytearray(body)
        for _ in range(random_.choice((1, 1, 2, 8))):
            at = random_.randrange(min(len(mutant), random_.choice((64, 400, len(mutant)))))
            match random_.randrange(6):
                case 0:
                    mutant[at] ^= 1 << random_.randrange(8)
                case 1:
                    mutant[at : at + 4] = random_.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"))
                case 2:
                    mutant[at : at + 16] = random_.randbytes(16)
                case 3:
                    del mutant[at : at + random_.randrange(1, 40)]
                case 4:
                    mutant[at:at] = mutant[at : at + random_.randrange(1, 400)]
                case 5:
                    del mutant[max(12, at) :]
            if not mutant:
                break
        damaged_files.append(bytes(mutant))
    return damaged_files


def seeds(folders: list[Path]) -> list[Path]:
    """The files in the folders that are pictures we open, by their first bytes."""
    pictures = []
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if 0 < path.stat().st_size <= LARGEST_SEED:
            with contextlib.suppress(Rejection):
                sniff(path.read_bytes())
                pictures.append(path)
    return pictures


class Context:
    """Lambda's, of a function with two minutes to live."""

    aws_request_id = "fuzzing"

    def __init__(self) -> None:
        self._ends = time.monotonic() + 120

    def get_remaining_time_in_millis(self) -> float:
        return (self._ends - time.monotonic()) * 1000


class Topic:
    """Takes every notice."""

    def publish(self, **_: Any) -> None:
        """Nobody reads it."""


class Log:
    """Takes what operators are told, and keeps the cause of the last rejection."""

    cause = ""

    def started(self, _invocation: str) -> None:
        """Nothing to keep."""

    def settled(self, _key: str, outcome: Outcome | None, *_: Any) -> None:
        """Keep what a picture library said, or how the sandbox ended."""
        self.cause = outcome.cause if outcome else ""

    def untold(self, _key: str, error: Exception) -> None:
        """A notice that could not be sent is a failure here."""
        raise error


OWN = threading.local()
"""Holds the wiring of each thread."""


def own_wiring() -> handler.Wiring:
    """What stands in for the handler's wiring, of which there is one for the whole process."""
    wiring: handler.Wiring = OWN.wiring
    return wiring


def through_the_handler(body: bytes, recipe: Recipe, sandbox: Sandbox) -> str:
    """How the handler says that this file ended: its status, the code of its rejection, or the signal of a crash."""
    storage, log = MemoryStorage(), Log()
    storage.upload("a", body)
    OWN.wiring = handler.Wiring("raw", recipe, sandbox, storage, log, Editors("arn:any", Topic))
    (outcome,) = handler.on_event({"keys": ["a"]}, Context())["outcomes"]
    how = str(outcome.get("code", outcome["status"]))
    crash = SIGNAL.search(log.cause) if how == "damaged" else None
    return f"crashed by {crash[0]}" if crash else how


def feed(job: Job, recipe: Recipe, sandbox: Sandbox) -> Ended:
    """Have one file made, and see that what it did to its sandbox is over."""
    pid, began = sandbox.pid, cpu_seconds(sandbox.pid)
    clock = time.monotonic()
    try:
        how = through_the_handler(job.body(), recipe, sandbox)
        if how == "took-too-long":
            how = f"!{how}"
        if how.startswith("crashed"):
            after = through_the_handler(saved(scene(), "png"), recipe, sandbox)
            if after != "published" or sandbox.pid == pid:
                how = f"!{how}, and then a good picture was {after}"
    except Exception as error:  # noqa: BLE001  this is what we look for
        how = f"!{type(error).__name__}: {error!r}"
    seconds = cpu_seconds(pid) - began if sandbox.pid == pid else time.monotonic() - clock
    return Ended(job.name, how, max(0, seconds), sandbox.peak)


def cpu_seconds(pid: int) -> float:
    """Seconds of a processor that a process has taken so far; 0 of one that is no more, or where nobody can tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fed(batch: tuple[Job, ...], recipe: Recipe, memory: int) -> list[Ended]:
    """Have a batch of files made in a sandbox of its own."""
    with Sandbox(memory, SECONDS) as sandbox:
        return [feed(job, recipe, sandbox) for job in batch]


def jobs(pictures: list[Path], count: int, seed: int) -> Iterator[Job]:
    """Every file as it is, then so many mutants of them."""
    for path in pictures:
        yield Job(path.name, path, None)
    chosen = random.Random(seed)  # noqa: S311
    for number in range(count):
        path = chosen.choice(pictures)
        yield Job(f"{path.name}#{seed}-{number}", path, f"{seed}-{number}")


def main() -> None:
    """Run the command above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", type=int, default=512, help="MB of the function")
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    pictures = seeds(asked.folders)
    if not pictures:
        parser.error("there is no picture in these folders that could be damaged")
    handler.wiring = own_wiring
    todo = list(jobs(pictures, asked.mutants, asked.seed))
    recipe = load(ROOT / "recipe.toml")
    print(f"{len(pictures):,} files and {asked.mutants:,} mutants of them, {asked.memory} MB", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        batches = (tuple(todo[at : at + BATCH]) for at in range(0, len(todo), BATCH))
        all_ended = list(
            itertools.chain.from_iterable(pool.map(lambda batch: fed(batch, recipe, asked.memory << 20), batches))
        )
    assert len(all_ended) == len(todo)
    for how, count in Counter(one.how for one in all_ended).most_common():
        print(f"{count:8,}  {how[:150]}")
    slowest, greediest = max(all_ended, key=lambda one: one.seconds), max(all_ended, key=lambda one: one.peak)
    print(f"slowest {slowest.seconds:.1f} s ({slowest.name}), greediest {greediest.peak >> 20} MB ({greediest.name})")
    bad = {one.name for one in all_ended if one.how.startswith("!")}
    for job in todo:
        if job.name in bad and asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
            (asked.keep / job.name.replace("/", "_")).write_bytes(job.body())
    print(f"{len(all_ended):,} files, {len(bad)} of them bad: {', '.join(sorted(bad)[:20])}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
