"""Files of a person's machine -> the tree that the renditions bucket would hold, without AWS.

As many files at a time as there are processors, each in the sandbox that the function has too, with its memory and
its seconds of the processor. What one file does to its sandbox stops no other.
"""

import json
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import NamedTuple

import click

from imaging.errors import OutOfTime
from imaging.publishing.manifest import Manifest
from imaging.publishing.outcome import Outcome
from imaging.publishing.reconciling import reconcile
from imaging.publishing.run import Run
from imaging.recipe.recipe import Recipe
from imaging.sandbox.sandbox import Sandbox
from ops import sheet
from ops.embedded_aws import ROOT
from ops.files import caller_path, folder_to_write, keys_of, write_tree
from ops.line import line
from ops.memory import MemoryStorage
from ops.recipe import load

HELD = 500
"""Sources whose pictures the sheet holds itself, some 20 MB; more would be too much for a browser."""


class Bounds(NamedTuple):
    """What one file may cost: the memory of the function, and seconds of the processor."""

    memory_mb: int = 1769
    seconds: float = 60


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


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to write; nothing is deleted.")
@click.option("--recipe", "path", default=None, type=click.Path(path_type=Path), help="Another recipe file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each file.")
@click.option("--memory", default=Bounds().memory_mb, show_default=True, type=click.IntRange(128), help="MB per file.")
@click.option(
    "--timeout",
    default=Bounds().seconds,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds of the processor per file.",
)
def render(paths: tuple[str, ...], out: Path, path: Path | None, as_json: bool, memory: int, timeout: float) -> None:
    """Make renditions of files and folders, without AWS.

    Writes what the renditions bucket would hold, and a contact sheet of it. Exits with 0 when every file was published
    or is ignored by the recipe, with 1 when any was rejected or failed.
    """
    recipe = load(caller_path(path) if path else ROOT / "recipe.toml")
    inside = caller_path(out).resolve()
    keys = {key: file for key, file in keys_of(paths).items() if inside not in file.resolve().parents}
    if not keys:
        raise click.ClickException(f"there are no files in what was named, besides those in {out}")
    folder = folder_to_write(out)

    def tell(done: Rendered) -> str:
        return done.as_json() if as_json else line(done.key, done.manifest, done.error)

    sys.exit(0 if render_into(folder, keys, recipe, Bounds(memory, timeout), tell, quiet=as_json) else 1)


def render_into(
    out: Path, keys: Mapping[str, Path], recipe: Recipe, bounds: Bounds, tell: Callable[[Rendered], str], quiet: bool
) -> bool:
    """Render every file into `out`, print what `tell` says of each, and say whether none was refused."""
    began, counts, cards = time.monotonic(), Counter[str](), list[tuple[bool, str, str]]()
    terminal = sys.stderr.isatty() and not quiet
    with click.progressbar(length=len(keys), file=sys.stderr, hidden=not terminal) as bar:
        for done in render_all(keys, recipe, out, bounds):
            if terminal:
                click.echo("\r\033[K", nl=False, err=True)
            click.echo(tell(done))
            bar.update(1)
            counts[done.status] += 1
            rule = recipe.rule_for(done.key)
            same = sheet.alike(rule.specs if rule else ())
            tree = out if len(cards) < HELD else None
            card = sheet.card(done.key, done.status, done.manifest, done.error, tree, same)
            cards.append((done.status == "published", done.key, card))
    page = sheet.page(counts, (card for _, _, card in sorted(cards)))
    file = sheet.place(out, keys)
    file.write_text(page, encoding="utf-8", errors="backslashreplace")
    if not quiet:
        summary = ", ".join(f"{count} {status}" for status, count in counts.most_common())
        click.echo(f"{summary} in {time.monotonic() - began:.1f} s; see {file}")
    return not counts["rejected"] and not counts["failed"]


def render_all(keys: Mapping[str, Path], recipe: Recipe, out: Path, bounds: Bounds) -> Iterator[Rendered]:
    """What became of each file, in the order in which they end."""
    waiting: SimpleQueue[tuple[str, Path]] = SimpleQueue()
    ended: SimpleQueue[Rendered | Exception] = SimpleQueue()
    stopped = Event()
    for each in keys.items():
        waiting.put(each)

    def work() -> None:
        try:
            with Sandbox(memory=bounds.memory_mb << 20, seconds=bounds.seconds) as sandbox:
                while not stopped.is_set():
                    ended.put(rendered(*waiting.get_nowait(), recipe, out, bounds, sandbox))
        except Empty:
            pass
        except Exception as error:  # noqa: BLE001  it is raised where somebody hears of it
            ended.put(error)

    for _ in range(min(os.cpu_count() or 1, len(keys))):
        Thread(target=work, daemon=True).start()
    try:
        for _ in keys:
            done = ended.get()
            if isinstance(done, Exception):
                raise done
            yield done
    finally:
        stopped.set()


def rendered(key: str, file: Path, recipe: Recipe, out: Path, bounds: Bounds, sandbox: Sandbox) -> Rendered:
    """What became of one file, whatever happens over it."""
    began, sandbox.peak = time.monotonic(), 0
    try:
        key.encode()
        # Wall-clock time is bound more widely than the processor's: a busy machine is no fault of a picture.
        outcome = render_file(key, file, recipe, out, sandbox, ends=began + 2 * bounds.seconds + 10)
        status, manifest, code, reason = outcome.status, outcome.manifest, None, None
    except Exception as error:  # noqa: BLE001  a failure of this file, told like the others
        status, manifest, code, reason = "failed", None, *failure(error)
    seconds = time.monotonic() - began
    peak_mb = math.ceil(sandbox.peak / (1 << 20) * 10) / 10 if sandbox.peak else None
    return Rendered(key, file, status, manifest, code, reason, seconds, peak_mb)


def failure(error: Exception) -> tuple[str, str]:
    """Code and reason of a file that came to no end."""
    match error:
        case UnicodeEncodeError():
            return "name", "its name is not UTF-8, and S3 takes no other"
        case OutOfTime():
            return "timeout", str(error)
        case click.ClickException():
            return "path", error.format_message()
        case OSError(strerror=str(words), filename=str(name)):
            return "file", f"{name}: {words}"
    return "error", f"{type(error).__name__}: {error}"


def render_file(key: str, file: Path, recipe: Recipe, out: Path, sandbox: Sandbox, ends: float) -> Outcome:
    """Reconcile one file as the only source of an empty pair of buckets, and write what it left under `out`."""
    storage = MemoryStorage()
    with file.open("rb") as stream:  # what is too large is refused by its length, here as in the function
        body = stream.read(recipe.limits.source_bytes + 1)
    source = storage.upload(key, body)
    storage.sources[key] = (replace(source, bytes=file.stat().st_size), body)
    outcome = reconcile(key, recipe, storage, sandbox, Run(ends=ends))
    write_tree(out, ((name, rendition.body) for name, rendition in storage.renditions.items()))
    return outcome
