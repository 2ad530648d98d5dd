"""The Lambda entry over a real moto server."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Self
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError

import handler
from imaging.edges.envelopes import read_envelope
from imaging.edges.telemetry import logger
from imaging.errors import EventError, OutOfTime, SandboxError, SetupError, damaged
from imaging.exchange import Made, Order
from imaging.keys import manifest_key_of
from imaging.publishing.manifest import Manifest
from imaging.recipe.recipe import Recipe
from imaging.sandbox.sandbox import Sandbox
from ops import recipe as recipes
from tests.buckets import AWKWARD, OWNER, OnS3
from tests.builders import saved, scene
from tests.making import Instant
from tests.notifications import record
from tests.publishing.schedules import picture, refuse

ROOT = Path(handler.__file__).parent


class Maker(Instant):
    """In the sandbox's place: it makes pictures at once, and remembers what it was started and asked with."""

    made: ClassVar[list["Maker"]] = []

    def __init__(self, memory: int | None = None, seconds: float | None = None) -> None:
        super().__init__(memory, refuse=refuse)
        self.seconds, self.closed, self.ends = seconds, False, list[float | None]()
        self.made.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.closed = True

    def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:
        self.ends.append(ends)
        return replace(super().make(body, order, ends), seconds={"decode": 0.25, "render": 0.5, "encode": 1.0})


@pytest.fixture
def deployed(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OnS3]:
    """The function as deployed: buckets, environment, recipe, and nothing kept from an earlier invocation."""
    buckets = OnS3(aws_endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    monkeypatch.setenv("RAW_BUCKET", buckets.raw)
    monkeypatch.setenv("RENDITIONS_BUCKET", buckets.renditions)
    monkeypatch.setenv("EXPECTED_BUCKET_OWNER", OWNER)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "image-pipeline")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "ImagePipeline")
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", raising=False)
    deploy_recipe(tmp_path, (ROOT / "recipe.toml").read_text())
    monkeypatch.setattr(handler, "FOLDER", tmp_path)
    monkeypatch.setattr(handler, "Sandbox", Maker)
    monkeypatch.setattr(Maker, "made", [])
    handler.wiring.cache_clear()
    yield buckets
    if handler.wiring.cache_info().currsize:
        handler.wiring().sandbox.close()
    handler.wiring.cache_clear()


def deploy_recipe(folder: Path, toml: str) -> None:
    """Both files of a recipe, as packaging puts them beside the handler."""
    (folder / "recipe.toml").write_text(toml)
    (folder / "recipe.json").write_bytes(recipes.compiled(folder / "recipe.toml"))


def test_garbage_is_looked_for_again_once_the_handler_is_imported() -> None:
    code = "import gc, handler; assert gc.isenabled() and gc.get_freeze_count() > 10_000"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)  # noqa: S603  our own


def test_the_loop_s_process_imports_nothing_that_opens_pictures() -> None:
    code = "import handler, sys; assert not [name for name in sys.modules if name.startswith(('PIL', 'pi_heif'))]"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)  # noqa: S603  our own


def notify(deployed: OnS3, *keys: str) -> Any:
    return handler.on_event({"Records": [record(key, bucket=deployed.raw) for key in keys]}, None)


def standing(deployed: OnS3) -> dict[str, bytes]:
    """The renditions bucket; of manifests only what does not differ from run to run."""
    answer = deployed.client.list_objects_v2(Bucket=deployed.renditions)
    files = {}
    for item in answer.get("Contents", ()):
        body = deployed.client.get_object(Bucket=deployed.renditions, Key=item["Key"])["Body"].read()
        if item["Key"].endswith("manifest.json"):
            content = json.loads(body)
            body = json.dumps([content["status"], content.get("renditions"), content.get("srcset")]).encode()
        files[item["Key"]] = body
    return files


