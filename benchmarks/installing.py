"""What the contenders need, installed at the first run and never into the project's own environment."""

import hashlib
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import click

from benchmarks.measuring import ROOT

HERE = ROOT / "benchmarks"
LOCAL = ROOT / ".local" / "bench"
PYTHON_PACKAGES = LOCAL / "python"
ONLY_S3 = {"s3", "_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json"}
"""What of botocore's data an S3 client reads."""


def sharp() -> str:
    """Install sharp; the answer is why not, or nothing."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        return "Node and npm are not on PATH"
    return _once(
        "sharp", HERE / "package-lock.json", HERE / "node_modules", [npm, "ci", "--ignore-scripts", "--no-fund"], HERE
    )


def python_packages() -> str:
    """Install pyvips and the HEIC encoder; the answer is why not, or nothing."""
    wanted = HERE / "requirements.txt"
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "--upgrade"]
    return _once("pyvips", wanted, PYTHON_PACKAGES, [*pip, "--target", str(PYTHON_PACKAGES), "-r", str(wanted)], ROOT)


def _once(name: str, lock: Path, folder: Path, command: list[str], place: Path) -> str:
    stamp, wanted = folder / ".set-up", hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return ""
    click.echo(f"Setting up: {name}, for the benchmark only ...", err=True)
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        return f"{command[0]} failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    stamp.write_text(wanted)
    return ""


def lay_out_bare(folder: Path, package: Path) -> None:
    """Boto3 and Pillow with what they need and nothing else, as in a zip for Lambda: without compiled files.

    Pillow is taken from an unpacked `package`, where it is for the Python that runs there.
    """
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3"):
        for file in metadata.files(name) or ():
            parts = file.parts
            if parts[0] == ".." or parts[0].endswith(".dist-info") or file.suffix == ".pyc":
                continue
            if parts[:2] == ("botocore", "data") and parts[2] not in ONLY_S3:
                continue
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target)
    for name in ("PIL", "pillow.libs"):
        shutil.copytree(package / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def pinned_version(name: str) -> str:
    """The version of a package in the benchmark's own lock."""
    text = (HERE / "requirements.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(name)}==([\w.]+)", text, re.MULTILINE)
    return found[1] if found else ""
