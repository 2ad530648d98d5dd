"""The CPythons of this machine, by version."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LAMBDA = "3.13"
"""The version that the function runs on; serverless.yml says it too."""
PROBE = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], sys.version_info.releaselevel)"


def find(version: str) -> str | None:
    """A CPython of that version: this one, one on PATH, or one that pyenv keeps; None where there is none."""
    wanted = f"cpython {version} final"
    return next((each for each in candidates(version) if answer([each, "-I", "-c", PROBE]) == wanted), None)


def candidates(version: str) -> Iterator[str]:
    """Where a CPython of that version may be."""
    yield sys.executable
    yield f"python{version}"
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from (str(folder / "bin" / "python3") for folder in sorted(kept.glob(f"{version}*")))


def answer(command: list[str]) -> str:
    """What a program prints, or nothing where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  names of our own
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
