"""Trouble at every S3 call of a run in turn, over real HTTP: after at most two redeliveries all stands as it should."""

import threading
from collections.abc import Callable
from functools import cache
from typing import Any, Self
from unittest.mock import patch

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from imaging.errors import Contention
from imaging.publishing.manifest import Manifest
from imaging.publishing.reconciling import reconcile
from imaging.publishing.storage import S3Storage, connect
from tests.buckets import OWNER, Body, OnS3
from tests.publishing.schedules import KEY, MAKER, Killed, picture
from tests.recipes import DIGEST, STABLE, recipe

pytestmark = pytest.mark.slow

Fault = Callable[[AWSPreparedRequest], AWSResponse]


def answer(status: int, code: str) -> Fault:
    xml = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
    return lambda request: AWSResponse(request.url, status, {"Content-Length": str(len(xml))}, Body(xml))


def sent(request: AWSPreparedRequest) -> AWSResponse:
    session = URLLib3Session()
    response: AWSResponse = session.send(request)
    assert response.content is not None  # all of it is read, so that the connection can be closed
    session.close()
    return response


def timeout_before(request: AWSPreparedRequest) -> AWSResponse:
    raise ReadTimeoutError(endpoint_url=request.url)


def timeout_after(request: AWSPreparedRequest) -> AWSResponse:
    sent(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def reset_in_the_body(request: AWSPreparedRequest) -> AWSResponse:
    response = sent(request)
    if request.method != "GET" or response.status_code != 200:
        raise ConnectionClosedError(endpoint_url=request.url)
    body = response.content
    return AWSResponse(request.url, 200, response.headers, Body(body[: len(body) // 2]))


def killed_before(_: AWSPreparedRequest) -> AWSResponse:
    raise Killed


def killed_after(request: AWSPreparedRequest) -> AWSResponse:
    sent(request)
    raise Killed


FAULTS: dict[str, Fault] = {
    "500": answer(500, "InternalError"),
    "503": answer(503, "SlowDown"),
    "timeout before the send": timeout_before,
    "timeout after the send": timeout_after,
    "reset in the body": reset_in_the_body,
    "403": answer(403, "AccessDenied"),
    "409": answer(409, "ConditionalRequestConflict"),
    "412": answer(412, "PreconditionFailed"),
    "killed before": killed_before,
    "killed after": killed_after,
}


@cache
def client_of_the_function(endpoint: str) -> Any:
    """The client that `connect` makes, with its retries; making one takes longer than a hundred calls."""
    with patch.dict("os.environ", AWS_ENDPOINT_URL=endpoint):
        return connect(raw="raw", renditions="renditions", owner=OWNER)._client


class Troubled:
    """A pair of buckets whose function meets a fault at its n-th S3 call, in every attempt of it or in the first."""

    def __init__(self, endpoint: str) -> None:
        self.buckets = OnS3(endpoint)
        client = client_of_the_function(endpoint)
        self.storage = S3Storage(client, raw=self.buckets.raw, renditions=self.buckets.renditions, owner=OWNER)
        self.calls = 0
        self._at, self._fault, self._attempts = 0, None, 0
        self._counting, self._call = threading.Lock(), threading.local()  # renditions are written side by side
        client.meta.events.register_first("before-parameter-build.s3", self._count, unique_id="count")
        client.meta.events.register_first("before-send.s3", self._meet, unique_id="meet")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        events = self.storage._client.meta.events
        events.unregister("before-parameter-build.s3", unique_id="count")
        events.unregister("before-send.s3", unique_id="meet")

    def trouble(self, at: int, fault: Fault | None, attempts: int = 99) -> None:
        self.calls, self._at, self._fault, self._attempts = 0, at, fault, attempts

    def _count(self, **_: Any) -> None:
        with self._counting:
            self.calls += 1
            self._call.number = self.calls

    def _meet(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if self._fault is None or self._call.number != self._at or self._attempts == 0:
            return None
        self._attempts -= 1
        return self._fault(request)

    def torn(self) -> bool:
        """Whether a reader who follows the manifest meets a missing or foreign file."""
        listing = {o["Key"]: o["ETag"].strip('"') for o in self._listed()}
        manifest = self._manifest()
        return manifest is not None and any(listing.get(r.key) != r.etag for r in manifest.renditions)

    def state(self) -> Any:
        """What stands, write ids and other things of one run aside; unlisted files are swept."""
        manifest = self._manifest()
        if manifest is None:
            return None
        listed = {(r.name, r.key, r.sha256) for r in manifest.renditions}
        kept = {s.key for s in manifest.superseded}
        there = {o["Key"] for o in self._listed()} - kept
        return manifest.status, listed, {r[1] for r in listed} <= there

    def _listed(self) -> list[Any]:
        objects: list[Any] = self.buckets.client.list_objects_v2(Bucket=self.buckets.renditions).get("Contents", [])
        return objects

    def _manifest(self) -> Manifest | None:
        answer = self.buckets.storage.read_manifest(KEY)
        return Manifest.from_json(answer[0]) if answer else None


def publish(troubled: Troubled) -> None:
    troubled.buckets.upload(KEY, picture(1))


def overwrite(troubled: Troubled) -> None:
    troubled.buckets.upload(KEY, picture(1))
    reconcile(KEY, recipe("thumb", "old", template=STABLE), troubled.storage, MAKER)
    troubled.buckets.upload(KEY, picture(2))


def reject(troubled: Troubled) -> None:
    troubled.buckets.upload(KEY, picture(1))
    reconcile(KEY, recipe(template=DIGEST), troubled.storage, MAKER)
    troubled.buckets.upload(KEY, b"no picture")


def remove(troubled: Troubled) -> None:
    publish(troubled)
    reconcile(KEY, recipe(template=DIGEST), troubled.storage, MAKER)
    troubled.buckets.remove(KEY)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


@pytest.mark.parametrize("scenario", [publish, overwrite, reject, remove])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_two_redeliveries_put_right_whatever_happened_at_any_call(
    aws_endpoint: str, scenario: Callable[[Troubled], None], fault: Fault, counted: Callable[[str], None]
) -> None:
    template = STABLE if scenario is overwrite else DIGEST
    with_recipe = recipe(template=template)
    with Troubled(aws_endpoint) as clean:
        scenario(clean)
        clean.trouble(0, None)
        reconcile(KEY, with_recipe, clean.storage, MAKER)
        wanted, calls = clean.state(), clean.calls
    assert calls >= 7

    for at in range(1, calls + 1):
        with Troubled(aws_endpoint) as troubled:
            scenario(troubled)
            troubled.trouble(at, fault)
            for _ in range(3):
                try:
                    reconcile(KEY, with_recipe, troubled.storage, MAKER)
                except (ClientError, BotoCoreError, Contention, Killed):
                    troubled.trouble(0, None)
                if template == DIGEST:
                    assert not troubled.torn(), f"torn after the fault at call {at}"
            assert troubled.state() == wanted, f"after the fault at call {at}"
    name = next(name for name, one in FAULTS.items() if one is fault)
    counted(f"{scenario.__name__}: {name} at each of {calls} S3 calls")


@pytest.mark.parametrize("name", ["500", "503", "timeout before the send", "timeout after the send"])
def test_a_passing_fault_at_any_call_needs_no_redelivery(aws_endpoint: str, name: str) -> None:
    calls, at = 1, 0
    while at < calls:
        at += 1
        with Troubled(aws_endpoint) as troubled:
            publish(troubled)
            troubled.trouble(at, FAULTS[name], attempts=1)
            assert reconcile(KEY, recipe(template=DIGEST), troubled.storage, MAKER).status in ("published", "unchanged")
            assert not troubled.torn()
            calls = troubled.calls
    assert calls >= 8
