"""Damaged files by the thousand, through the handler, in processes that have a function's memory and no more.

    python -m tests.fuzzing FOLDER... [--mutants 20000] [--seed 1] [--memory 512] [--keep FOLDER]

takes the files in the folders (up to 300 kB each) as they are, and then mutants of them, and says how all ended. It
exits with 1 when a process died, an exception escaped, or a file took over 10 s of a processor. `--keep` stores the
files that did so.
"""

import argparse
import contextlib
import multiprocessing
import multiprocessing.pool
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import handler
from imaging.errors import Rejection
from imaging.notices import Editors
from imaging.recipe import load
from imaging.sniffing import sniff
from imaging.telemetry import Telemetry
from ops.memory import MemoryStorage

LARGEST_SEED = 300_000
BATCH = 100
"""Files that one process sees, so that few are lost to one that dies."""


def mutants(body: bytes, random_: random.Random, count: int) -> list[bytes]:
    """The file damaged in the ways that disks, networks and attackers damage files."""
    made = []
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
        made.append(bytes(mutant))
    return made


def seeds(folders: list[Path]) -> list[Path]:
    """The files in the folders that are pictures we open, by their first bytes."""
    found = []
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if 0 < path.stat().st_size <= LARGEST_SEED:
            with contextlib.suppress(Rejection):
                sniff(path.read_bytes())
                found.append(path)
    return found


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


def through_the_handler(body: bytes, memory: int) -> str:
    """How the handler says that this file ended."""
    storage = MemoryStorage()
    storage.upload("a", body)
    recipe = load(handler.RECIPE)
    editors = Editors("arn:any", Topic)
    handler.wiring = lambda: handler.Wiring("raw", recipe, storage, Telemetry("local"), editors, memory)
    (outcome,) = handler.on_event({"keys": ["a"]}, Context())["outcomes"]
    return str(outcome.get("code", outcome["status"]))


def peak_mb(*, afresh: bool = False) -> float:
    """The most memory that this process held, in MB, since it was asked `afresh`."""
    if afresh:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def work(pipe: Any, batch: list[tuple[str, Path, str | None]], memory: int) -> None:
    """Tell of each file before and after it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)  # for the function's log, and what codecs say
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())
    os.environ.update(POWERTOOLS_SERVICE_NAME="fuzzing", POWERTOOLS_METRICS_NAMESPACE="Fuzzing")
    for name, path, seed in batch:
        body = path.read_bytes()
        if seed:
            (body,) = mutants(body, random.Random(seed), 1)  # noqa: S311  damage, not a secret
        pipe.send((name, None, 0, 0))
        peak_mb(afresh=True)
        began = time.process_time()  # other programs of this machine shall not count
        try:
            ended = through_the_handler(body, memory)
        except BaseException as error:  # noqa: BLE001  this is what we look for
            ended = f"!{type(error).__name__}: {error}"
        pipe.send((name, ended, time.process_time() - began, peak_mb()))


def run(batch: list[tuple[str, Path, str | None]], memory: int) -> Iterator[tuple[str, str, float, float]]:
    """Name, ending, seconds and peak of each file of a batch, in a process that is started anew when it dies."""
    context = multiprocessing.get_context("fork")
    while batch:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(theirs, batch, memory))
        process.start()
        theirs.close()
        name, ended, done = "", None, 0
        with contextlib.suppress(EOFError):
            while True:
                if not ours.poll(300):
                    process.kill()
                name, ended, seconds, peak = ours.recv()
                if ended is not None:
                    done += 1
                    yield name, ended, seconds, peak
        process.join()
        if done < len(batch):
            yield batch[done][0], f"!its process ended with {process.exitcode}", 0.0, 0.0
            done += 1
        batch = batch[done:]


def main() -> None:
    """Run the command above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", type=int, default=512, help="MB of the function")
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    found = seeds(asked.folders)
    if not found:
        parser.error("there is no picture in these folders that could be damaged")
    chosen = random.Random(asked.seed)  # noqa: S311
    jobs: list[tuple[str, Path, str | None]] = [(path.name, path, None) for path in found]
    for number in range(asked.mutants):
        path = chosen.choice(found)
        jobs.append((f"{path.name}#{asked.seed}-{number}", path, f"{asked.seed}-{number}"))
    batches = [jobs[at : at + BATCH] for at in range(0, len(jobs), BATCH)]
    print(f"{len(found):,} files and {asked.mutants:,} mutants of them, {asked.memory} MB", flush=True)
    with multiprocessing.pool.ThreadPool(os.cpu_count()) as pool:
        told = [
            one for batch in pool.imap(lambda batch: list(run(batch, asked.memory << 20)), batches) for one in batch
        ]
    assert len(told) == len(jobs)
    for ended, count in Counter(ended for _, ended, _, _ in told).most_common():
        print(f"{count:8,}  {ended[:150]}")
    slowest, greediest = max(told, key=lambda one: one[2]), max(told, key=lambda one: one[3])
    print(f"slowest {slowest[2]:.1f} s ({slowest[0]}), greediest {greediest[3]:.0f} MB ({greediest[0]})")
    bad = {name for name, ended, seconds, _ in told if ended.startswith("!") or seconds > 10}
    for name, path, seed in jobs:
        if name in bad and asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
            body = path.read_bytes()
            kept = mutants(body, random.Random(seed), 1)[0] if seed else body  # noqa: S311
            (asked.keep / name.replace("/", "_")).write_bytes(kept)
    print(f"{len(told):,} files, {len(bad)} of them bad: {', '.join(sorted(bad)[:20])}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
