"""Has the bytecode of a package made by Lambda's Python, wherever there is one: asked by ops/framework.cjs.

`python -m ops.package_bytecode PACKAGE.zip [IMAGE]`, with the image of Docker in which pip runs too.
"""

import os
import subprocess
import sys
from pathlib import Path

from ops.pythons import LAMBDA, find

SCRIPT = Path(__file__).with_name("bytecode.py")


def main(package: Path, image: str | None) -> int:
    """Add the bytecode, or say why the package goes without it; only what goes wrong in between is a failure."""
    python = find(LAMBDA)
    if image:
        command = in_docker(package, image)
    elif python:
        command = [python, "-I", str(SCRIPT), str(package)]
    else:
        sys.stderr.write(
            f"There is no CPython {LAMBDA} here, so the package goes without bytecode and cold starts take longer. "
            f"Install python{LAMBDA}, or package with Docker.\n"
        )
        return 0
    return subprocess.run(command, check=False).returncode  # noqa: S603  our own script


def in_docker(package: Path, image: str) -> list[str]:
    """The command that adds it in the image; what it writes belongs to whoever called."""
    owner = ["--user", f"{os.getuid()}:{os.getgid()}"] if sys.platform != "win32" else []
    mounts = ["-v", f"{package.parent}:/package", "-v", f"{SCRIPT.parent}:/ops:ro"]
    script = ["python3", "-I", f"/ops/{SCRIPT.name}", f"/package/{package.name}"]
    return ["docker", "run", "--rm", *owner, *mounts, image, *script]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else None))
