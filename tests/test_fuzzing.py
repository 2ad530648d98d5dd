"""The long run is kept runnable; how long it runs is whoever's choice who calls it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import handler
from imaging.errors import damaged
from imaging.exchange import Made, Order
from imaging.sandbox.sandbox import Sandbox
from tests.builders import saved, scene
from tests.fuzzing import Job, feed, own_wiring, through_the_handler
from tests.recipes import recipe

ROOT = Path(__file__).parent.parent


class Crashing(Sandbox):
    """A sandbox in which some sources crash a codec, or seem to."""

    def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:
        if body in (b"\x89PNG\r\n\x1a\ncrash", b"\x89PNG\r\n\x1a\nstay"):
            if body.endswith(b"crash"):
                os.kill(self.pid, signal.SIGSEGV)
            raise damaged("PNG").because("the sandbox ended with SIGSEGV, and had held 50 MB")
        if body == b"\x89PNG\r\n\x1a\nours":
            raise KeyError("ours")
        return super().make(body, order, ends)


def test_a_short_fuzz_through_the_handler_ends_every_file_and_counts_them(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(scene(), "png"))
    command = [sys.executable, "-m", "tests.fuzzing", str(tmp_path), "--mutants", "20", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  our own
    assert done.returncode == 0, done.stderr
    assert "21 files, 0 of them bad" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process by no signal")
@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("crash", "crashed by SIGSEGV"),
        ("stay", "!crashed by SIGSEGV, and then a good picture was published"),
        ("ours", "!ExceptionGroup: "),
    ],
)
def test_a_crash_is_fine_when_another_process_makes_the_next_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, how: str
) -> None:
    monkeypatch.setattr(handler, "wiring", own_wiring)
    file = tmp_path / "a.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + end.encode())
    with Crashing() as sandbox:
        assert through_the_handler(saved(scene(), "png"), recipe(), sandbox) == "published"
        ended = feed(Job("a", file, None), recipe(), sandbox)
    assert ended.how.startswith(how)
