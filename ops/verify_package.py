"""Proves that the zip that would be deployed runs: `npm run verify-package`.

A green test suite says nothing of a wheel for the wrong processor. So the zip is unpacked, every shared library's
processor and glibc is read, and the function is executed out of it, on uploads that need every decoder and every
encoder: natively where the processor matches, else under emulation or in Docker. Under emulation the sandbox has no
filter of system calls and no bound of memory, for the emulator knows neither.
"""

import io
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import click
from PIL import Image

from ops.deployment import ROOT, Deployment, FrameworkError, framework, framework_environment, resolve
from ops.embedded_aws import embedded_aws
from ops.local import make_bucket
from ops.pythons import LAMBDA, answer, find
from ops.recipe import write_compiled

PROCESSORS = {62: "x86_64", 183: "arm64"}
"""What the 19th and 20th byte of an ELF file mean."""
NATIVE = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
LAMBDA_GLIBC = (2, 34)
"""Amazon Linux 2023's, on which python3.13 runs."""
LARGEST_ZIP = 20_000_000
LARGEST_WITHOUT_BYTECODE = 18_000_000
EVERY_FORMAT = '[[rendition]]\nname = "all"\nwidth = 200\nformats = ["webp", "avif", "jpeg", "png", "gif"]\n'
"""The recipe after the packaged one's: another fingerprint, so that everything is made again, by every encoder."""
NEEDED = ("PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME")
"""All of this process's environment that programs here get: what finds and runs them."""
WRITABLE = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF")


@dataclass(frozen=True)
class Runner:
    """A way to run Lambda's Python for the package's processor: what to call it, and the command's beginning.

    `emulated` means that the Python cannot start itself, so that the sandbox needs this command too.
    """

    name: str
    command: tuple[str, ...]
    emulated: bool = False


@click.command()
@click.option("--stage", default="dev", show_default=True, help="The stage to package.")
@click.option("--zip", "zipped", type=click.Path(exists=True, path_type=Path), help="This zip, instead of a new one.")
@click.option("--param", multiple=True, help="Passed to the framework, e.g. architecture=x86_64.")
def verify_package(stage: str, zipped: Path | None, param: tuple[str, ...]) -> None:
    """Run the zip that would be deployed.

    Checks its size and the processor and the glibc of its libraries first.
    """
    with tempfile.TemporaryDirectory() as scratch, embedded_aws(0, Path(scratch) / "aws.log") as endpoint:
        folder = Path(scratch)
        if zipped is None:
            zipped = package(stage, endpoint, folder / "package", param)
        unpacked = folder / "task"
        with zipfile.ZipFile(zipped) as archive:
            archive.extractall(unpacked)
        processor = check_files(zipped, unpacked)
        runner = find_runner(processor)
        deployment = resolve(stage, endpoint)
        exercise(runner, unpacked, deployment, endpoint)
    click.echo("The package runs.")


def package(stage: str, endpoint: str, folder: Path, params: Sequence[str]) -> Path:
    """Return the zip that a deployment of the stage would upload."""
    click.echo(f"Packaging stage {stage} ...")
    arguments = ["package", "--stage", stage, "--package", str(folder)]
    done = subprocess.run(  # noqa: S603  (the locked framework)
        [framework(), *arguments, *(f"--param={one}" for one in params)],
        cwd=ROOT,
        env=framework_environment(endpoint),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise FrameworkError(f"the framework could not package:\n{done.stdout}")
    return next(folder.glob("*.zip"))


def check_files(zipped: Path, unpacked: Path) -> str:
    """Return the one processor that all libraries are for, after checking size and glibc."""
    size = zipped.stat().st_size
    with zipfile.ZipFile(zipped) as archive:
        bytecode = sum(entry.compress_size for entry in archive.infolist() if entry.filename.endswith(".pyc"))
    for has, limit, what in (
        (size, LARGEST_ZIP, ""),
        (size - bytecode, LARGEST_WITHOUT_BYTECODE, " without its bytecode"),
    ):
        if has > limit:
            raise click.ClickException(f"the zip has {has:,} bytes{what}, and {limit:,} is the limit")
    processors, glibc = set(), (0, 0)
    libraries = [path for path in unpacked.rglob("*") if ".so" in path.suffixes]
    for library in libraries:
        content = library.read_bytes()
        processors.add(PROCESSORS.get(int.from_bytes(content[18:20], "little"), "unknown"))
        needs = max(((int(a), int(b)) for a, b in re.findall(rb"GLIBC_(\d+)\.(\d+)", content)), default=(0, 0))
        if needs > LAMBDA_GLIBC:
            wanted, there = (".".join(map(str, one)) for one in (needs, LAMBDA_GLIBC))
            raise click.ClickException(f"{library.relative_to(unpacked)} needs glibc {wanted}; Lambda has {there}")
        glibc = max(glibc, needs)
    if len(processors) != 1 or processors == {"unknown"}:
        raise click.ClickException(f"the libraries are for {', '.join(sorted(processors)) or 'no processor at all'}")
    (processor,) = processors
    needed = ".".join(map(str, glibc))
    click.echo(f"{size:,} bytes zipped, {bytecode:,} of them bytecode")
    click.echo(f"{len(libraries)} libraries, all for {processor}, glibc {needed} at most")
    return processor


def find_runner(processor: str) -> Runner:
    """Return a way to run the package here, or say what is missing."""
    native = sys.platform == "linux" and NATIVE.get(platform.machine()) == processor
    if native and (python := find(LAMBDA)):
        return Runner("natively", (python,))
    if processor == "arm64" and not native:
        emulator = os.environ.get("ARM64_PYTHON") or ROOT.parent / "shared" / "tools" / "arm64-python"
        if os.access(emulator, os.X_OK):
            return Runner("under emulation (this takes a few minutes)", (str(emulator),), emulated=True)
    image = f"public.ecr.aws/sam/build-python{LAMBDA}:latest-{processor}"
    # Only an image that is there already: pulling half a gigabyte is not what was asked for.
    if native and answer(["docker", "image", "inspect", "--format", "{{.Id}}", image]):
        return Runner("in Docker", ("docker", image))
    raise click.ClickException(
        f"The files are right, but nothing here can run Python {LAMBDA} for {processor}: "
        f"install CPython {LAMBDA} on an {processor} machine"
        + (", or name a program that runs it under emulation in ARM64_PYTHON." if processor == "arm64" else ".")
    )


def exercise(runner: Runner, unpacked: Path, deployment: Deployment, endpoint: str) -> None:
    """Upload one picture of every format, run the packaged function on it, and look at what it wrote."""
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=deployment.region,
        aws_access_key_id="embedded",
        aws_secret_access_key="embedded",  # noqa: S106  the embedded AWS takes anything
    )
    for bucket in (deployment.raw, deployment.renditions):
        make_bucket(s3, bucket, deployment.region)
    uploads = pictures()
    for key, body in uploads.items():
        s3.put_object(Bucket=deployment.raw, Key=key, Body=body)
    summary = run(runner, unpacked, deployment, endpoint, list(uploads))
    click.echo(
        f"executed {runner.name}, Python {summary['python']}: init and first upload {summary['first_seconds']} s, peak "
        f"{summary['loop_mb']} MB in the loop and {summary['sandbox_mb']} MB in the sandbox, of {deployment.memory}"
    )
    bad = [one for one in summary["outcomes"] if one["status"] != "published"]
    if bad:
        raise click.ClickException(f"not published: {json.dumps(bad)}")
    if (used := summary["loop_mb"] + summary["sandbox_mb"]) > deployment.memory:
        raise click.ClickException(f"{used} MB were used, and the function has {deployment.memory}")
    for key in uploads:
        check_renditions(s3, deployment.renditions, key)
    click.echo(f"{len(uploads)} sources ({', '.join(Path(key).suffix[1:] for key in uploads)}) x 5 formats published")


