"""The benchmark: `npm run bench [-- --photos DIR] [--json]`, or `.venv/bin/python -m benchmarks`."""

import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from benchmarks import extras, installing
from benchmarks.before import at_commit
from benchmarks.bench import Bench
from benchmarks.comparing import compare
from benchmarks.contenders import cores
from benchmarks.measuring import ROOT, run
from benchmarks.tables import sections, written
from ops.files import caller_path

PAGE = ROOT / "docs" / "performance.md"
PHOTO_TYPES = {".jpg", ".jpeg"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--photos", type=click.Path(path_type=Path), help="A folder of JPEG photos; else some are made here.")
@click.option("--before", metavar="COMMIT", help="Measure the project at this commit too, in turns.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="Runs of each program.")
@click.option("--quick", is_flag=True, help="The contenders only: one round on two small photos.")
@click.option("--only", multiple=True, help="Only this contender, by its name in the JSON; may be repeated.")
@click.option("--no-extras", is_flag=True, help="The contenders only.")
@click.option(
    "--extra", "extra", multiple=True, help="This part of the extras alone, without the contenders; may be repeated."
)
@click.option("--write", is_flag=True, help="Put the tables into docs/performance.md too.")
def main(
    photos: Path | None,
    before: str | None,
    as_json: bool,
    rounds: int,
    quick: bool,
    only: tuple[str, ...],
    no_extras: bool,
    extra: tuple[str, ...],
    write: bool,
) -> None:
    """Measure what an upload costs: ours, sharp, libvips, the tutorial, and the codecs alone.

    Every program runs in a process of its own on one core, in turns; CPU is user and system time of all its processes.
    """
    installing.LOCAL.mkdir(parents=True, exist_ok=True)
    unknown = set(extra) - set(extras.PARTS)
    if unknown:
        raise click.UsageError(f"--extra is one of {', '.join(extras.PARTS)}")
    if write and (only or quick):
        raise click.UsageError("--write takes whole tables: leave out --only and --quick")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        files = photos_of(photos, scratch, quick)
        earlier = at_commit(before, scratch) if before else None
        rounds = 1 if quick else rounds
        today = datetime.now(UTC).date().isoformat()
        result: dict[str, Any] = {"date": today, "machine": machine(), "photos": len(files), "rounds": rounds}
        result["programs"], result["ratios"] = ({}, {}) if extra else compare(files, scratch, rounds, only, earlier)
        if not (quick or no_extras):
            result["also"] = extras.measure(Bench(files, scratch, rounds, earlier), extra)
    click.echo(json.dumps(result, indent=1) if as_json else "\n\n".join(sections(result)))
    if write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), sections(result)), encoding="utf-8")


def photos_of(folder: Path | None, scratch: Path, quick: bool) -> list[Path]:
    """The photos in the folder, or some that are made now."""
    if folder is None:
        made = scratch / "photos"
        made.mkdir()
        run([sys.executable, "-m", "benchmarks.photos", made, *(("2", "2016") if quick else ("4", "4032"))], cores=64)
        folder = made
    else:
        folder = caller_path(folder).resolve()
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PHOTO_TYPES)
    if not files:
        raise click.ClickException(f"there are no JPEG photos in {folder}")
    return files[:2] if quick else files


def machine() -> dict[str, str]:
    """What this was measured on and with."""
    versions = {name: metadata.version(name) for name in ("Pillow", "pi-heif", "botocore")}
    sharp = json.loads((installing.HERE / "package.json").read_text())["dependencies"]["sharp"]
    model = platform.processor()
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), model)
    return {
        "": f"{platform.system()} {platform.machine()}, {model}, {cores()} of {os.cpu_count()} cores",
        "Python": platform.python_version(),
        **versions,
        "sharp": sharp,
        "pyvips": installing.pinned_version("pyvips"),
        "libvips": installing.pinned_version("pyvips-binary"),
    }


if __name__ == "__main__":
    main(prog_name="npm run bench --")
