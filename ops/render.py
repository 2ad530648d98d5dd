"""Files of a person's machine -> the tree that the renditions bucket would hold, without AWS.

Every file has a process of its own, with the function's memory and time, so that none can stop the rest, whatever it
does to its process. The processes are forked, where the platform can, from one that has everything imported.
"""

import json
import math
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import click

from imaging.bounds import Run
from imaging.model import Manifest, Outcome
from imaging.recipe import Recipe
from imaging.reconciling import reconcile
from ops import sheet
from ops.files import write_tree
from ops.memory import MemoryStorage

SHEET = "contact-sheet.html"
HELD = 500
"""Sources whose pictures the sheet holds itself, some 20 MB; more would be too much for a browser."""
PLUGINS = ("PIL.AvifImagePlugin", "PIL.TiffImagePlugin", "PIL.WebPImagePlugin")
"""Pillow's own that it imports at the first use; a process that lives for one file would do so every time."""

Make = Callable[[str, Path], Outcome]


class Bounds(NamedTuple):
    """What one file may cost; as the function is set up."""

    memory_mb: int = 1769
    seconds: float = 120


@dataclass(frozen=True)
class Rendered:
    """What became of one file; `code` and `reason` of a failure are ours, of a rejection the manifest's."""

    key: str
    file: Path
    status: str
    manifest: Manifest | None = None
    code: str | None = None
    reason: str | None = None
    seconds: float = 0.0
    peak_mb: float | None = None

    @property
    def error(self) -> str | None:
        """What went wrong where there is no manifest to say it."""
        return f"{self.code}: {self.reason}" if self.status == "failed" else None

    def as_json(self) -> str:
        """One line for machines."""
        rejection = self.manifest.rejection if self.manifest else None
        renditions = self.manifest.renditions if self.manifest else ()
        return json.dumps(
            {
                "file": str(self.file),
                "key": self.key,
                "status": self.status,
                "code": rejection.code if rejection else self.code,
                "reason": rejection.reason if rejection else self.reason,
                "advice": rejection.advice if rejection else None,
                "warnings": self.manifest.warnings if self.manifest else (),
                "seconds": round(self.seconds, 3),
                "peak_mb": self.peak_mb,
                "renditions": [
                    {name: asdict(rendition)[name] for name in ("name", "format", "width", "height", "bytes")}
                    for rendition in renditions
                ],
            }
        )


def render(
    keys: Mapping[str, Path], recipe: Recipe, out: Path, bounds: Bounds, tell: Callable[[Rendered], str], quiet: bool
) -> bool:
    """Render every file into `out`, print what `tell` says of each, and say whether none was refused."""
    began, counts, cards = time.monotonic(), Counter[str](), list[tuple[bool, str, str]]()
    terminal = sys.stderr.isatty() and not quiet
    make = partial(render_file, recipe=recipe, out=out, bounds=bounds)
    with click.progressbar(length=len(keys), file=sys.stderr, hidden=not terminal) as bar:
        for done in render_all(keys, make, bounds):
            if terminal:
                click.echo("\r\033[K", nl=False, err=True)
            click.echo(tell(done))
            bar.update(1)
            counts[done.status] += 1
            card = sheet.card(done.key, done.status, done.manifest, done.error, out if len(cards) < HELD else None)
            cards.append((done.status == "published", done.key, card))
    out.mkdir(parents=True, exist_ok=True)
    page = sheet.page(counts, (card for _, _, card in sorted(cards)))
    (out / SHEET).write_text(page, encoding="utf-8", errors="backslashreplace")
    if not quiet:
        summary = ", ".join(f"{count} {status}" for status, count in counts.most_common())
        click.echo(f"{summary} in {time.monotonic() - began:.1f} s; see {out / SHEET}")
    return not counts["rejected"] and not counts["failed"]


def render_file(key: str, file: Path, recipe: Recipe, out: Path, bounds: Bounds) -> Outcome:
    """Reconcile one file as the only source of an empty pair of buckets, and write what it left under `out`."""
    storage = MemoryStorage()
    with file.open("rb") as stream:  # what is too large is refused by its length, here as in the function
        body = stream.read(recipe.limits.source_bytes + 1)
    source = storage.upload(key, body)
    storage.sources[key] = (replace(source, bytes=file.stat().st_size), body)
    outcome = reconcile(key, recipe, storage, Run.within("", bounds.memory_mb << 20, bounds.seconds))
    write_tree(out, ((name, rendition.body) for name, rendition in storage.renditions.items()))
    return outcome


class _Run(NamedTuple):
    key: str
    file: Path
    process: BaseProcess
    began: float


def render_all(keys: Mapping[str, Path], make: Make, bounds: Bounds) -> Iterator[Rendered]:
    """What `make` makes of each file, in the order in which they end."""
    forkserver = "forkserver" in get_all_start_methods()
    context: Any = get_context("forkserver" if forkserver else "spawn")
    if forkserver:
        context.set_forkserver_preload([__name__, *PLUGINS])
    waiting, running = iter(keys.items()), dict[Connection, _Run]()
    try:
        while True:
            for key, file in islice(waiting, (os.cpu_count() or 1) - len(running)):
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(theirs, make, key, file, bounds.memory_mb), daemon=True)
                process.start()
                theirs.close()  # so that we see the end of what a killed process has to say
                running[ours] = _Run(key, file, process, time.monotonic())
            if not running:
                return
            next_end = min(run.began for run in running.values()) + bounds.seconds
            ended = wait(list(running), max(0, next_end - time.monotonic()))
            for connection, run in list(running.items()):
                late = time.monotonic() - run.began >= bounds.seconds
                if connection in ended or late:
                    yield _end(connection, run, bounds)
                    del running[connection]
    finally:
        for run in running.values():
            run.process.kill()


def _work(connection: Connection, make: Make, key: str, file: Path, memory_mb: int) -> None:
    """Runs in the process of one file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us
    _limit_memory(memory_mb)
    began = time.monotonic()
    try:
        outcome = make(key, file)
        said = {"status": outcome.status, "manifest": outcome.manifest}
    except Exception as error:  # noqa: BLE001  a failure of this file, to be told with the others
        said = {"status": "failed", "code": "error", "reason": f"{type(error).__name__}: {error}"}
    connection.send({**said, "seconds": time.monotonic() - began, "peak_mb": _peak_mb()})


def _end(connection: Connection, run: _Run, bounds: Bounds) -> Rendered:
    if connection.poll():
        try:
            said = connection.recv()
        except EOFError:
            run.process.join()
            said = {"code": "crashed", "reason": f"its process ended with {_ending(run.process.exitcode)}"}
    else:
        said = {"code": "timeout", "reason": f"it was not done after {bounds.seconds:g} seconds and was stopped"}
        run.process.kill()
    connection.close()
    run.process.join()
    return Rendered(run.key, run.file, **{"status": "failed", "seconds": time.monotonic() - run.began, **said})


def _ending(code: int | None) -> str:
    return signal.Signals(-code).name if code and code < 0 else f"exit code {code}"


def _limit_memory(memory_mb: int) -> None:
    """Let this process hold as much as the function may, besides what is mapped and not held: code, mostly."""
    if sys.platform == "linux":  # macOS takes the limit and ignores it
        import resource  # noqa: PLC0415  unknown on Windows

        mapped, held = map(int, Path("/proc/self/statm").read_text(encoding="ascii").split()[:2])
        most = (memory_mb << 20) + (mapped - held) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most if hard < 0 else min(most, hard), hard))


def _peak_mb() -> float | None:
    """The most that this process held at any time."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415

    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return math.ceil(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / (1 << 20) * 10) / 10
