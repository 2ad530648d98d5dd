"""Uploads to the buckets of AWS_ENDPOINT_URL, `PROGRAM PHOTO ROUNDS`: what each asks of S3, and what it waits for.

In every other upload each request is held for 30 ms on its way out, as if S3 were that far. What it takes longer then
are its round trips: those that wait for one another. Prints JSON.
"""

import json
import statistics
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
        self.client.meta.events.register("before-send.s3", self._hold)
        self.client.meta.events.register("before-call.s3", self._count)

    def _hold(self, **_about: Any) -> None:
        time.sleep(self.far)

    def _count(self, model: Any, **_about: Any) -> None:
        self.requests[KINDS.get(model.name, model.name)] += 1

    @contextmanager
    def held(self, seconds: float) -> Iterator[None]:
        """A block in which S3 is so far away; requests are counted anew."""
        self.requests.clear()
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


def main(photo: str, rounds: str) -> None:
    """Upload and publish the photo again and again, near and far in turns; then hint at what is published."""
    with Sandbox(MEMORY, SECONDS) as sandbox:
        uploads = Uploads(Path(photo), sandbox)
        published: dict[str, int] = {}
        near: list[tuple[float, float]] = []
        far: list[tuple[float, float]] = []
        unchanged: list[tuple[float, float]] = []
        for number in range(-2, int(rounds)):  # the first two warm everything
            for distance, done in ((0.0, near), (FAR, far)):
                key = f"{number}-{distance}.jpg"
                uploads.client.put_object(Bucket="raw", Key=key, Body=uploads.body)
                status, took, cpu = uploads.reconciled(key, distance)
                assert status == "published", status
                published = dict(uploads.requests)
                if number >= 0:
                    done.append((took, cpu))
        for _ in range(5 * int(rounds)):
            status, took, cpu = uploads.reconciled("0-0.0.jpg", 0.0)
            assert status == "unchanged", status
            unchanged.append((took, cpu))
    answer = {
        "published": {"requests": published, "near": near, "far": far},
        "unchanged": {"requests": dict(uploads.requests), "near": unchanged},
        "round_trips": statistics.median(b - a for (a, _), (b, _) in zip(near, far, strict=True)) / FAR,
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
