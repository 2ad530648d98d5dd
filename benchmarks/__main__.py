"""The benchmark: `npm run bench [-- --photos DIR] [--json]`, or `.venv/bin/python -m benchmarks`."""

import json
import os
import platform
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from benchmarks import extras, installing
from benchmarks.contenders import FILES_PER_PHOTO, TARGETS, contenders, cores
from benchmarks.measuring import Figure, Run, figure, run
from ops.files import caller_path

PHOTO_TYPES = {".jpg", ".jpeg"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--photos", type=click.Path(path_type=Path), help="A folder of JPEG photos; else some are made here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="Runs of each program.")
@click.option("--quick", is_flag=True, help="The contenders only: one round on two small photos.")
@click.option("--only", multiple=True, help="Only this contender, by its name in the JSON; may be repeated.")
@click.option("--no-extras", is_flag=True, help="The contenders only.")
def main(photos: Path | None, as_json: bool, rounds: int, quick: bool, only: tuple[str, ...], no_extras: bool) -> None:
    """Measure what an upload costs: ours, sharp, libvips, the tutorial, and the codecs alone.

    Every program runs in a process of its own on one core, in turns; CPU is user and system time of the whole process.
    """
    installing.LOCAL.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        files = _photos(photos, scratch, quick)
        result: dict[str, Any] = {"machine": _machine(), "photos": len(files), "rounds": 1 if quick else rounds}
        result["programs"] = _compare(files, scratch, result["rounds"], only)
        result["ratios"] = _ratios(result["programs"])
        if not (quick or no_extras):
            result["also"] = extras.measure(files, scratch, rounds)
    click.echo(json.dumps(result, indent=1) if as_json else _tables(result))


def _photos(folder: Path | None, scratch: Path, quick: bool) -> list[Path]:
    if folder is None:
        made = scratch / "photos"
        made.mkdir()
        run([sys.executable, "-m", "benchmarks.photos", made, *(("2", "2016") if quick else ("4", "4032"))], cores=64)
        folder = made
    else:
        folder = caller_path(folder)
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PHOTO_TYPES)
    if not files:
        raise click.ClickException(f"there are no JPEG photos in {folder}")
    return files[:2] if quick else files


def _compare(files: list[Path], scratch: Path, rounds: int, only: tuple[str, ...]) -> dict[str, Any]:
    pixels = scratch / "pixels"
    pixels.mkdir()
    run([sys.executable, "-m", "benchmarks.programs.pixels", pixels, *files], cores=64)
    everybody = [one for one in contenders(pixels) if not only or one.name in only]
    runs: dict[str, list[Run]] = defaultdict(list)
    answer: dict[str, Any] = {one.name: {"title": one.title, "missing": one.missing} for one in everybody}
    with progress(rounds * len(everybody), "programs") as advance:
        for _ in range(rounds):
            for one in everybody:
                if not answer[one.name]["missing"]:
                    out = scratch / "out"
                    out.mkdir()
                    try:
                        runs[one.name].append(run([*one.command, out, *files], environment=one.environment))
                        made = [file.stat().st_size for file in out.iterdir()]
                        if len(made) != FILES_PER_PHOTO * len(files):
                            raise click.ClickException(f"{one.title} made {len(made)} files")
                        answer[one.name]["bytes"] = sum(made)
                    except click.ClickException as error:
                        answer[one.name]["missing"] = error.format_message()
                    shutil.rmtree(out)
                advance()
    for name, done in runs.items():
        if not answer[name]["missing"]:
            for what in ("cpu", "wall", "peak_mb"):
                answer[name][what] = asdict(figure([getattr(one, what) for one in done]))
    return answer


@contextmanager
def progress(length: int, label: str) -> Iterator[Any]:
    """A bar on a terminal, and nothing where there is none."""
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield lambda: bar.update(1)


def _ratios(programs: dict[str, Any]) -> dict[str, Any]:
    """Ours by each of the others; the targets' are marked with theirs."""
    ours = programs.get("ours", {})
    targets = {(target.contender, target.what): target.most for target in TARGETS}
    return {
        f"{what} / {name}": {
            "value": round(ours[what]["median"] / other[what]["median"], 3),
            "at_most": targets.get((name, what)),
        }
        for what in ("cpu", "peak_mb")
        for name, other in programs.items()
        if name != "ours" and what in other and what in ours
    }


def _machine() -> dict[str, str]:
    versions = {name: metadata.version(name) for name in ("Pillow", "pi-heif", "botocore")}
    sharp = json.loads((installing.HERE / "package.json").read_text())["dependencies"]["sharp"]
    model = platform.processor()
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), model)
    return {
        "system": f"{platform.system()} {platform.machine()}, {model}, {cores()} of {os.cpu_count()} cores",
        "python": platform.python_version(),
        **versions,
        "sharp": sharp,
        "pyvips": extras.pinned_version("pyvips"),
        "libvips": extras.pinned_version("pyvips-binary"),
    }


def _tables(result: dict[str, Any]) -> str:
    lines = [f"{name} {version}" for name, version in result["machine"].items()]
    lines = [
        ", ".join(lines),
        f"{result['photos']} photos, median (least-most) of {result['rounds']} runs, one core",
        "",
    ]
    lines.append(f"{'program':<34}{'CPU s':>22}{'peak MB':>9}{'MB made':>9}")
    for one in result["programs"].values():
        if one["missing"]:
            lines.append(f"{one['title']:<34}  missing: {one['missing']}")
            continue
        cpu = Figure(**one["cpu"])
        spread = f"{cpu.median:.2f} ({cpu.least:.2f}-{cpu.most:.2f})"
        lines.append(f"{one['title']:<34}{spread:>22}{one['peak_mb']['median']:>9.0f}{one['bytes'] / 1e6:>9.2f}")
    lines += ["", f"{'ours / the other':<34}{'ratio':>8}{'at most':>9}"]
    for name, ratio in result["ratios"].items():
        lines.append(_ratio_line(name, ratio["value"], ratio["at_most"]))
    for heading, rows in result.get("also", {}).items():
        lines += ["", heading]
        for name, row in rows.items():
            lines.append(f"  {name:<50} {_said(row)}")
    return "\n".join(lines)


def _ratio_line(name: str, value: float, most: float | None) -> str:
    verdict = "" if most is None else "  reached" if value <= most else "  missed"
    return f"{name:<34}{value:>8.2f}{'' if most is None else format(most, '9.2f')}{verdict}"


def _said(row: Any) -> str:
    if isinstance(row, dict):
        return ", ".join(f"{_number(value)} {name}" for name, value in row.items())
    return str(_number(row))


def _number(value: Any) -> Any:
    return (
        f"{value:.3g}"
        if isinstance(value, float) and abs(value) < 100
        else f"{value:.0f}"
        if isinstance(value, float)
        else value
    )


if __name__ == "__main__":
    main(prog_name="npm run bench --")
