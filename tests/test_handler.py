"""The Lambda entry over a real moto server."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError

import handler
from imaging.bounds import Run
from imaging.errors import EventError, RecipeError, SetupError
from imaging.model import Manifest, manifest_key_of
from imaging.telemetry import logger
from tests.schedules import picture
from tests.test_events import record
from tests.test_storage import AWKWARD, OWNER, OnS3


@pytest.fixture
def deployed(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnS3]:
    """The function as deployed: buckets, environment, and nothing kept from an earlier invocation."""
    buckets = OnS3(aws_endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    monkeypatch.setenv("RAW_BUCKET", buckets.raw)
    monkeypatch.setenv("RENDITIONS_BUCKET", buckets.renditions)
    monkeypatch.setenv("EXPECTED_BUCKET_OWNER", OWNER)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "image-pipeline")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "ImagePipeline")
    handler.wiring.cache_clear()
    yield buckets
    handler.wiring.cache_clear()


def test_garbage_is_looked_for_again_once_the_handler_is_imported() -> None:
    code = "import gc, handler; assert gc.isenabled() and gc.get_freeze_count() > 10_000"
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=Path(handler.__file__).parent, check=True)  # noqa: S603  our own


def notify(deployed: OnS3, *keys: str) -> Any:
    return handler.on_event({"Records": [record(key, bucket=deployed.raw) for key in keys]}, None)


def standing(deployed: OnS3) -> dict[str, bytes]:
    """The renditions bucket; of manifests only what does not differ from run to run."""
    answer = deployed.client.list_objects_v2(Bucket=deployed.renditions)
    found = {}
    for item in answer.get("Contents", ()):
        body = deployed.client.get_object(Bucket=deployed.renditions, Key=item["Key"])["Body"].read()
        if item["Key"].endswith("manifest.json"):
            content = json.loads(body)
            body = json.dumps([content["status"], content.get("renditions"), content.get("srcset")]).encode()
        found[item["Key"]] = body
    return found


def test_an_upload_is_published_and_answered(deployed: OnS3) -> None:
    deployed.upload("a b.png", picture(1))
    assert notify(deployed, "a b.png") == {"outcomes": [{"key": "a b.png", "status": "published"}]}
    body = deployed.client.get_object(Bucket=deployed.renditions, Key="a b.png/manifest.json")["Body"].read()
    found = Manifest.from_json(body)
    assert found is not None
    assert len(found.renditions) == 8


def test_a_rejection_is_a_normal_return_with_its_reason(deployed: OnS3) -> None:
    deployed.upload("a.txt", b"hello")
    (outcome,) = notify(deployed, "a.txt")["outcomes"]
    assert outcome["status"] == "rejected"
    assert outcome["code"] == "unsupported-format"
    assert "Upload a JPEG" in outcome["advice"]


def test_good_records_are_done_before_the_call_fails_naming_the_bad_ones(deployed: OnS3) -> None:
    deployed.upload("good.png", picture(1))
    event = {"Records": [record("x.png", bucket="another"), record("good.png", bucket=deployed.raw)]}
    with pytest.raises(ExceptionGroup, match="1 of 2 keys failed: .*'another'") as caught:
        handler.on_event(event, None)
    assert caught.group_contains(EventError)
    assert "good.png/manifest.json" in standing(deployed)


def test_trouble_with_aws_escapes(deployed: OnS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDITIONS_BUCKET", "no-such-bucket")
    with pytest.raises(ExceptionGroup) as caught:
        notify(deployed, "a.png")
    assert caught.group_contains(ClientError)


class Clock:
    """A context as Lambda's: it says how many milliseconds are left."""

    aws_request_id = "1"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> float:
        return self.seconds * 1000


