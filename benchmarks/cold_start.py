"""Cold starts out of the packages that would be deployed, in the Python of Lambda where this machine has it."""

import os
import platform
import statistics
import sys
import zipfile
from pathlib import Path

import click

from benchmarks import installing
from benchmarks.before import lend_environment
from benchmarks.bench import Bench, Rows
from benchmarks.measuring import ROOT, Run, answer, figure, in_turns, run
from ops.deployment import framework_environment
from ops.embedded_aws import embedded_aws
from ops.local import credentials
from ops.pythons import LAMBDA, find

PROCESSORS = {"x86_64": "x86_64", "aarch64": "arm64"}
ENVIRONMENT = {
    "RAW_BUCKET": "raw",
    "RENDITIONS_BUCKET": "renditions",
    "EXPECTED_BUCKET_OWNER": "123456789012",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "bench",
    "PYTHONDONTWRITEBYTECODE": "1",  # as in Lambda, where the code is read-only and nothing is compiled before
}
SMALL = (
    "import sys; from PIL import Image; i = Image.open(sys.argv[1]); i.draft('RGB', (400, 300)); i.save(sys.argv[2])"
)
MOST_OVER_BEFORE = 0.06
"""Seconds."""


def measure(bench: Bench) -> Rows:
    """The package of now, that of the commit before, and the least that a Python function on S3 must import."""
    python = find(LAMBDA)
    if not python or platform.machine() not in PROCESSORS or sys.platform != "linux":
        raise click.ClickException(f"it takes a CPython {LAMBDA} on Linux to run what Lambda would run")
    scratch = bench.folder("cold")
    small = scratch / "small.jpg"
    answer([sys.executable, "-c", SMALL, bench.photos[0], small])
    bare = scratch / "bare"
    rows: Rows = {}
    programs = {"bare: boto3, an S3 client, Pillow": (bare, ROOT, "cold_bare.py", "")}
    packages = {"now": ROOT}
    if bench.before:
        lend_environment(bench.before)
        packages["before"] = bench.before
    for name, root in packages.items():
        folder, size = packaged(root, scratch / name)
        rows[f"package {name}"] = {"MB zipped": size / 1e6, "with bytecode": _has_bytecode(folder)}
        programs[f"{name}: ready"] = (folder, root, "cold_package.py", "ready")
        programs[f"{name}: ready, and the first upload made"] = (folder, root, "cold_package.py", "upload")
        if root == ROOT:
            installing.lay_out_bare(bare, folder)

    def started(folder: Path, root: Path, program: str, until: str) -> Run:
        # -S: nothing of our environment. Buckets in memory come from ops, which is in no package.
        path = os.pathsep.join((str(folder), str(root)))
        command: list[str | Path] = [python, "-S", "-P", root / "benchmarks" / "programs" / program, until, small]
        environment = {**credentials("eu-central-1"), **ENVIRONMENT, "PYTHONPATH": path}
        return run(command, environment=environment, folder=folder)

    runs = in_turns(2 * bench.rounds, *(lambda one=one: started(*one) for one in programs.values()))
    cpu = {name: [one.cpu for one in done] for name, done in zip(programs, runs, strict=True)}
    for name, values in cpu.items():
        rows[name] = {"s of CPU": figure(values).median, "at least": min(values)}
    rows |= _compared(cpu)
    return rows


def _compared(cpu: dict[str, list[float]]) -> Rows:
    """The differences in each turn, since other work on the machine slows a whole turn."""

    def difference(one: str, other: str) -> float:
        return statistics.median(a - b for a, b in zip(cpu[one], cpu[other], strict=True))

    names = list(cpu)
    bare, ready, upload = names[:3]
    rows: Rows = {
        "now / bare, ready": statistics.median(a / b for a, b in zip(cpu[ready], cpu[bare], strict=True)),
        "the first upload, now, after being ready": {"s": difference(upload, ready)},
    }
    if "before: ready" in cpu:
        over = f"now - before, first upload made (at most {MOST_OVER_BEFORE})"
        rows["now - before, ready"] = {"s": difference(ready, "before: ready")}
        rows[over] = {"s": difference(upload, "before: ready, and the first upload made")}
    return rows


def packaged(root: Path, into: Path) -> tuple[Path, int]:
    """The package of the project in `root`, unpacked, and its bytes as a zip: as the framework makes it, for here."""
    processor = PROCESSORS[platform.machine()]
    log = into.with_suffix(".log")
    with embedded_aws(0, log) as endpoint:
        answer(
            [
                *(root / "node_modules" / ".bin" / "sls", "package", "--stage", "dev"),
                *("--package", into / "made", f"--param=architecture={processor}"),
            ],
            environment={**framework_environment(endpoint), "DOCKERIZE_PIP": "false"},
            folder=root,
        )
    package = next((into / "made").glob("*.zip"))
    with zipfile.ZipFile(package) as archive:
        archive.extractall(into / "task")
    return into / "task", package.stat().st_size


def _has_bytecode(folder: Path) -> bool:
    return any(folder.rglob("*.pyc"))
