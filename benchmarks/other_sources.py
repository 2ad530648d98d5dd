"""What is no camera JPEG: ours, sharp and libvips on the same files."""

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from benchmarks import installing
from benchmarks.bench import Bench, Rows
from benchmarks.contenders import OURS, VIPS, Contender, contenders
from benchmarks.measuring import Figure, Run, figure, run

TIMES = 3
"""Each program makes each source so often in one run, so that its own start counts for little."""


def measure(bench: Bench) -> Rows:
    """CPU of one source, peak and bytes, at each program's defaults and at equal settings."""
    sources, out = bench.folder("sources"), bench.folder("sources-out")
    environment = VIPS if not installing.python_packages() else {}
    run([sys.executable, "-m", "benchmarks.sources", sources, bench.photos[0]], cores=64, environment=environment)
    everybody = contenders(bench.scratch)
    rows: Rows = {}
    for source in sorted(sources.iterdir()):
        animated = source.suffix == ".gif"  # an animation stays one in WebP alone
        for coding in ("animated", "animated-equal") if animated else ("defaults", "equal"):
            rows[f"{source.stem}, {coding}"] = _compared(bench.rounds, source, coding, everybody, out)
    avif = [_once(_ours("avif"), bench.photos[0], out) for _ in range(2)]
    rows["a photo, AVIF renditions alone"] = {"ours": _row(avif)}
    if not list(sources.glob("*.heic")):
        rows["heic-12mp"] = "missing: pillow-heif could not be installed"
    return rows


def _compared(rounds: int, source: Path, coding: str, everybody: Sequence[Contender], out: Path) -> Rows:
    """Each program's figures, or why it has none."""
    programs = {"ours": _ours(coding)}
    for one in everybody:
        if one.name in ("sharp", "vips-chain"):
            programs[one.title] = replace(one, command=[*one.command[:-1], coding])
    rows: Rows = {title: f"missing: {one.missing}" for title, one in programs.items() if one.missing}
    runs: dict[str, list[tuple[Run, int]]] = defaultdict(list)
    for _ in range(min(rounds, 3)):
        for title, program in programs.items():
            if title not in rows:
                try:
                    runs[title].append(_once(program, source, out))
                except click.ClickException as error:
                    rows[title] = f"cannot: {_reason(error.format_message().splitlines())}"
    return {title: rows.get(title) or _row(runs[title]) for title in programs}


def _ours(coding: str) -> Contender:
    return Contender("ours", "ours", [sys.executable, "-m", "benchmarks.programs.ours", coding], OURS)


def _once(program: Contender, source: Path, out: Path) -> tuple[Run, int]:
    for file in out.iterdir():
        file.unlink()
    took = run([*program.command, out, *[source] * TIMES], environment=program.environment)
    return took, sum(file.stat().st_size for file in out.iterdir())


def _row(done: Sequence[tuple[Run, int]]) -> Rows:
    cpu: Figure = figure([took.cpu / TIMES for took, _ in done])
    peak = figure([took.peak_mb for took, _ in done])
    return {"s of CPU": cpu.median, "MB at the peak": peak.median, "KB made": round(done[0][1] / 1000)}


def _reason(lines: Sequence[str]) -> str:
    """The line of a program's last words that says what went wrong."""
    return next((line.strip() for line in reversed(lines) if "rror" in line), lines[-1].strip())[:60]