def test_a_file_that_outlasts_the_function_is_rejected_before_the_function_ends(
    deployed: OnS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forever(*_: object) -> None:
        while True:
            time.sleep(0.01)

    deployed.upload("a.png", picture(1))
    monkeypatch.setattr("imaging.reconciling.decode", forever)
    event = {"Records": [record("a.png", bucket=deployed.raw)]}
    (outcome,) = handler.on_event(event, Clock(1))["outcomes"]
    assert (outcome["status"], outcome["code"]) == ("rejected", "took-too-long")


def test_a_key_that_others_left_no_time_for_is_tried_again_and_not_rejected(
    deployed: OnS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("done.png", "new.png"):
        deployed.upload(key, picture(1))
    notify(deployed, "done.png")
    late = Run("1", begin_by=time.monotonic() - 1, ends=time.monotonic() + 50)
    monkeypatch.setattr(Run, "within", lambda *_: late)
    with pytest.raises(ExceptionGroup, match="1 of 2 keys failed") as caught:
        notify(deployed, "done.png", "new.png")
    assert caught.group_contains(TimeoutError, match=r"no time left for 'new\.png'")
    assert {key.partition("/")[0] for key in standing(deployed)} == {"done.png"}


def test_a_key_that_several_records_hint_at_is_reconciled_once(deployed: OnS3) -> None:
    deployed.upload("a.png", picture(1))
    with patch("handler.reconcile", side_effect=handler.reconcile) as reconcile:
        outcomes = notify(deployed, "a.png", "a.png")["outcomes"]
    assert [outcome["status"] for outcome in outcomes] == ["published", "published"]
    assert reconcile.call_count == 1


def test_a_test_event_and_folder_keys_make_nothing(deployed: OnS3) -> None:
    assert handler.on_event({"Event": "s3:TestEvent"}, None) == {"outcomes": []}
    deployed.upload("folder/", b"")
    assert notify(deployed, "folder/") == {"outcomes": [{"key": "folder/", "status": "ignored"}]}
    assert standing(deployed) == {}


def test_every_event_twice_and_in_reverse_ends_as_one_clean_run(deployed: OnS3) -> None:
    for key, number in (("a.png", 1), ("b.png", 2), ("c.png", 3), ("a.png", 4)):
        deployed.upload(key, picture(number))
    deployed.remove("b.png")
    keys = ["a.png", "b.png", "c.png", "a.png", "b.png"]
    for key in [*reversed(keys), *keys]:
        notify(deployed, key)
    clean = OnS3(deployed.client.meta.endpoint_url)
    for key, number in (("a.png", 4), ("c.png", 3)):
        clean.upload(key, picture(number))
    with patch.dict("os.environ", RAW_BUCKET=clean.raw, RENDITIONS_BUCKET=clean.renditions):
        handler.wiring.cache_clear()
        notify(clean, "a.png", "c.png")
    assert standing(deployed) == standing(clean)


@pytest.mark.parametrize("key", AWKWARD)
def test_an_awkward_key_goes_through_the_whole_function(deployed: OnS3, key: str) -> None:
    deployed.upload(key, picture(1))
    assert notify(deployed, key)["outcomes"][0] == {"key": key, "status": "published"}
    deployed.client.head_object(Bucket=deployed.renditions, Key=manifest_key_of(key))
    deployed.remove(key)
    assert notify(deployed, key)["outcomes"][0]["status"] == "removed"
    assert list(standing(deployed)) == [manifest_key_of(key)]


def test_the_clients_are_made_once(deployed: OnS3) -> None:
    with patch("handler.connect", side_effect=handler.connect) as connect:
        notify(deployed, "a.png")
        notify(deployed, "b.png")
    assert connect.call_count == 1


@pytest.mark.usefixtures("deployed")
def test_a_log_line_stays_one_json_object_whatever_the_key_holds(caplog: pytest.LogCaptureFixture) -> None:
    key = 'a"b\n{"level":"ERROR"}\r\n\u2028.txt'
    handler.on_event({"keys": [key]}, None)
    (line,) = (logger.registered_formatter.format(entry) for entry in caplog.records)
    assert "\n" not in line
    assert "\r" not in line
    assert json.loads(line)["key"] == key


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """The log lines written so far."""
    caplog.handler.setFormatter(logger.registered_formatter)
    return lambda: [json.loads(line) for line in caplog.text.splitlines()]


def test_a_log_line_tells_what_an_upload_took(deployed: OnS3, lines: Callable[[], list[dict[str, Any]]]) -> None:
    deployed.upload("a.png", picture(1))
    notify(deployed, "a.png")
    notify(deployed, "a.png")
    published, unchanged = lines()
    assert (published["status"], unchanged["status"]) == ("published", "unchanged")
    assert (published["cold_start"], unchanged["cold_start"]) == (True, False)
    assert set(published["seconds"]) == {"observe", "read", "decode", "render", "write", "total"}
    steps = sum(seconds for step, seconds in published["seconds"].items() if step != "total")
    assert steps == pytest.approx(published["seconds"]["total"], abs=0.02)
    # LIST and HEAD, GET; eight renditions and the manifest; LIST and HEAD again.
    assert (published["requests"], unchanged["requests"]) == (2 + 1 + 9 + 2, 3)
    assert published["bytes_in"] == len(picture(1))
    found = Manifest.from_json(deployed.storage.read_manifest("a.png")[0])  # type: ignore[index]
    assert found is not None
    assert published["bytes_out"] == sum(rendition.bytes for rendition in found.renditions)
    assert published["pixels"] == 8 * 8


def test_a_manifest_leads_to_the_request_and_the_log_line_behind_it(
    deployed: OnS3, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    deployed.upload("a.png", picture(1))
    told = {"responseElements": {"x-amz-request-id": "D82B88E5F771F645"}}
    handler.on_event({"Records": [record("a.png", bucket=deployed.raw) | told]}, None)
    (line,) = lines()
    assert line["correlation_id"] == "D82B88E5F771F645"
    found = Manifest.from_json(deployed.storage.read_manifest("a.png")[0])  # type: ignore[index]
    assert found is not None
    assert found.write_id.startswith("D82B88E5F771F645.")


def test_a_failure_is_one_line_with_what_it_took_until_then(
    deployed: OnS3, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    deployed.upload("a.png", picture(1))
    notify(deployed, "warm.png")
    deployed.client.delete_bucket(Bucket=deployed.renditions)
    with pytest.raises(ExceptionGroup, match="NoSuchBucket"):
        notify(deployed, "a.png")
    _, line = lines()
    assert (line["level"], line["status"], line["key"], line["requests"]) == ("ERROR", "failed", "a.png", 1)


@pytest.mark.parametrize("name", ["RAW_BUCKET", "RENDITIONS_BUCKET", "EXPECTED_BUCKET_OWNER"])
def test_a_missing_variable_names_itself(deployed: OnS3, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SetupError, match=f"^{name} must be set"):
        notify(deployed, "a.png")


def test_one_bucket_for_both_is_refused(deployed: OnS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDITIONS_BUCKET", deployed.raw)
    with pytest.raises(SetupError, match="start the function again"):
        notify(deployed, "a.png")


def test_a_bad_recipe_stops_the_cold_start_with_all_its_problems(
    deployed: OnS3, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[[rendition]]\nname = "thumb"\nwidht = 1\nfit = "cover"\n')
    monkeypatch.setattr(handler, "RECIPE", recipe)
    with pytest.raises(RecipeError, match=r"(?s)widht.*fit"):
        notify(deployed, "a.png")


def test_events_as_moto_emits_them_are_read(deployed: OnS3, aws_endpoint: str) -> None:
    sqs = boto3.client("sqs", endpoint_url=aws_endpoint)
    queue = sqs.create_queue(QueueName=f"events-of-{deployed.raw}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wanted = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    deployed.client.put_bucket_notification_configuration(
        Bucket=deployed.raw, NotificationConfiguration={"QueueConfigurations": [wanted]}
    )
    # Each awkward part in a folder's name, in a file's name, and beside each other: over 300 keys in all.
    parts = [key for key in AWKWARD if len(key) < 50]
    keys = [*AWKWARD, *(f"{one}/{other}" for one in parts for other in parts), *(f"x{key}.gif" for key in parts * 6)]
    keys = [*dict.fromkeys(key if keys.index(key) == i else f"{i} {key}" for i, key in enumerate(keys))]
    assert len(keys) >= 300
    for key in keys:
        deployed.upload(key, picture(1))
        deployed.remove(key)
    seen: list[tuple[str, str]] = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            event = json.loads(message["Body"])
            outcomes = handler.on_event(event, None)["outcomes"]
            seen += [(outcome["key"], event["Records"][0]["eventName"]) for outcome in outcomes]
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert sorted(key for key, name in seen if name == "ObjectCreated:Put") == sorted(keys)
    assert sorted(key for key, name in seen if name == "ObjectRemoved:DeleteMarkerCreated") == sorted(keys)
