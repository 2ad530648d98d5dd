"""Runs the packaged function on keys and prints what it did: started by verify_package, in another Python.

Only the standard library and the package itself: under emulation nothing else is there.
"""

import json
import sys
import time


def main(keys: list[str]) -> None:
    """Invoke the packaged handler on the first key as packaged, then on all with the recipe on standard input."""
    began = time.monotonic()
    import handler  # noqa: PLC0415  from the unpacked package, first on the path; timed

    outcomes = handler.on_event({"keys": keys[:1]}, None)["outcomes"]
    first = time.monotonic() - began
    # In the same process: under emulation its start takes most of a minute.
    handler.RECIPE.write_text(sys.stdin.read())
    handler.wiring.cache_clear()
    for key in keys:
        outcomes += handler.on_event({"keys": [key]}, None)["outcomes"]
    import resource  # noqa: PLC0415  Lambda is Linux

    told = {
        "python": sys.version.split()[0],
        "outcomes": outcomes,
        "first_seconds": round(first, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    sys.stdout.write(f"\n{json.dumps(told)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
