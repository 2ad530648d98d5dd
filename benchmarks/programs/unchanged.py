"""A source that is as it should be: `PROGRAM PHOTO`, on the buckets of AWS_ENDPOINT_URL. Prints requests and ms."""

import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import boto3

from imaging.recipe import load
from imaging.reconciling import reconcile
from imaging.storage import S3Storage

ROUNDS = 40


def main(photo: str) -> None:
    """Upload and publish a photo once, then hint at it again and again."""
    client = boto3.client("s3")
    for bucket in ("raw", "renditions"):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client.put_object(Bucket="raw", Key="photo.jpg", Body=Path(photo).read_bytes())
    requests: Counter[str] = Counter()
    waited = 0.0
    asked = 0.0

    def before(model: Any, **_: Any) -> None:
        nonlocal asked
        requests[model.name] += 1
        asked = time.monotonic()

    def after(**_: Any) -> None:
        nonlocal waited
        waited += time.monotonic() - asked

    client.meta.events.register("before-call.s3", before)
    client.meta.events.register("after-call.s3", after)
    storage = S3Storage(client, raw="raw", renditions="renditions", owner="123456789012")
    recipe = load(Path("recipe.toml"))
    first = reconcile("photo.jpg", recipe, storage)
    assert first.status == "published", first
    requests_first, requests = dict(requests), Counter()
    waited, times, cpu = 0.0, [], time.process_time()
    for _ in range(ROUNDS):
        began = time.monotonic()
        assert reconcile("photo.jpg", recipe, storage).status == "unchanged"
        times.append(time.monotonic() - began)
    cpu = time.process_time() - cpu
    answer = {
        "requests": {name: count / ROUNDS for name, count in requests.items()},
        "requests_when_published": requests_first,
        "ms": statistics.median(times) * 1000,
        "ms_waiting_for_s3": waited / ROUNDS * 1000,
        "cpu_ms": cpu / ROUNDS * 1000,
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
