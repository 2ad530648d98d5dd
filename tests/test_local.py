"""`npm start`, as a person runs it: the command in a process of its own, on pictures made here."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from ops import local
from ops.deployment import resolve
from ops.embedded_aws import embedded_aws
from ops.local import Delivery, LocalStack, environment_of, local_stack
from ops.sample import sample_picture
from tests.builders import saved, scene

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`npm start -- ARGUMENTS`, called from `folder`."""
    environment = {**os.environ, "INIT_CWD": str(folder)}
    command = [sys.executable, "-m", "ops", "start", *arguments]
    return subprocess.run(  # noqa: S603  our own command
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with good and bad files, after one run over them."""
    folder = tmp_path_factory.mktemp("caller")
    (folder / "hello there.jpg").write_bytes(sample_picture())
    Image.new("RGBA", (500, 100), (200, 30, 30, 128)).save(folder / "badge+é.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / "more").mkdir()
    Image.new("L", (40, 30), 99).save(folder / "more" / "dot.gif")
    return folder, start(folder, "--once", "hello there.jpg", "badge+é.png", "notes.txt", "more", "--out", "out")


def test_once_says_in_one_line_what_became_of_each_file(
    once: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    lines = sorted(once[1].stdout.splitlines())
    assert [line.split("  ")[:2] for line in lines] == [
        ["published", "badge+é.png"],
        ["published", "dot.gif"],
        ["published", "hello there.jpg"],
        ["rejected", " notes.txt"],
    ]
    assert "unsupported-format: This file is no picture" in lines[3]
    assert "3 of 4 published in " in once[1].stderr


def test_once_exits_with_1_when_any_file_was_rejected(once: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    assert once[1].returncode == 1, once[1].stderr
    assert "Traceback" not in once[1].stderr


def test_once_copies_the_renditions_bucket_to_a_folder_of_the_caller(
    once: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out = once[0] / "out"
    manifest = json.loads((out / "hello there.jpg" / "manifest.json").read_text())
    assert manifest["status"] == "published"
    for rendition in manifest["renditions"]:
        with Image.open(out / rendition["key"]) as image:
            assert image.size == (rendition["width"], rendition["height"])
    with Image.open(out / "hello there.jpg" / "thumb.webp") as thumb:
        assert thumb.size == (320, 320)
    with Image.open(out / "badge+é.png" / "large.png") as badge:
        assert badge.size == (500, 100)  # nothing is enlarged


def test_once_exits_with_0_when_all_were_published_or_ignored_and_leaves_no_log(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(sample_picture())
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    before = set((ROOT / ".local").glob("*"))
    done = start(tmp_path, "--once", str(tmp_path / "cat.jpg"), ".DS_Store")
    assert done.returncode == 0, done.stderr
    assert "1 of 2 published" in done.stderr
    assert "ignored    .DS_Store" in done.stdout
    assert set((ROOT / ".local").glob("*")) <= before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--once"], "--once and FILES go together"),
        (["cat.jpg"], "--once and FILES go together"),
        (["--once", "none.jpg"], "there is no file or folder none.jpg"),
        (["--once", "."], "there are no files"),
        (["--out", "x"], "--out goes with --once"),
        (["--port", "65536"], "65536 is not in the range"),
        (["--once", "cat.jpg", "--out", "cat.jpg"], "--out names a file"),
    ],
)
def test_a_caller_s_mistake_is_a_sentence(tmp_path: Path, arguments: list[str], says: str) -> None:
    if "none.jpg" not in arguments and "." not in arguments:
        (tmp_path / "cat.jpg").write_bytes(b"1")
    done = start(tmp_path, *arguments)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert "Starting" not in done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def running() -> set[int]:
    """The numbers of all processes, those that have ended and wait to be noticed excepted."""
    table = subprocess.run(["ps", "-eo", "pid=,stat="], capture_output=True, text=True, check=True)  # noqa: S607
    lines = (line.split() for line in table.stdout.splitlines())
    return {int(pid) for pid, state in lines if not state.startswith("Z")}


def descendants(pid: int) -> set[int]:
    """The numbers of all processes that a process has started, and those have started."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    pairs = [tuple(map(int, line.split())) for line in table.stdout.splitlines()]
    tree = {pid}
    while more := {child for child, parent in pairs if parent in tree} - tree:
        tree |= more
    return tree - {pid}


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_without_once_it_shows_that_the_pipeline_works_and_leaves_nothing_behind(ending: signal.Signals) -> None:
    somebody = socket.create_server(("127.0.0.1", 0))
    taken = somebody.getsockname()[1]
    command = [sys.executable, "-m", "ops", "start", "--port", str(taken)]
    stack = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
    stuck = threading.Timer(120, stack.kill)
    stuck.start()
    try:
        assert stack.stdout is not None
        printed = [stack.stdout.readline()]
        while "Ctrl-C" not in printed[-1]:
            printed.append(stack.stdout.readline())
            assert printed[-1], "".join(printed)
        assert printed[0].startswith("published  examples/hello.jpg")
        address = next(line for line in printed if "http://127.0.0.1:" in line)
        listens = re.search(r"raw bucket at http://127\.0\.0\.1:(\d+)", address)
        assert listens, address
        port = int(listens[1])
        left = descendants(stack.pid)
        assert left
        stack.send_signal(ending)
        _, errors = stack.communicate(timeout=60)
        assert stack.returncode == 0
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), timeout=1)
        assert "Traceback" not in errors
        assert f"Port {taken} is in use, so this stack listens on {port}." in errors
        assert not left & running()
        assert (ROOT / ".local" / str(port) / "handler.log").exists()
        shutil.rmtree(ROOT / ".local" / str(port))
    finally:
        somebody.close()
        stuck.cancel()
        stack.kill()
        stack.wait()