def pictures() -> dict[str, bytes]:
    """Return one small picture in every format that the function decodes."""
    picture = Image.linear_gradient("L").convert("RGB").resize((480, 320))
    bodies = {}
    for name in WRITABLE:
        buffer = io.BytesIO()
        picture.save(buffer, name)
        bodies[f"verify/picture.{name.lower()}"] = buffer.getvalue()
    bodies["verify/picture.heic"] = (ROOT / "ops" / "samples" / "picture.heic").read_bytes()
    return bodies


def run(runner: Runner, unpacked: Path, deployment: Deployment, endpoint: str, keys: Sequence[str]) -> dict[str, Any]:
    """Return what the packaged function tells after reconciling the keys."""
    second = unpacked / "second-recipe"
    second.mkdir(exist_ok=True)
    (second / "recipe.toml").write_text(EVERY_FORMAT, encoding="utf-8")
    write_compiled(second / "recipe.toml")
    environment = {
        **deployment.environment,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "embedded",
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "AWS_REGION": deployment.region,
        "AWS_DEFAULT_REGION": deployment.region,
        "PYTHONPATH": str(unpacked),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_FUNCTION_NAME": f"{deployment.service}-{deployment.stage}-renditions",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory),
    }
    script = ROOT / "ops" / "exercise_package.py"
    if runner.command[0] == "docker":
        mounts = ["-v", f"{unpacked}:/var/task", "-v", f"{script.parent}:/exercise:ro"]
        variables = [f"--env={k}={v}" for k, v in (environment | {"PYTHONPATH": "/var/task"}).items()]
        start = ["docker", "run", "--rm", "-i", "--network=host", *mounts, *variables, runner.command[1]]
        command = [*start, "python3", f"/exercise/{script.name}", f"/var/task/{second.name}", "", *keys]
    else:
        # -P: the script's own folder must not come before the package.
        command = [*runner.command, "-P", str(script), str(second), starter(runner, unpacked), *keys]
    # Nothing of this process's environment but what finds and runs the program.
    inherited = {name: os.environ[name] for name in NEEDED if name in os.environ}
    done = subprocess.run(  # noqa: S603  (our own script)
        command, env={**inherited, **environment}, cwd=unpacked, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise click.ClickException(f"the package did not run:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    summary: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return summary


def starter(runner: Runner, folder: Path) -> str:
    """A program that starts the emulated Python in the sandbox's bare environment; empty where none is needed."""
    if not runner.emulated:
        return ""
    program = folder / "emulated-python"
    variables = "".join(f"export {name}={shlex.quote(os.environ[name])}\n" for name in NEEDED if name in os.environ)
    program.write_text(f'#!/bin/sh\n{variables}exec {shlex.join(runner.command)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def check_renditions(s3: Any, bucket: str, key: str) -> None:
    """Refuse a manifest whose files are not there or are not what it says."""
    manifest = json.load(s3.get_object(Bucket=bucket, Key=f"{key}/manifest.json")["Body"])
    formats = set()
    for rendition in manifest["renditions"]:
        body = s3.get_object(Bucket=bucket, Key=rendition["key"])["Body"].read()
        with Image.open(io.BytesIO(body)) as image:
            image.load()
            same = (image.width, image.height) == (rendition["width"], rendition["height"])
        if not same or len(body) != rendition["bytes"]:
            raise click.ClickException(f"{rendition['key']} is not what the manifest says")
        formats.add(rendition["format"])
    if len(formats) != len(manifest["renditions"]):
        raise click.ClickException(f"{key} has {sorted(formats)} only")
