"""`npm run verify-package`, on a package that is made of this project's own files and its own Python."""

import shutil
import stat
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import click
import pytest

from ops import verify_package
from ops.deployment import Deployment
from ops.verify_package import Runner, check_files, exercise, starter

ROOT = Path(__file__).parent.parent
HERE = Runner("natively", (sys.executable,))
DEPLOYMENT = Deployment(
    service="image-pipeline",
    stage="verify",
    region="eu-central-1",
    account="123456789012",
    raw="verify-raw",
    renditions="verify-renditions",
    raw_versioned=True,
    raw_removal="Delete",
    function="verify",
    failure_queue="verify-failures",
    handler="handler.on_event",
    environment={
        "RAW_BUCKET": "verify-raw",
        "RENDITIONS_BUCKET": "verify-renditions",
        "EXPECTED_BUCKET_OWNER": "123456789012",
        "POWERTOOLS_SERVICE_NAME": "verify",
        "POWERTOOLS_METRICS_NAMESPACE": "Verify",
    },
    timeout=120,
    memory=1769,
    retries=2,
    events=(),
)


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """What the zip unpacks to, the requirements excepted: this Python has them."""
    folder = tmp_path / "task"
    shutil.copytree(ROOT / "imaging", folder / "imaging", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("handler.py", "recipe.toml"):
        shutil.copy(ROOT / name, folder)
    verify_package.write_compiled(folder / "recipe.toml")
    return folder


def in_region(region: str) -> Deployment:
    """The deployment in a region, with buckets of its own."""
    raw, renditions = f"verify-raw-{region}", f"verify-renditions-{region}"
    environment = {**DEPLOYMENT.environment, "RAW_BUCKET": raw, "RENDITIONS_BUCKET": renditions}
    return replace(DEPLOYMENT, region=region, raw=raw, renditions=renditions, environment=environment)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a package for Linux does not run here")
@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1"])
def test_every_format_goes_through_the_package_in_every_region(
    unpacked: Path, aws_endpoint: str, region: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exercise(HERE, unpacked, in_region(region), aws_endpoint)
    printed = capsys.readouterr().out
    assert "init and first upload " in printed
    assert "MB in the loop and " in printed
    assert "7 sources (jpeg, png, webp, gif, tiff, avif, heic) x 5 formats published" in printed


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a package for Linux does not run here")
def test_a_python_that_cannot_start_itself_is_started_by_a_program(unpacked: Path, aws_endpoint: str) -> None:
    program = unpacked.parent / "emulator"
    program.write_text(f'#!/bin/sh\necho started >>{unpacked.parent}/starts\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    exercise(Runner("under emulation", (str(program),), emulated=True), unpacked, in_region("eu-west-1"), aws_endpoint)
    starts = (unpacked.parent / "starts").read_text().splitlines()
    assert len(starts) == 3  # the loop, and a sandbox for each recipe


def test_the_program_that_starts_the_sandbox_has_what_the_emulator_needs_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/a person's")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert starter(HERE, tmp_path) == ""
    program = Path(starter(Runner("emulated", ("/a b/python",), emulated=True), tmp_path))
    text = program.read_text()
    assert """export HOME='/home/a person'"'"'s'\n""" in text
    assert text.endswith("exec '/a b/python' \"$@\"\n")
    assert "secret" not in text
    assert program.stat().st_mode & stat.S_IXUSR


def library(processor: int, glibc: bytes = b"GLIBC_2.17") -> bytes:
    """What matters of a shared library."""
    return b"\x7fELF" + bytes(14) + processor.to_bytes(2, "little") + glibc


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a.so": library(183), "b.so": library(62)}, "the libraries are for arm64, x86_64"),
        ({"a.py": b""}, "the libraries are for no processor at all"),
        ({"a.so": library(183, b"GLIBC_2.38")}, r"a\.so needs glibc 2\.38; Lambda has 2\.34"),
    ],
)
def test_a_package_that_cannot_run_in_lambda_is_refused(tmp_path: Path, files: dict[str, bytes], says: str) -> None:
    with pytest.raises(click.ClickException, match=says):
        checked(tmp_path, files)


def checked(folder: Path, files: dict[str, bytes]) -> str:
    """The processor of a package that holds these files."""
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
        archive.extractall(folder / "task")
    return check_files(folder / "a.zip", folder / "task")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a.so": library(183) + bytes(1500)}, r"the zip has 1,\d+ bytes without its bytecode, and 1,000 is"),
        ({"a.so": library(183), "a.pyc": bytes(2500)}, r"the zip has 2,\d+ bytes, and 2,000 is the limit"),
    ],
)
def test_a_package_that_grows_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], says: str
) -> None:
    monkeypatch.setattr(verify_package, "LARGEST_ZIP", 2000)
    monkeypatch.setattr(verify_package, "LARGEST_WITHOUT_BYTECODE", 1000)
    with pytest.raises(click.ClickException, match=says):
        checked(tmp_path, files)


def test_a_package_of_one_processor_and_an_old_enough_glibc_is_that_processors(tmp_path: Path) -> None:
    assert checked(tmp_path, {"a.so": library(183, b"GLIBC_2.34"), "b/c.so.1": library(183)}) == "arm64"
