"""How true the pixels of every width are, ours and the others', before they are encoded."""

import shutil
import sys

from benchmarks.bench import Bench, Rows
from benchmarks.comparing import similarity
from benchmarks.contenders import LEAST_SIMILARITY, OURS, contenders
from benchmarks.measuring import answer

WIDTHS = (160, 320, 480, 640, 960, 1280, 1600, 1920)


def measure(bench: Bench) -> Rows:
    """By width: of ours as one recipe of eight widths, of sharp and libvips at their four."""
    rows: Rows = {}
    program = [sys.executable, "-m", "benchmarks.programs.pixels"]
    out = bench.folder("widths")
    answer([*program, out, ",".join(map(str, WIDTHS)), *bench.photos], environment=OURS)
    rows["ours"] = _by_width(similarity(out, bench.photos))
    rows[f"ours, least (at least {LEAST_SIMILARITY})"] = min(rows["ours"].values(), default=0.0)
    shutil.rmtree(out)
    others = {one.name: one for one in contenders(bench.scratch) if one.name in ("sharp", "vips-chain")}
    for one in others.values():
        if one.missing:
            rows[one.title] = f"missing: {one.missing}"
            continue
        out = bench.folder(f"widths-{one.name}")
        answer([*one.command[:-1], "lossless", out, *bench.photos], environment=one.environment)
        rows[one.title] = _by_width(similarity(out, bench.photos))
        shutil.rmtree(out)
    return rows


def _by_width(alike: dict[str, float]) -> Rows:
    widths = {int(kind.rpartition("-")[2]): value for kind, value in alike.items()}
    return {f"at {width}": widths[width] for width in sorted(widths)}
