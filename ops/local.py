"""The whole pipeline on this machine: an embedded AWS, the deployment's buckets, events to the real handler.

Names, environment, memory, timeout and event wiring are those that the framework resolves from serverless.yml, so
that what runs here is what is deployed. S3's events go through a queue to processes that hold the handler as Lambda
would: one event at a time, warm between events, two retries, then the failure queue.
"""

import contextlib
import json
import os
import signal
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import boto3
from botocore.config import Config

from imaging.keys import manifest_key_of
from imaging.publishing.manifest import Manifest
from ops.deployment import Deployment, resolve
from ops.embedded_aws import ROOT, embedded_aws, free_port
from ops.workers import Attempt, Attempted, Workers

PORT = 4566
RETRY_SECONDS = (1, 2)
"""Lambda waits one minute, then two; nobody at a terminal wants to."""
FROM_THE_SYSTEM = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""What a Python program may need to start at all; Lambda sets the first two itself."""
AT_A_TIME = 4
"""Files that are uploaded, or copied out, at the same time."""


@dataclass(frozen=True)
class Delivery:
    """One event that came to its end: the keys it was about, and the error where all attempts failed."""

    keys: tuple[str, ...]
    error: str | None = None


class LocalStack:
    """The deployment, running on an embedded AWS at `endpoint`; its logs are in `folder`."""

    def __init__(self, deployment: Deployment, endpoint: str, workers: Workers, folder: Path) -> None:
        self.deployment = deployment
        self.endpoint = endpoint
        self.folder = folder
        self._workers = workers
        self._session = session_for(deployment.region)
        self.s3 = self._client("s3")
        self._sqs = self._client("sqs")
        self._make_buckets()
        self.failure_queue = self._make_queue(deployment.failure_queue)
        self._events = self._make_queue(f"{deployment.service}-events")
        self._subscribe()
        self._client("sns").create_topic(Name=deployment.environment["EDITORS_TOPIC"].rpartition(":")[2])
        self._ended: SimpleQueue[Delivery | Exception] = SimpleQueue()
        Thread(target=self._told, args=[self._receive], daemon=True).start()
        Thread(target=self._told, args=[self._settle], daemon=True).start()

    @property
    def port(self) -> int:
        """Where the embedded AWS listens."""
        return urlsplit(self.endpoint).port or 0

    @property
    def log(self) -> Path:
        """What the function prints."""
        return self.folder / "handler.log"

    def _client(self, name: str) -> Any:
        # A server on this machine that does not answer is gone; trying again for a minute would help nobody.
        return self._session.client(name, endpoint_url=self.endpoint, config=Config(retries={"total_max_attempts": 2}))

    def _make_buckets(self) -> None:
        for name in (self.deployment.raw, self.deployment.renditions):
            make_bucket(self.s3, name, self.deployment.region)
        if self.deployment.raw_versioned:
            self.s3.put_bucket_versioning(Bucket=self.deployment.raw, VersioningConfiguration={"Status": "Enabled"})

    def _make_queue(self, name: str) -> str:
        url: str = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        return url

    def _subscribe(self) -> None:
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._events, AttributeNames=["QueueArn"])
        queue = {
            "QueueArn": attributes["Attributes"]["QueueArn"],
            "Events": list(self.deployment.events),
        }
        self.s3.put_bucket_notification_configuration(
            Bucket=self.deployment.raw, NotificationConfiguration={"QueueConfigurations": [queue]}
        )

    def upload(self, key: str, file: Path) -> None:
        """Put a file into the raw bucket, as an editor would."""
        with file.open("rb") as body:
            self.s3.put_object(Bucket=self.deployment.raw, Key=key, Body=body)

    def upload_all(self, files: Mapping[str, Path]) -> None:
        """Upload files side by side in the background; one that cannot be uploaded is delivered with its error."""
        waiting: SimpleQueue[tuple[str, Path]] = SimpleQueue()
        for each in files.items():
            waiting.put(each)

        def upload() -> None:
            with contextlib.suppress(Empty):
                while True:
                    key, file = waiting.get_nowait()
                    try:
                        self.upload(key, file)
                    except Exception as error:  # noqa: BLE001  whatever it is, the other files go on
                        self._ended.put(Delivery((key,), f"not uploaded: {error}"))

        for _ in range(min(AT_A_TIME, len(files))):
            Thread(target=upload, daemon=True).start()

    def manifest(self, key: str) -> Manifest | None:
        """The manifest of a source, or None where there is none."""
        try:
            answer = self.s3.get_object(Bucket=self.deployment.renditions, Key=manifest_key_of(key))
        except self.s3.exceptions.NoSuchKey:
            return None
        return Manifest.from_json(answer["Body"].read())

    def renditions(self) -> Iterator[tuple[str, bytes]]:
        """Every object of the renditions bucket: key and bytes."""

        def read(key: str) -> tuple[str, bytes]:
            return key, self.s3.get_object(Bucket=self.deployment.renditions, Key=key)["Body"].read()

        with ThreadPoolExecutor(AT_A_TIME) as pool:
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.deployment.renditions):
                yield from pool.map(read, [item["Key"] for item in page.get("Contents", ())])

    def deliver(self) -> Iterator[Delivery]:
        """Wait for events for ever, and yield each that came to its end."""
        while True:
            try:
                ended = self._ended.get(timeout=1)  # so that Ctrl-C is heard on every system
            except Empty:
                continue
            if isinstance(ended, Exception):
                raise ended
            yield ended

    def _told(self, work: Any) -> None:
        """Run in a thread, and pass on what ends it to whoever waits for events."""
        try:
            work()
        except Exception as error:  # noqa: BLE001  it is raised where somebody hears of it
            self._ended.put(error)

    def _receive(self) -> None:
        """Take events from the queue to the processes, for ever."""
        while True:
            answer = self._sqs.receive_message(QueueUrl=self._events, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            messages = answer.get("Messages", ())
            for message in messages:
                self._workers.submit(Attempt(json.loads(message["Body"])))
            if messages:
                entries = [{"Id": m["MessageId"], "ReceiptHandle": m["ReceiptHandle"]} for m in messages]
                self._sqs.delete_message_batch(QueueUrl=self._events, Entries=entries)

    def _settle(self) -> None:
        """Have what failed tried again, and deliver what came to its end, for ever."""
        while True:
            self._settle_one(self._workers.attempted.get())

    def _settle_one(self, attempted: Attempted) -> None:
        event, before, error = attempted.attempt.event, attempted.attempt.before, attempted.error
        if error and before < self.deployment.retries:
            pause = RETRY_SECONDS[min(before, len(RETRY_SECONDS) - 1)]
            self._workers.submit(Attempt(event, before + 1), after=pause)
            return
        if error:
            self._park(event, before + 1, error)
        keys = tuple(unquote_plus(record["s3"]["object"]["key"]) for record in event.get("Records", ()))
        if keys:
            self._ended.put(Delivery(keys, error["errorMessage"] if error else None))

    def _park(self, event: Any, attempts: int, error: Mapping[str, Any]) -> None:
        """To the failure queue, in the shape of Lambda's on-failure destination."""
        record = {
            "version": "1.0",
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": event,
            "responsePayload": error,
        }
        self._sqs.send_message(QueueUrl=self.failure_queue, MessageBody=json.dumps(record))


