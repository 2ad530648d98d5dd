"""What is measured besides: other sources, AVIF, cores, memory of a huge JPEG, cold starts, requests, throughput."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks import contenders, installing
from benchmarks.contenders import PROGRAMS, VIPS, cores
from benchmarks.measuring import ROOT, Run, figure, run
from ops.embedded_aws import embedded_aws, free_port
from ops.local import credentials

Rows = dict[str, Any]
UPLOADS = 200


def measure(files: list[Path], scratch: Path, rounds: int) -> dict[str, Rows]:
    """Everything, by heading."""
    parts: dict[str, Callable[[], Rows]] = {
        "Other sources (four widths as JPEG and WebP; of the photos on average)": lambda: _sources(
            files, scratch, rounds
        ),
        "Wall time on one core and on two": lambda: _cores(files, scratch, rounds),
        "Cold start, from source as in the package": lambda: _cold_start(files[0], scratch, 2 * rounds),
        "A source that is as it should be": lambda: _unchanged(files[0], scratch),
        f"npm start -- --once, {UPLOADS} photos of 1 megapixel": lambda: _throughput(scratch),
    }
    answer = {}
    for heading, part in parts.items():
        click.echo(f"{heading} ...", err=True)
        try:
            answer[heading] = part()
        except click.ClickException as error:
            answer[heading] = {"missing": error.format_message()}
    return answer


def _ours(*arguments: str | Path, cores: int = 1) -> Run:
    command = [sys.executable, "-m", "benchmarks.programs.ours", *arguments]
    return run(command, cores=cores, environment=contenders.OURS)


def _repeated(rounds: int, *commands: Callable[[], Run]) -> list[list[Run]]:
    """The runs of each command, interleaved."""
    runs: list[list[Run]] = [[] for _ in commands]
    for _ in range(rounds):
        for command, done in zip(commands, runs, strict=True):
            done.append(command())
    return runs


def _sources(files: list[Path], scratch: Path, rounds: int) -> Rows:
    folder, out = scratch / "sources", scratch / "sources-out"
    folder.mkdir()
    out.mkdir()
    environment = VIPS if not installing.python_packages() else {}
    run([sys.executable, "-m", "benchmarks.sources", folder, files[0]], cores=64, environment=environment)
    started = figure([_ours(out).cpu for _ in range(3)]).median
    rows: Rows = {"(the interpreter with everything imported)": {"CPU s": started}}
    sources = [(source.stem, f"{out}", [source]) for source in sorted(folder.iterdir())]
    sources.append(("avif renditions of the photos", f"{out},avif", files[:1]))
    for name, into, of in sources:
        (runs,) = _repeated(min(rounds, 3), lambda into=into, of=of: _ours(into, *of))  # type: ignore[misc]
        rows[name] = {
            "CPU s": figure([one.cpu for one in runs]).median - started,
            "MB at the peak": figure([one.peak_mb for one in runs]).median,
        }
    if "heic" not in rows:
        rows["heic"] = "missing: pillow-heif could not be installed"
    return rows


def _cores(files: list[Path], scratch: Path, rounds: int) -> Rows:
    if cores() < 2:
        return {"missing": "this machine has one core"}
    out = scratch / "cores-out"
    out.mkdir()
    one, two = _repeated(rounds, lambda: _ours(out, *files), lambda: _ours(out, *files, cores=2))
    walls = [figure([each.wall for each in runs]) for runs in (one, two)]
    return {
        "one core": {"s": walls[0].median},
        "two cores": {"s": walls[1].median, "MB at the peak": figure([each.peak_mb for each in two]).median},
        "two / one (at most 0.60)": walls[1].median / walls[0].median,
    }


def _cold_start(photo: Path, scratch: Path, rounds: int) -> Rows:
    package, bare = installing.LOCAL / "package", installing.LOCAL / "bare"
    installing.lay_out_package(package)
    installing.lay_out_bare(bare)
    small = scratch / "small.jpg"
    run([sys.executable, "-c", _SMALL, photo, small])
    environment = {**credentials("eu-central-1"), "RAW_BUCKET": "raw", "RENDITIONS_BUCKET": "renditions"}
    environment |= {"EXPECTED_BUCKET_OWNER": "123456789012", "AWS_EC2_METADATA_DISABLED": "true"}
    environment |= {"POWERTOOLS_SERVICE_NAME": "bench", "POWERTOOLS_METRICS_NAMESPACE": "bench"}

    def start(folder: Path, program: str, *arguments: str | Path) -> Run:
        # -S: nothing of our environment; -B: as in Lambda, where the code is read-only and nothing is compiled before.
        path = os.pathsep.join((str(folder), str(ROOT)))
        command = [sys.executable, "-S", "-B", PROGRAMS / program, *arguments]
        return run(command, environment={**environment, "PYTHONPATH": path})

    runs = _repeated(
        rounds,
        lambda: start(bare, "cold_bare.py"),
        lambda: start(package, "cold_package.py", "ready"),
        lambda: start(package, "cold_package.py", "upload", small),
    )
    names = ("bare: boto3, an S3 client, Pillow", "ours: ready", "ours: ready and the first upload made")
    figures = [figure([each.cpu for each in done]) for done in runs]
    rows: Rows = {name: {"CPU s": each.median} for name, each in zip(names, figures, strict=True)}
    rows["ready / bare (at most 1.00)"] = figures[1].median / figures[0].median
    rows["first upload / bare"] = figures[2].median / figures[0].median
    return rows


_SMALL = (
    "import sys; from PIL import Image; i = Image.open(sys.argv[1]); i.draft('RGB', (400, 300)); i.save(sys.argv[2])"
)


def _unchanged(photo: Path, scratch: Path) -> Rows:
    with embedded_aws(free_port(), scratch / "aws.log") as endpoint:
        done = subprocess.run(  # noqa: S603  our own program
            [sys.executable, "-m", "benchmarks.programs.unchanged", str(photo)],
            cwd=ROOT,
            env={**os.environ, **credentials("eu-central-1"), "AWS_ENDPOINT_URL": endpoint},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise click.ClickException(done.stderr.strip().splitlines()[-1])
    said: Rows = json.loads(done.stdout)
    return said


def _throughput(scratch: Path) -> Rows:
    folder, made = scratch / "uploads", scratch / "uploads-made"
    folder.mkdir()
    made.mkdir()
    run([sys.executable, "-m", "benchmarks.photos", made, "4", "1200"], cores=64)
    photos = sorted(made.iterdir())
    for number in range(UPLOADS):
        shutil.copyfile(photos[number % len(photos)], folder / f"photo-{number:03}.jpg")
    once = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "ops", "start", "--once", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    told = re.search(r"(\d+) of \d+ published in ([\d.]+) s", once.stderr)
    if once.returncode or not told:
        raise click.ClickException((once.stderr.strip().splitlines() or ["it said nothing"])[-1])
    seconds = float(told[2])
    alone = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "ops", "render", "--json", "--out", str(scratch / "uploads-out"), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    pictures = sum(json.loads(line)["seconds"] for line in alone.stdout.splitlines() if line.startswith("{")) / cores()
    return {
        "published": int(told[1]),
        "seconds": seconds,
        "photos per second": UPLOADS / seconds,
        "seconds of these for the pictures (ops render)": pictures,
        "seconds for S3, the embedded AWS and its events": seconds - pictures,
    }


def pinned_version(name: str) -> str:
    """The version of a package in the benchmark's own lock."""
    text = (installing.HERE / "requirements.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(name)}==([\w.]+)", text, re.MULTILINE)
    return found[1] if found else ""
