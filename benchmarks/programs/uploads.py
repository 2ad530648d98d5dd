"""Uploads to the buckets of AWS_ENDPOINT_URL, `PROGRAM PHOTO ROUNDS`: what each asks of S3, and what it waits for.

In every other upload each request is held for 30 ms on its way out, as if S3 were that far. Requests that are held side
by side are one round trip. Prints JSON.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imaging.publishing.reconciling import reconcile
from imaging.publishing.run import Run
from imaging.publishing.storage import S3Storage, client_of
from imaging.recipe.recipe import Recipe
from imaging.sandbox.sandbox import Sandbox

FAR = 0.03
"""Seconds."""
KINDS = {"PutObject": "PUT", "ListObjectsV2": "LIST", "GetObject": "GET", "HeadObject": "HEAD"}
MEMORY, SECONDS = 1769 * 2**20, 60


class Uploads:
    """A pair of buckets, and a function that is warm."""

    def __init__(self, photo: Path, sandbox: Sandbox) -> None:
        self.client = client_of("s3", attempts=1, patience=60)
        for bucket in ("raw", "renditions"):
            self.client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.storage = S3Storage(self.client, raw="raw", renditions="renditions", owner="123456789012")
        self.recipe = Recipe.from_compiled(Path("recipe.json").read_bytes())
        self.body, self.sandbox = photo.read_bytes(), sandbox
        self.requests: Counter[str] = Counter()
        self.far = 0.0
        self.holds: list[tuple[float, float]] = []
        self.client.meta.events.register("before-send.s3", self._hold)
        self.client.meta.events.register("before-call.s3", self._count)

    def _hold(self, **_about: Any) -> None:
        if self.far:
            began = time.monotonic()
            time.sleep(self.far)
            self.holds.append((began, time.monotonic()))

    def _count(self, model: Any, **_about: Any) -> None:
        self.requests[KINDS.get(model.name, model.name)] += 1

    @contextmanager
    def held(self, seconds: float) -> Iterator[None]:
        """A block in which S3 is so far away; requests are counted anew."""
        self.requests.clear()
        self.holds.clear()
        self.far = seconds
        yield
        self.far = 0.0

    def reconciled(self, key: str, far: float) -> tuple[str, float, float]:
        """What became of the key, the seconds it took, and the processor's seconds in both processes."""
        run = Run()
        with self.held(far):
            began, used = time.monotonic(), time.process_time()
            status = reconcile(key, self.recipe, self.storage, self.sandbox, run).status
            took, own = time.monotonic() - began, time.process_time() - used
        return status, took, own + run.seconds.get("decode", 0) + run.seconds.get("render", 0)


def round_trips(holds: list[tuple[float, float]]) -> int:
    """How often something was waited for: requests that were held side by side, at least in part, count once."""
    trips, until = 0, 0.0
    for began, ended in sorted(holds):
        trips += began > until
        until = max(until, ended)
    return trips


def main(photo: str, rounds: str) -> None:
    """Upload and publish the photo again and again, near and far in turns; then hint at what is published."""
    with Sandbox(MEMORY, SECONDS) as sandbox:
        uploads = Uploads(Path(photo), sandbox)
        published: dict[str, int] = {}
        near: list[tuple[float, float, int]] = []
        far: list[tuple[float, float, int]] = []
        unchanged: list[tuple[float, float, int]] = []
        for number in range(-2, int(rounds)):  # the first two warm everything
            for distance, done in ((0.0, near), (FAR, far)):
                key = f"{number}-{distance}.jpg"
                uploads.client.put_object(Bucket="raw", Key=key, Body=uploads.body)
                status, took, cpu = uploads.reconciled(key, distance)
                assert status == "published", status
                published = dict(uploads.requests)
                if number >= 0:
                    done.append((took, cpu, round_trips(uploads.holds)))
        for _ in range(5 * int(rounds)):
            status, took, cpu = uploads.reconciled("0-0.0.jpg", 0.0)
            assert status == "unchanged", status
            unchanged.append((took, cpu, 0))
    answer = {
        "published": {"requests": published, "near": near, "far": far},
        "unchanged": {"requests": dict(uploads.requests), "near": unchanged},
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
