"""What an upload asks of S3, and how long it waits for it."""

import json
import statistics
import sys
from collections.abc import Sequence

from benchmarks.bench import Bench, Rows
from benchmarks.measuring import ROOT, answer
from ops.embedded_aws import embedded_aws
from ops.local import credentials
from ops.recipe import write_compiled

MOST_ROUND_TRIPS = 7
"""The manifest, the source's head, the source, the renditions side by side, the manifest, and the second look's two."""


def measure(bench: Bench) -> Rows:
    """Requests, CPU and round trips of a warm upload of the first photo and of a duplicate event."""
    write_compiled(ROOT / "recipe.toml")
    with embedded_aws(0, bench.scratch / "uploads.log") as endpoint:
        told = json.loads(
            answer(
                [sys.executable, "-m", "benchmarks.programs.uploads", bench.photos[0], str(4 * bench.rounds)],
                environment={**credentials("eu-central-1"), "AWS_ENDPOINT_URL": endpoint},
            )
        )
    published, unchanged = told["published"], told["unchanged"]
    return {
        "an upload that is published, requests": published["requests"],
        "an upload that is published": {
            "s": _median(published["near"], 0),
            "s of CPU": _median(published["near"], 1),
            "s with each request held for 30 ms": _median(published["far"], 0),
        },
        f"round trips, side by side counted once (at most {MOST_ROUND_TRIPS})": _median(published["far"], 2),
        "a source that is as it should be, requests": unchanged["requests"],
        "a source that is as it should be": {
            "ms": 1000 * _median(unchanged["near"], 0),
            "ms of CPU": 1000 * _median(unchanged["near"], 1),
        },
    }


def _median(runs: Sequence[Sequence[float]], which: int) -> float:
    return statistics.median(one[which] for one in runs)
