"""The long run is kept runnable; how long it runs is whoever's choice who calls it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictures import saved, scene

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_short_fuzz_through_the_handler_ends_every_file_and_counts_them(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(scene(), "png"))
    command = [sys.executable, "-m", "tests.fuzzing", str(tmp_path), "--mutants", "20", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  our own
    assert done.returncode == 0, done.stderr
    assert "21 files, 0 of them bad" in done.stdout
