"""The project as it was at another commit."""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import click

from benchmarks.measuring import ROOT, answer

REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")


def at_commit(commit: str, scratch: Path) -> Path:
    """A clone of this repository at `commit`, in a folder of `scratch` that is named by it."""
    git = shutil.which("git")
    if not git:
        raise click.ClickException("--before needs git")
    named = subprocess.run(  # noqa: S603
        [git, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if named.returncode:
        raise click.ClickException(f"--before: this repository has no commit {commit}")
    folder = scratch / named.stdout[:7]
    answer([git, "clone", "--quiet", "--shared", "--no-checkout", ROOT, folder])
    answer([git, "checkout", "--quiet", "--detach", named.stdout.strip()], folder=folder)
    (folder / ".local").mkdir()
    return folder


def lend_environment(folder: Path) -> None:
    """Give the clone an environment that finds our packages, and mark it as set up, so that nothing is installed.

    A link to our own would be set up anew by the clone's commands, by its own lists.
    """
    venv = folder / ".venv"
    answer([sys.executable, "-m", "venv", "--without-pip", venv])
    packages = venv / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    stamp = hashlib.sha256(b"".join((folder / name).read_bytes() for name in REQUIREMENTS))
    (venv / ".set-up").write_text(stamp.hexdigest(), encoding="utf-8")
    (folder / "node_modules").symlink_to(ROOT / "node_modules", target_is_directory=True)