def test_an_upload_is_published_and_answered(deployed: OnS3) -> None:
    deployed.upload("a b.png", picture(1))
    assert notify(deployed, "a b.png") == {"outcomes": [{"key": "a b.png", "status": "published"}]}
    body = deployed.client.get_object(Bucket=deployed.renditions, Key="a b.png/manifest.json")["Body"].read()
    manifest = Manifest.from_json(body)
    assert manifest is not None
    assert len(manifest.renditions) == 8


def test_a_rejection_is_a_normal_return_with_its_reason(deployed: OnS3) -> None:
    deployed.upload("a.txt", b"no picture")
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


@pytest.mark.parametrize(("left", "kept"), [(120.0, 100.0), (40.0, 20.0), (10.0, 5.0), (1.0, 0.5)])
def test_a_picture_must_be_made_before_a_margin_at_the_end_of_the_invocation(
    deployed: OnS3, left: float, kept: float
) -> None:
    for key in ("a.png", "b.png"):
        deployed.upload(key, picture(1))
    event = {"Records": [record(key, bucket=deployed.raw) for key in ("a.png", "b.png")]}
    handler.wiring()
    before = time.monotonic()
    handler.on_event(event, Clock(left))
    (maker,) = Maker.made
    one, other = maker.ends
    assert one == other  # the invocation's end, not a share of it for each
    assert one is not None
    assert before <= one - kept <= time.monotonic()


def test_without_a_clock_an_invocation_has_no_end(deployed: OnS3) -> None:
    deployed.upload("a.png", picture(1))
    notify(deployed, "a.png")
    assert Maker.made[0].ends == [None]


@pytest.mark.parametrize("error", [OutOfTime("no time left"), SandboxError("killed"), KeyError("a typo of ours")])
def test_what_is_no_fault_of_the_source_fails_alone_with_its_traceback_in_the_log(
    deployed: OnS3, lines: Callable[[], list[dict[str, Any]]], error: Exception
) -> None:
    def fail(body: bytes) -> None:
        if body == picture(2):
            raise error

    deployed.upload("good.png", picture(1))
    deployed.upload("bad.png", picture(2))
    handler.wiring().sandbox.refuse = fail  # type: ignore[attr-defined]
    with pytest.raises(ExceptionGroup, match="1 of 2 keys failed") as caught:
        notify(deployed, "bad.png", "good.png")
    assert caught.group_contains(type(error))
    assert {key.partition("/")[0] for key in standing(deployed)} == {"good.png"}
    bad, good = lines()
    assert (bad["level"], bad["status"], good["status"]) == ("ERROR", "failed", "published")
    assert "Traceback" in bad["exception"]
    assert type(error).__name__ in bad["exception"]


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


@pytest.mark.slow
@pytest.mark.parametrize("key", AWKWARD)
def test_an_awkward_key_goes_through_the_whole_function(deployed: OnS3, key: str) -> None:
    deployed.upload(key, picture(1))
    assert notify(deployed, key)["outcomes"][0] == {"key": key, "status": "published"}
    deployed.client.head_object(Bucket=deployed.renditions, Key=manifest_key_of(key))
    deployed.remove(key)
    assert notify(deployed, key)["outcomes"][0]["status"] == "removed"
    assert list(standing(deployed)) == [manifest_key_of(key)]


# -- wiring ------------------------------------------------------------------------------------------------


def test_sandbox_and_client_are_made_once_and_the_sandbox_first(deployed: OnS3) -> None:
    def connect(**names: str) -> Any:
        assert len(Maker.made) == 1
        return real(**names)

    real = handler.connect
    with patch("handler.connect", side_effect=connect) as connecting:
        notify(deployed, "a.png")
        notify(deployed, "b.png")
    assert connecting.call_count == 1
    assert len(Maker.made) == 1
    assert not Maker.made[0].closed


