"""Two hundred photos on this machine: by `ops render`, and through the whole local stack."""

import json
import re
import shutil
import subprocess
import sys
import time

import click

from benchmarks.bench import Bench, Rows
from benchmarks.contenders import cores
from benchmarks.measuring import ROOT, failed, run

UPLOADS = 200
WIDTH = 1200
MOST_OVER_PICTURES = 1.1
MOST_OVER_RENDER = 1.5
MOST_SECONDS_TO_START = 3.0
READY = "The pipeline works."


def measure(bench: Bench) -> Rows:
    """Wall seconds of each, against the pictures' own CPU over the cores, and until `npm start` shows that it works."""
    folder, made = bench.folder("uploads"), bench.folder("uploads-made")
    run([sys.executable, "-m", "benchmarks.photos", made, "4", str(WIDTH)], cores=64)
    photos = sorted(made.iterdir())
    for number in range(UPLOADS):
        shutil.copyfile(photos[number % len(photos)], folder / f"photo-{number:03}.jpg")
    ops = [sys.executable, "-m", "ops"]
    render, printed = _timed([*ops, "render", "--json", "--out", str(bench.scratch / "rendered"), str(folder)])
    pictures = sum(json.loads(line)["seconds"] for line in printed.splitlines() if line.startswith("{")) / cores()
    _, said = _timed([*ops, "start", "--once", str(folder)], errors=True)
    once = re.search(r"(\d+) of \d+ published in ([\d.]+) s", said)
    if not once:
        raise click.ClickException(f"npm start -- --once said nothing of what was published:\n{said[-500:]}")
    seconds = float(once[2])
    return {
        "ops render": {"s": render, "s the pictures' own, over the cores": pictures},
        f"ops render / the pictures' own (at most {MOST_OVER_PICTURES})": render / pictures,
        "npm start -- --once": {"published": int(once[1]), "s": seconds, "photos a second": UPLOADS / seconds},
        f"npm start -- --once / ops render (at most {MOST_OVER_RENDER})": seconds / render,
        f"npm start shows that it works (at most {MOST_SECONDS_TO_START:g} s)": {"s": _seconds_to_start(ops)},
    }


def _timed(command: list[str], *, errors: bool = False) -> tuple[float, str]:
    """Wall seconds of one of our commands, and what it printed as its answer or as its progress."""
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise failed(command, done.returncode, done.stderr)
    return time.monotonic() - began, done.stderr if errors else done.stdout


def _seconds_to_start(ops: list[str]) -> float:
    """Until a picture that the stack uploads itself is published."""
    began = time.monotonic()
    with subprocess.Popen(  # noqa: S603
        [*ops, "start", "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as stack:
        try:
            assert stack.stdout is not None
            if not any(READY in line for line in stack.stdout):
                raise click.ClickException("npm start ended before it was ready")
            return time.monotonic() - began
        finally:
            stack.terminate()
