"""Runs the packaged function on keys and prints what it did: started by verify_package, in another Python.

    exercise_package.py FOLDER PYTHON KEY...

FOLDER holds a second recipe. PYTHON starts the sandbox where this Python cannot start itself, as under emulation, and
is empty elsewhere. Only the standard library and the package itself: nothing else is there.
"""

import json
import sys
import time
from pathlib import Path


def peak_mb() -> int:
    """The most memory that this process has held; getrusage would count in what the one that started it had."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM:"))


def main(folder: str, python: str, keys: list[str]) -> None:
    """Invoke the packaged handler on the first key as packaged, then on all with the second recipe."""
    began = time.monotonic()
    sys.executable = python or sys.executable
    import handler  # noqa: PLC0415  from the unpacked package, first on the path; timed

    outcomes = handler.on_event({"keys": keys[:1]}, None)["outcomes"]
    first = time.monotonic() - began
    # In the same process: under emulation its start takes most of a minute.
    handler.wiring().sandbox.close()
    handler.wiring.cache_clear()
    handler.FOLDER = Path(folder)
    sandbox_peak = 0
    for key in keys:
        outcomes += handler.on_event({"keys": [key]}, None)["outcomes"]
        sandbox_peak = max(sandbox_peak, handler.wiring().sandbox.peak)
    summary = {
        "python": sys.version.split()[0],
        "outcomes": outcomes,
        "first_seconds": round(first, 2),
        "loop_mb": peak_mb(),
        "sandbox_mb": sandbox_peak >> 20,
    }
    sys.stdout.write(f"\n{json.dumps(summary)}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
