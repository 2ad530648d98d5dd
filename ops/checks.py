"""Runs every check the project has, as `npm test` does: lint, format, types, then the tests.

All of them run even after one has failed, so that one run tells everything. The tests come last: their
summary names what could not be run on this machine and why.
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# `python -m`, so that the tools are the locked ones even when another version stands first on PATH.
CHECKS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "tests": ["pytest"],
}


def main(pytest_arguments: list[str]) -> int:
    """Return the exit code: 0 when every check passed, else 1."""
    failed: list[str] = []
    for heading, (tool, *arguments) in CHECKS.items():
        extra = pytest_arguments if tool == "pytest" else []
        sys.stdout.write(f"\n=== {heading}: {' '.join([tool, *arguments, *extra])}\n")
        if tool == "pytest" and failed:
            sys.stdout.write(f"(already failed: {', '.join(failed)}; see above)\n")
        sys.stdout.flush()
        started = time.monotonic()
        command = [sys.executable, "-m", tool, *arguments, *extra]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 (the caller's own words)
        if tool != "pytest":  # its own closing line says more, and stays the last
            sys.stdout.write(f"{'ok' if code == 0 else 'FAILED'} in {time.monotonic() - started:.1f} s\n")
        if code != 0:
            failed.append(heading)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
