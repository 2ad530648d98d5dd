"""Who is compared, and the sentence under which each stands in the table."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import installing
from benchmarks.programs.job import FORMATS, WIDTHS

PROGRAMS = Path(__file__).with_name("programs")
FILES_PER_PHOTO = len(WIDTHS) * len(FORMATS)
VIPS = {"PYTHONPATH": str(installing.PYTHON_PACKAGES)}
OURS = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "134217728",
}
"""What the function's environment in serverless.yml says to the C library; the floor gets it too."""


@dataclass(frozen=True)
class Contender:
    """A program: `command` goes before the output folder and the photos; `missing` is why it can't be run here."""

    name: str
    title: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""


def contenders(pixels: Path) -> list[Contender]:
    """Everybody, with what they need installed; `pixels` is the folder that the floor reads."""
    no_sharp, no_vips = installing.sharp(), installing.python_packages()
    node = shutil.which("node") or "node"
    vips, sharp = str(PROGRAMS / "vips.py"), str(PROGRAMS / "sharp.mjs")
    own, floor = ([sys.executable, "-m", f"benchmarks.programs.{name}"] for name in ("ours", "floor"))
    return [
        Contender("ours", "ours", own, OURS),
        Contender("floor", "codec floor", [*floor, "ours", str(pixels)], OURS),
        Contender("floor-plain", "codec floor, Pillow's settings", [*floor, "plain", str(pixels)], OURS),
        Contender("sharp", "sharp, one pipeline per output", [node, sharp, "each"], {}, no_sharp),
        Contender("sharp-clone", "sharp, one input cloned", [node, sharp, "clone"], {}, no_sharp),
        Contender("vips", "pyvips, one thumbnail per output", [sys.executable, vips, "each"], VIPS, no_vips),
        Contender("vips-chain", "pyvips, decoded once in a chain", [sys.executable, vips, "chain"], VIPS, no_vips),
        Contender("tutorial", "tutorial function", [sys.executable, str(PROGRAMS / "tutorial.py")]),
    ]


@dataclass(frozen=True)
class Target:
    """A ratio that ours shall not pass: `what` of ours by `what` of the contender."""

    contender: str
    what: str
    most: float


TARGETS = (
    Target("floor", "cpu", 1.20),
    Target("sharp", "cpu", 0.65),
    Target("vips-chain", "cpu", 1.00),
    Target("tutorial", "cpu", 0.40),
    Target("sharp", "peak_mb", 0.50),
)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
