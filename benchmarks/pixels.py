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
    out = bench.folder("widths")
    program = [sys.executable, "-m", "benchmarks.programs.pixels"]
    answer([*program, out, ",".join(map(str, WIDTHS)), *bench.photos], environment=OURS)
    ours = similarity(out, bench.photos)
    rows: Rows = {f"{width} pixels": {"ours": ours[f"png-{width}"]} for width in WIDTHS if ours}
    shutil.rmtree(out)
    for one in contenders(bench.scratch):
        if one.name in ("sharp", "vips-chain") and not one.missing:
            out = bench.folder(f"widths-{one.name}")
            answer([*one.command[:-1], "lossless", out, *bench.photos], environment=one.environment)
            for kind, value in similarity(out, bench.photos).items():
                rows[f"{kind.removeprefix('png-')} pixels"][one.name] = value
            shutil.rmtree(out)
    least = min((row["ours"] for row in rows.values()), default=0.0)
    return {**rows, f"ours, the least (at least {LEAST_SIMILARITY})": least}
