"""The whole pipeline on this machine: an embedded AWS, the deployment's buckets, events to the real handler.

Names, environment and event wiring are those that the framework resolves from serverless.yml, so that what runs
here is what is deployed. S3's events go through a queue to worker processes, each of which holds the handler as
Lambda would: one event at a time, warm between events, two retries, then the failure queue.
"""

import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import boto3
import click

from imaging.model import Manifest, manifest_key_of
from ops.deployment import Deployment, resolve
from ops.embedded_aws import embedded_aws, free_port

ROOT = Path(__file__).resolve().parent.parent
PORT = 4566
RETRY_SECONDS = (1, 2)
"""Lambda waits one minute, then two; nobody at a terminal wants to."""


@dataclass(frozen=True)
class Delivery:
    """One event that came to its end: the keys it was about, and the error where all attempts failed."""

    keys: tuple[str, ...]
    error: str | None = None


class LocalStack:
    """The deployment, running on an embedded AWS at `endpoint`."""

    def __init__(self, deployment: Deployment, endpoint: str, workers: ProcessPoolExecutor, log: Path) -> None:
        self.deployment = deployment
        self.endpoint = endpoint
        self.log = log
        self._workers = workers
        self._session = session_for(deployment.region)
        self.s3 = self._client("s3")
        self._sqs = self._client("sqs")
        self._make_buckets()
        self.failure_queue = self._make_queue(deployment.failure_queue)
        self._events = self._make_queue(f"{deployment.service}-events")
        self._subscribe()
        self._client("sns").create_topic(Name=deployment.environment["EDITORS_TOPIC"].rpartition(":")[2])
        self._running: dict[Future[Any], tuple[Any, int]] = {}

    def _client(self, name: str) -> Any:
        return self._session.client(name, endpoint_url=self.endpoint)

    def _make_buckets(self) -> None:
        elsewhere = self.deployment.region != "us-east-1"
        where = {"CreateBucketConfiguration": {"LocationConstraint": self.deployment.region}} if elsewhere else {}
        for name in (self.deployment.raw, self.deployment.renditions):
            self.s3.create_bucket(Bucket=name, **where)
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
        self.s3.upload_file(str(file), self.deployment.raw, key)

    def manifest(self, key: str) -> Manifest | None:
        """The manifest of a source, or None where there is none."""
        try:
            answer = self.s3.get_object(Bucket=self.deployment.renditions, Key=manifest_key_of(key))
        except self.s3.exceptions.NoSuchKey:
            return None
        return Manifest.from_json(answer["Body"].read())

    def renditions(self) -> Iterator[tuple[str, bytes]]:
        """Every object of the renditions bucket: key and bytes."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.deployment.renditions):
            for item in page.get("Contents", ()):
                answer = self.s3.get_object(Bucket=self.deployment.renditions, Key=item["Key"])
                yield item["Key"], answer["Body"].read()

    def deliver(self) -> Iterator[Delivery]:
        """Take events to the handler for ever, and yield each that came to its end."""
        while True:
            # Waiting for work only when none is under way, so that a finished event is told at once.
            answer = self._sqs.receive_message(
                QueueUrl=self._events, MaxNumberOfMessages=10, WaitTimeSeconds=0 if self._running else 1
            )
            for message in answer.get("Messages", ()):
                self._start(json.loads(message["Body"]), attempt=0)
                self._sqs.delete_message(QueueUrl=self._events, ReceiptHandle=message["ReceiptHandle"])
            done, _ = wait(self._running, timeout=0.1, return_when=FIRST_COMPLETED)
            for future in done:
                event, attempt = self._running.pop(future)
                error = future.exception()
                if error is not None and attempt < self.deployment.retries:
                    self._start(event, attempt + 1)
                    continue
                if error is not None:
                    self._park(event, attempt + 1, error)
                keys = tuple(unquote_plus(r["s3"]["object"]["key"]) for r in event.get("Records", ()))
                if keys:
                    yield Delivery(keys, str(error) if error else None)

    def _start(self, event: Any, attempt: int) -> None:
        pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS)) - 1] if attempt else 0
        self._running[self._workers.submit(_invoke, self.deployment.handler, event, pause)] = (event, attempt)

    def _park(self, event: Any, attempts: int, error: BaseException) -> None:
        """To the failure queue, in the shape of Lambda's on-failure destination."""
        record = {
            "version": "1.0",
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": event,
            "responsePayload": {"errorType": type(error).__name__, "errorMessage": str(error)},
        }
        self._sqs.send_message(QueueUrl=self.failure_queue, MessageBody=json.dumps(record))


@contextmanager
def local_stack(stage: str, port: int = 0) -> Iterator[LocalStack]:
    """The running local stack of a stage; everything it started ends with the block."""
    folder = ROOT / ".local"
    folder.mkdir(exist_ok=True)
    with embedded_aws(free_port(port), folder / "aws.log") as endpoint:
        deployment = resolve(stage, endpoint)
        log = folder / "handler.log"
        log.write_bytes(b"")
        environment = {
            **deployment.environment,
            **credentials(deployment.region),
            "AWS_ENDPOINT_URL": endpoint,
        }
        workers = ProcessPoolExecutor(
            max_workers=os.cpu_count(),
            mp_context=get_context("spawn"),
            initializer=_become_lambda,
            initargs=(environment, str(log)),
        )
        try:
            yield LocalStack(deployment, endpoint, workers, log)
        finally:
            # The first Ctrl-C ends everything; a second must not break off the ending.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            workers.shutdown(wait=True, cancel_futures=True)


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


def _become_lambda(environment: dict[str, str], log: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())


def _invoke(handler: str, event: Any, pause: float) -> Any:
    time.sleep(pause)
    module, name = handler.rsplit(".", 1)
    try:
        return getattr(import_module(module), name)(event, None)
    except Exception as error:  # noqa: BLE001  whatever it was, the one who retries must hear of it
        # Crossing a process border as plain text: not every exception can be pickled.
        raise click.ClickException(str(error)) from None
