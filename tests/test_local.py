"""`npm start`, as a person runs it: the command in a process of its own, on pictures made here."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from ops.__main__ import sample_picture

ROOT = Path(__file__).parent.parent


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


def test_once_exits_with_0_when_all_were_published(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(sample_picture())
    done = start(tmp_path, "--once", str(tmp_path / "cat.jpg"))
    assert done.returncode == 0, done.stderr
    assert "1 of 1 published" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--once"], "--once and FILES go together"),
        (["cat.jpg"], "--once and FILES go together"),
        (["--once", "none.jpg"], "there is no file or folder none.jpg"),
        (["--once", "."], "there are no files"),
        (["--out", "x"], "--out goes with --once"),
    ],
)
def test_a_caller_s_mistake_is_a_sentence(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = start(tmp_path, *arguments)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_without_once_it_shows_that_the_pipeline_works_and_ends_with_ctrl_c(ending: signal.Signals) -> None:
    command = [sys.executable, "-m", "ops", "start", "--port", "0"]
    stack = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
    stuck = threading.Timer(120, stack.kill)
    stuck.start()
    try:
        assert stack.stdout is not None
        said = [stack.stdout.readline()]
        while "Ctrl-C" not in said[-1]:
            said.append(stack.stdout.readline())
            assert said[-1], "".join(said)
        assert said[0].startswith("published  examples/hello.jpg")
        address = next(line for line in said if "http://127.0.0.1:" in line)
        found = re.search(r"raw bucket at http://127\.0\.0\.1:(\d+)", address)
        assert found, address
        port = int(found[1])
        stack.send_signal(ending)
        _, errors = stack.communicate(timeout=60)
        assert stack.returncode == 0
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), timeout=1)
        assert "Traceback" not in errors
    finally:
        stuck.cancel()
        stack.kill()
        stack.wait()
