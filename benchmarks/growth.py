"""How the cost of one picture grows with its pixels."""

import json
import sys
from pathlib import Path

from benchmarks.bench import Bench, Rows
from benchmarks.contenders import OURS
from benchmarks.measuring import answer


def measure(bench: Bench) -> Rows:
    """CPU of one JPEG by its megapixels, all four renditions made of each but the smallest."""
    program: list[str | Path] = [sys.executable, "-m", "benchmarks.programs.growth", bench.photos[0], str(bench.rounds)]
    rows: Rows = json.loads(answer(program, environment=OURS))
    return rows