def test_a_wiring_that_fails_leaves_no_sandbox_behind(deployed: OnS3) -> None:
    for _ in range(2):
        with patch("handler.connect", side_effect=OSError("no client")), pytest.raises(OSError, match="no client"):
            notify(deployed, "a.png")
    assert [maker.closed for maker in Maker.made] == [True, True]
    notify(deployed, "a.png")
    assert [maker.closed for maker in Maker.made] == [True, True, False]


def test_the_real_sandbox_publishes_and_rejects(
    deployed: OnS3, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    monkeypatch.setattr(handler, "Sandbox", Sandbox)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
    deployed.upload("scene.jpg", saved(scene(), "jpeg"))
    deployed.upload("notes.txt", b"no picture")
    outcomes = notify(deployed, "scene.jpg", "notes.txt")["outcomes"]
    assert [outcome["status"] for outcome in outcomes] == ["published", "rejected"]
    assert len([key for key in standing(deployed) if key.startswith("scene.jpg/")]) == 9
    assert "decode" in lines()[0]["seconds"]
    sandbox = handler.wiring().sandbox
    assert Path(f"/proc/{sandbox.pid}").exists() or sys.platform != "linux"


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
def test_a_wiring_that_fails_leaves_no_process_behind(deployed: OnS3, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def start(memory: int | None, seconds: float | None) -> Sandbox:
        sandbox = Sandbox(memory, seconds)
        started.append(sandbox.pid)
        return sandbox

    monkeypatch.setattr(handler, "Sandbox", start)
    for _ in range(2):
        with patch("handler.connect", side_effect=OSError("no client")), pytest.raises(OSError, match="no client"):
            notify(deployed, "a.png")
    assert len(started) == 2
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize(
    ("size", "memory", "seconds"),
    [("1769", 1769 * 2**20, 60), ("3008", 3008 * 2**20, 60), ("512", 512 * 2**20, 60 * 512 / 1769), (None, None, 60)],
)
def test_the_sandbox_gets_the_function_s_memory_and_time_by_its_share_of_a_processor(
    deployed: OnS3, monkeypatch: pytest.MonkeyPatch, size: str | None, memory: int | None, seconds: float
) -> None:
    if size:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", size)
    notify(deployed, "a.png")
    (maker,) = Maker.made
    assert (maker.memory, maker.seconds) == (memory, pytest.approx(seconds))


@pytest.mark.parametrize("name", ["RAW_BUCKET", "RENDITIONS_BUCKET", "EXPECTED_BUCKET_OWNER"])
def test_a_missing_variable_names_itself(deployed: OnS3, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SetupError, match=f"^{name} must be set"):
        notify(deployed, "a.png")
    assert Maker.made == []


def test_one_bucket_for_both_is_refused(deployed: OnS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDITIONS_BUCKET", deployed.raw)
    with pytest.raises(SetupError, match="start the function again"):
        notify(deployed, "a.png")


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        (["recipe.json"], "recipe.json must stand"),
        (["recipe.toml"], "recipe.toml must stand"),
        (["recipe.json", "recipe.toml"], "recipe.toml and recipe.json must stand"),
    ],
)
def test_a_recipe_that_is_missing_is_told_in_one_sentence(
    deployed: OnS3, tmp_path: Path, lost: list[str], says: str
) -> None:
    for name in lost:
        (tmp_path / name).unlink()
    with pytest.raises(SetupError, match=f"^{says} beside handler.py: run `npm run ops -- check`, then deploy$"):
        notify(deployed, "a.png")
    assert Maker.made == []


def test_a_compiled_recipe_of_another_recipe_toml_is_refused(deployed: OnS3, tmp_path: Path) -> None:
    with (tmp_path / "recipe.toml").open("a") as stream:
        stream.write("# a comment\n")
    with pytest.raises(SetupError, match="compiled of another recipe.toml: run `npm run ops -- check`"):
        notify(deployed, "a.png")


def test_a_compiled_recipe_that_is_broken_says_what_to_run(deployed: OnS3, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(SetupError, match="run `npm run ops -- check`"):
        notify(deployed, "a.png")


def test_the_recipe_read_is_the_one_that_was_checked(tmp_path: Path) -> None:
    toml = (ROOT / "recipe.toml").read_text()
    deploy_recipe(tmp_path, toml)
    assert handler.read_recipe(tmp_path) == recipes.load(ROOT / "recipe.toml")
    assert handler.read_recipe(tmp_path).toml_sha256 == sha256(toml.encode()).hexdigest()
    assert isinstance(handler.read_recipe(tmp_path), Recipe)


# -- what operators see ------------------------------------------------------------------------------------


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
    seconds = published["seconds"]
    assert set(seconds) == {"observe", "read", "make", "decode", "render", "encode", "write", "total"}
    assert (seconds["decode"], seconds["render"], seconds["encode"]) == (0.25, 0.5, 1.0)
    steps = sum(seconds[step] for step in ("observe", "read", "make", "write"))
    assert steps == pytest.approx(seconds["total"], abs=0.02)
    assert (published["requests"], unchanged["requests"]) == (14, 3)  # eight of the 14 are renditions
    assert published["bytes_in"] == len(picture(1))
    manifest = Manifest.from_json(deployed.storage.read_manifest("a.png")[0])  # type: ignore[index]
    assert manifest is not None
    assert published["bytes_out"] == sum(rendition.bytes for rendition in manifest.renditions)
    assert published["pixels"] == 4 * 4


def test_each_key_of_an_event_has_a_stopwatch_of_its_own(
    deployed: OnS3, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    for key in ("a.png", "b.png", "c.png"):
        deployed.upload(key, picture(1))
    notify(deployed, "a.png", "b.png", "c.png")
    for line in lines():
        seconds = line["seconds"]
        assert (seconds["decode"], seconds["encode"]) == (0.25, 1.0)
        steps = sum(seconds[step] for step in ("observe", "read", "make", "write"))
        assert steps == pytest.approx(seconds["total"], abs=0.02)


def test_a_rejection_is_logged_with_its_cause_and_a_crash_counted(
    deployed: OnS3, lines: Callable[[], list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(_body: bytes) -> None:
        raise damaged("PNG").because("ended by SIGSEGV")

    deployed.upload("a.png", picture(1))
    sandbox: Any = handler.wiring().sandbox
    sandbox.refuse, sandbox.crashes = crash, 2
    notify(deployed, "a.png")
    notify(deployed, "a.png")
    rejected, unchanged = lines()
    assert (rejected["code"], rejected["cause"]) == ("damaged", "ended by SIGSEGV")
    assert "cause" not in unchanged
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [each.get("CrashesInARow") for each in metrics] == [[2.0], None]
    assert [each.get("Rejected") for each in metrics] == [[1.0], None]
    assert [each.get("Unchanged") for each in metrics] == [None, [1.0]]


def test_a_manifest_leads_to_the_request_and_the_log_line_behind_it(
    deployed: OnS3, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    deployed.upload("a.png", picture(1))
    told = {"responseElements": {"x-amz-request-id": "D82B88E5F771F645"}}
    handler.on_event({"Records": [record("a.png", bucket=deployed.raw) | told]}, None)
    (line,) = lines()
    assert line["correlation_id"] == "D82B88E5F771F645"
    manifest = Manifest.from_json(deployed.storage.read_manifest("a.png")[0])  # type: ignore[index]
    assert manifest is not None
    assert manifest.write_id.startswith("D82B88E5F771F645.")


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


@pytest.mark.slow
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
            hints = read_envelope(event, deployed.raw).hints
            seen += [(hint.key, event["Records"][0]["eventName"]) for hint in hints if not hint.error]
        entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    assert sorted(key for key, name in seen if name == "ObjectCreated:Put") == sorted(keys)
    assert sorted(key for key, name in seen if name == "ObjectRemoved:DeleteMarkerCreated") == sorted(keys)
