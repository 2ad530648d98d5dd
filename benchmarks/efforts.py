"""What each effort of an encoder costs and gains, beside the one that a recipe means that says nothing of it."""

import json
import sys
from pathlib import Path

import click

from benchmarks import installing
from benchmarks.bench import Bench, Rows
from benchmarks.contenders import VIPS
from benchmarks.measuring import answer
from benchmarks.programs.job import EFFORT, WIDTHS

CHOSEN = {"jpeg progressive and optimised", *(f"{name} {effort}" for name, effort in EFFORT.items())}


def measure(bench: Bench) -> Rows:
    """Each with its bytes against those of the default."""
    if missing := installing.python_packages():
        raise click.ClickException(missing)
    folder = bench.folder("efforts")
    widths = ",".join(map(str, WIDTHS))
    answer([sys.executable, "-m", "benchmarks.programs.pixels", folder, widths, *bench.photos])
    program: list[str | Path] = [sys.executable, "-m", "benchmarks.programs.efforts", folder]
    rows: Rows = json.loads(answer(program, environment=VIPS))
    defaults = {name.partition(" ")[0]: row["bytes"] for name, row in rows.items() if name in CHOSEN}
    for name, row in rows.items():
        row["of the default's bytes"] = f"{row.pop('bytes') / defaults[name.partition(' ')[0]]:.1%}"
    return {f"{name}{' (default)' * (name in CHOSEN)}": row for name, row in rows.items()}