# --- The stack


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A stack whose function has little memory, and whose retries come at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "resolve", lambda *named: replace(resolve(*named), memory=320))
        patch.setattr(local, "RETRY_SECONDS", (0.01, 0.01))
        with local_stack("dev") as running_stack:
            yield running_stack
        shutil.rmtree(running_stack.folder)


def test_what_runs_here_has_the_memory_the_settings_and_no_more_of_the_environment_than_what_is_deployed(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HOME", "/root")
    deployed = stack.deployment.environment
    environment = environment_of(stack.deployment, stack.endpoint)
    assert environment.items() >= deployed.items()
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == str(stack.deployment.memory)
    assert environment["AWS_ENDPOINT_URL"] == stack.endpoint
    assert set(environment) - set(deployed) <= {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        *("PATH", "LANG", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT"),
    }


def test_a_picture_that_the_function_would_refuse_for_its_memory_is_refused_here(
    stack: LocalStack, tmp_path: Path
) -> None:
    (tmp_path / "large.png").write_bytes(saved(Image.new("RGBA", (7000, 7000)), "png", compress_level=1))
    stack.upload("large.png", tmp_path / "large.png")
    assert next(stack.deliver()) == Delivery(("large.png",))
    manifest = stack.manifest("large.png")
    assert manifest
    assert manifest.rejection
    assert manifest.rejection.code == "needs-too-much-memory"
    assert manifest.rejection.memory == stack.deployment.memory << 20


def test_a_worker_that_dies_stops_nothing(stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(saved(scene(), "png"))
    for number in range(2 * (os.cpu_count() or 1)):
        for pid in list(stack._workers._processes):
            os.kill(pid, signal.SIGKILL)
        stack.upload(f"{number}.png", tmp_path / "one.png")
        assert next(stack.deliver()) == Delivery((f"{number}.png",))
    assert "ended with signal: SIGKILL; another takes its place" in stack.log.read_text()


def test_an_event_that_fails_three_times_is_told_and_waits_in_the_failure_queue(stack: LocalStack) -> None:
    record = {"eventVersion": "99.0", "eventSource": "aws:s3", "s3": {"object": {"key": "future.jpg"}}}
    stack._sqs.send_message(QueueUrl=stack._events, MessageBody=json.dumps({"Records": [record]}))
    delivery = next(stack.deliver())
    assert delivery.keys == ("future.jpg",)
    assert delivery.error
    assert "99.0" in delivery.error
    (message,) = stack._sqs.receive_message(QueueUrl=stack.failure_queue)["Messages"]
    parked = json.loads(message["Body"])
    assert parked["requestPayload"] == {"Records": [record]}
    assert parked["requestContext"]["approximateInvokeCount"] == 3
    assert parked["responsePayload"]["errorType"] == "ExceptionGroup"
    assert parked["responsePayload"]["stackTrace"]


def test_a_file_that_cannot_be_uploaded_is_told_and_stops_no_other(stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(saved(scene(), "png"))
    stack.upload_all({"gone.jpg": tmp_path / "gone.jpg", "cat.png": tmp_path / "cat.png"})
    deliveries = [next(stack.deliver()), next(stack.deliver())]
    errors = {delivery.keys[0]: delivery.error for delivery in deliveries}
    assert errors["cat.png"] is None
    assert "not uploaded: " in (errors["gone.jpg"] or "")


def test_an_aws_that_is_gone_is_told_to_whoever_waits(tmp_path: Path, stack: LocalStack) -> None:
    with embedded_aws(0, tmp_path / "aws.log") as endpoint:
        other = LocalStack(stack.deployment, endpoint, stack._workers, tmp_path)
    with pytest.raises(Exception, match="Could not connect|Connection was closed"):
        next(other.deliver())
