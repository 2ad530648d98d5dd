"""All contenders over the same photos, in turns: CPU, memory, bytes, and how alike the files are to the photos."""

import json
import shutil
import statistics
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from benchmarks import installing
from benchmarks.contenders import FILES_PER_PHOTO, PROGRAMS, TARGETS, VIPS, Contender, contenders
from benchmarks.measuring import Run, answer, figures, ratio, run
from benchmarks.programs.job import WIDTHS

Rows = dict[str, Any]


def compare(
    photos: list[Path], scratch: Path, rounds: int, only: Collection[str], before: Path | None
) -> tuple[Rows, Rows]:
    """What each contender took, by its name, and what ours took by what the others took."""
    pixels = scratch / "pixels"
    bare_pixels(photos, pixels, scratch / "pixels-png")
    everybody = [one for one in contenders(pixels, before) if not only or one.name in only]
    runs: dict[str, list[Run]] = defaultdict(list)
    programs: Rows = {
        one.name: {"title": one.title, "settings": one.settings, "missing": one.missing} for one in everybody
    }
    with progress(rounds * len(everybody), "programs") as advance:
        for _ in range(rounds):
            for one in everybody:
                about = programs[one.name]
                if not about["missing"]:
                    try:
                        runs[one.name].append(_once(one, photos, scratch, about))
                    except click.ClickException as error:
                        about["missing"] = error.format_message()
                advance()
    for name, done in runs.items():
        if not programs[name]["missing"]:
            programs[name] |= figures(done)
    return programs, _ratios(programs, runs)


def bare_pixels(photos: Sequence[Path], into: Path, scratch: Path) -> None:
    """Every rendition's pixels, for the codec floor."""
    for folder in (into, scratch):
        folder.mkdir()
    program = [sys.executable, "-m", "benchmarks.programs.pixels"]
    answer([*program, scratch, ",".join(map(str, WIDTHS)), *photos])
    answer([sys.executable, PROGRAMS / "unpacked.py", into, scratch])
    shutil.rmtree(scratch)


def similarity(folder: Path, photos: Sequence[Path]) -> dict[str, float]:
    """How alike the files in the folder are to their photos, by kind; nothing where pyvips is missing."""
    if installing.python_packages():
        return {}
    alike: dict[str, float] = json.loads(
        answer([sys.executable, PROGRAMS / "similarity.py", folder, *photos], environment=VIPS)
    )
    return alike


def _once(one: Contender, photos: Sequence[Path], scratch: Path, about: Rows) -> Run:
    """One run. The first one's files are weighed and compared with the photos."""
    out = scratch / "out"
    out.mkdir()
    try:
        took = run([*one.command, out, *photos], environment=one.environment, folder=one.folder)
        sizes = [file.stat().st_size for file in out.iterdir()]
        if len(sizes) != FILES_PER_PHOTO * len(photos):
            raise click.ClickException(f"{one.title} made {len(sizes)} files")
        if "bytes" not in about:
            alike = similarity(out, photos)
            mean = statistics.mean(alike.values()) if alike else None
            about |= {"bytes": sum(sizes), "similarity": mean, "similarity_of_each": alike}
    finally:
        shutil.rmtree(out)
    return took


def _ratios(programs: Rows, runs: dict[str, list[Run]]) -> Rows:
    """Ours by each of the others at the same settings; the targets' are marked with theirs."""
    targets = {(target.contender, target.what): target.most for target in TARGETS}
    ours = {"defaults": "ours", "equal": "ours-equal"}
    return {
        f"{what} / {name}": {
            "value": round(ratio(runs[own], runs[name], what), 3),
            "at_most": targets.get((name, what)),
        }
        for what in ("cpu", "peak_mb")
        for name, other in programs.items()
        if name != (own := ours[other["settings"]]) and what in other and what in programs.get(own, {})
    }


@contextmanager
def progress(length: int, label: str) -> Iterator[Any]:
    """A bar on a terminal, and nothing where there is none."""
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield lambda: bar.update(1)
