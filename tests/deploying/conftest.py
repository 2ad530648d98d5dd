"""The project packaged once, in a copy of its own: others may be packaging in the tree at the same time."""

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops.deployment import framework_environment

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("serverless.yml", "package.json", "handler.py", "recipe.toml", "requirements.txt", "requirements-dev.txt")

Framework = Callable[..., str]


@dataclass(frozen=True)
class Package:
    """What `sls package` made: the CloudFormation template and the zip."""

    folder: Path
    template: dict[str, Any]
    zipped: Path

    def files(self) -> set[str]:
        """Return the names in the zip."""
        with zipfile.ZipFile(self.zipped) as archive:
            return set(archive.namelist())

    def resource(self, name: str) -> dict[str, Any]:
        """Return one resource of the template by its logical name."""
        found: dict[str, Any] = self.template["Resources"][name]
        return found

    def of_type(self, kind: str) -> dict[str, Any]:
        """Return the properties of all resources of a type, by logical name."""
        resources = self.template["Resources"].items()
        return {name: one["Properties"] for name, one in resources if one["Type"] == kind}


def read_package(folder: Path) -> Package:
    """Return the package that the framework left in `folder`."""
    template = json.loads((folder / "cloudformation-template-update-stack.json").read_text())
    return Package(folder, template, folder / "image-pipeline.zip")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the framework reads."""
    copy = tmp_path_factory.mktemp("project")
    for name in SHIPPED:
        shutil.copy(ROOT / name, copy)
    for name in ("imaging", "ops", "tests/events"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    if (ROOT / "overlays").exists():
        shutil.copytree(ROOT / "overlays", copy / "overlays")
    for name in ("node_modules", ".venv"):
        (copy / name).symlink_to(ROOT / name, target_is_directory=True)
    return copy


@pytest.fixture(scope="session")
def sls(project: Path, aws_endpoint: str) -> Framework:
    """Run the framework in the copy, against the embedded AWS, and return what it said."""

    def run(*arguments: str, fails: bool = False, **environment: str) -> str:
        done = subprocess.run(  # noqa: S603  (the locked framework)
            [project / "node_modules" / ".bin" / "sls", *arguments],
            cwd=project,
            env={**framework_environment(aws_endpoint), "DOCKERIZE_PIP": "false", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=540,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    return run


@pytest.fixture(scope="session")
def package(sls: Framework, project: Path) -> Package:
    """The stage dev, packaged without Docker."""
    sls("package", "--stage", "dev", "--package", "package-dev")
    return read_package(project / "package-dev")


@pytest.fixture(scope="session")
def docker() -> None:
    """Skip where there is no engine to package with."""
    if shutil.which("docker") is None:
        pytest.skip("packaging through Docker needs `docker`, which is not installed")
    said = subprocess.run(["docker", "info"], env=os.environ, capture_output=True, text=True, check=False)  # noqa: S607
    if said.returncode != 0:
        pytest.skip("packaging through Docker needs a running engine; `docker info` failed")