@contextmanager
def local_stack(stage: str, port: int = 0) -> Iterator[LocalStack]:
    """The running local stack of a stage; everything it started ends with the block.

    It takes another port when `port` is taken. Its logs are in a folder named by its port.
    """
    port = free_port(port)
    folder = ROOT / ".local" / str(port)
    with embedded_aws(port, folder / "aws.log") as endpoint:
        (folder / "handler.log").write_bytes(b"")
        deployment = resolve(stage, endpoint)
        environment = environment_of(deployment, endpoint)
        workers = Workers(deployment.handler, environment, deployment.timeout, folder / "handler.log")
        try:
            yield LocalStack(deployment, endpoint, workers, folder)
        finally:
            with unbroken():
                workers.close()


def environment_of(deployment: Deployment, endpoint: str) -> dict[str, str]:
    """What the function finds in its environment: what Lambda sets, what serverless.yml says, and this AWS."""
    return {
        **{name: os.environ[name] for name in FROM_THE_SYSTEM if name in os.environ},
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **credentials(deployment.region),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_LAMBDA_FUNCTION_NAME": deployment.function,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory),
        **deployment.environment,
    }


@contextmanager
def unbroken() -> Iterator[None]:
    """The first Ctrl-C ends everything; within this block a second one does not break off the ending."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def make_bucket(s3: Any, name: str, region: str) -> None:
    """Make a bucket in a region; the oldest region is named by naming none."""
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **where)


def credentials(region: str) -> dict[str, str]:
    """What the embedded AWS is called with; it takes anything, and nothing real is ever sent to it."""
    return {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


def session_for(region: str) -> boto3.Session:
    """A session that can reach nothing but an embedded AWS."""
    return boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=region)  # noqa: S106
