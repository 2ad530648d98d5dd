"""Who is compared, under which settings, and what ours shall not pass."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import installing
from benchmarks.measuring import ROOT
from benchmarks.programs.job import FORMATS, WIDTHS

PROGRAMS = Path(__file__).with_name("programs")
FILES_PER_PHOTO = len(WIDTHS) * len(FORMATS["defaults"])
VIPS = {"PYTHONPATH": str(installing.PYTHON_PACKAGES)}
OURS = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "134217728",
}
"""What the function's environment in serverless.yml says to the C library; the floor gets it too."""
SETTINGS = {
    "defaults": "Each at its own defaults, quality 80",
    "equal": "All at equal settings: quality 80, JPEG progressive and optimised, WebP effort 4",
}


@dataclass(frozen=True)
class Contender:
    """A program: `command` goes before the output folder and the photos; `missing` is why it can't be run here."""

    name: str
    title: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    settings: str = "defaults"
    folder: Path = ROOT


def contenders(pixels: Path, before: Path | None = None) -> list[Contender]:
    """Everybody, with what they need installed.

    `pixels` is the folder that the floor reads, and `before` holds the project as it was at another commit.
    """
    no_sharp, no_vips = installing.sharp(), installing.python_packages()
    node = shutil.which("node") or "node"
    own, floor = ([sys.executable, "-m", f"benchmarks.programs.{name}"] for name in ("ours", "floor"))
    vips, tutorial = ([sys.executable, str(PROGRAMS / f"{name}.py")] for name in ("vips", "tutorial"))
    sharp = [node, str(PROGRAMS / "sharp.mjs")]
    everybody = [
        Contender("ours", "ours", own, OURS),
        Contender("floor", "codec floor", [*floor, "ours", str(pixels)], OURS),
        Contender("floor-plain", "codec floor, Pillow's settings", [*floor, "plain", str(pixels)], OURS),
        Contender("sharp", "sharp, one pipeline per output", [*sharp, "each", "defaults"], {}, no_sharp),
        Contender("sharp-clone", "sharp, one input cloned", [*sharp, "clone", "defaults"], {}, no_sharp),
        Contender("vips", "pyvips, one thumbnail per output", [*vips, "each", "defaults"], VIPS, no_vips),
        Contender("vips-chain", "pyvips, decoded once in a chain", [*vips, "chain", "defaults"], VIPS, no_vips),
        Contender("tutorial", "tutorial function", [*tutorial, "defaults"]),
        Contender("ours-equal", "ours", [*own, "equal"], OURS, settings="equal"),
        Contender("floor-equal", "codec floor", [*floor, "equal", str(pixels)], OURS, settings="equal"),
        Contender("sharp-equal", "sharp, one pipeline per output", [*sharp, "each", "equal"], {}, no_sharp, "equal"),
        Contender(
            "vips-chain-equal", "pyvips, decoded once in a chain", [*vips, "chain", "equal"], VIPS, no_vips, "equal"
        ),
        Contender("tutorial-equal", "tutorial function", [*tutorial, "equal"], settings="equal"),
    ]
    if before:
        # The commit's own program: how it is called has not changed.
        everybody.insert(1, Contender("before", f"ours, at {before.name}", own, OURS, folder=before))
    return everybody


@dataclass(frozen=True)
class Target:
    """A ratio that ours shall not pass: `what` of ours by `what` of the contender, at the contender's settings."""

    contender: str
    what: str
    most: float


TARGETS = (
    Target("before", "cpu", 1.03),
    Target("before", "peak_mb", 1.20),
    Target("floor", "cpu", 1.30),
    Target("sharp", "cpu", 0.43),
    Target("vips-chain", "cpu", 0.68),
    Target("tutorial", "cpu", 0.40),
    Target("sharp", "peak_mb", 0.50),
    Target("sharp-equal", "cpu", 0.65),
    Target("vips-chain-equal", "cpu", 1.00),
)
LEAST_SIMILARITY = 0.997
"""Of the pixels of every width to the whole photo, before they are encoded."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
