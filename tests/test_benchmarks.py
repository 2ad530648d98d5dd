"""The benchmark runs and tells; how long anything took is not for a test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageFilter

from benchmarks.__main__ import main
from benchmarks.contenders import OURS
from benchmarks.measuring import run
from benchmarks.photos import photo

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    photo(400, 300, 1).save(folder / "one.jpg", quality=90)
    return folder


def bench(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  our own
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_smallest_benchmark_prints_a_table_with_ratios(photos: Path) -> None:
    table = bench("--quick", "--photos", str(photos), *(f"--only={name}" for name in ("ours", "floor", "tutorial")))
    for row in (
        "ours  ",
        "codec floor  ",
        "tutorial function  ",
        "cpu / floor",
        "cpu / tutorial",
        "peak_mb / tutorial",
    ):
        assert f"\n{row}" in table


def test_ours_runs_with_the_memory_settings_that_are_deployed() -> None:
    deployed = (ROOT / "serverless.yml").read_text(encoding="utf-8")
    assert all(f'      {name}: "{value}"' in deployed for name, value in OURS.items())


def test_for_machines_it_is_one_json_object(photos: Path) -> None:
    told: dict[str, Any] = json.loads(
        bench("--quick", "--json", "--photos", str(photos), "--only=ours", "--only=floor")
    )
    assert told["programs"]["ours"]["bytes"] == told["programs"]["floor"]["bytes"], "the floor is of the same files"
    assert told["programs"]["ours"]["cpu"]["least"] > 0
    assert told["ratios"]["cpu / floor"]["at_most"] == 1.2
    assert told["machine"]["Pillow"]


def test_a_contender_that_cannot_be_installed_is_missing_and_no_crash(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.installing.sharp", lambda: "no registry")
    monkeypatch.setattr("benchmarks.installing.python_packages", lambda: "no wheel")
    main(["--quick", "--photos", str(photos), "--only=ours", "--only=sharp", "--only=vips"], standalone_mode=False)
    table = capsys.readouterr().out
    assert "sharp, one pipeline per output      missing: no registry" in table
    assert "pyvips, one thumbnail per output    missing: no wheel" in table


def test_a_program_that_fails_is_told_with_what_it_said() -> None:
    with pytest.raises(Exception, match=r"ended with 3:\nout of paper"):
        run([sys.executable, "-c", "import sys; print('out of paper'); sys.exit(3)"])


def test_the_time_of_a_program_is_that_of_all_it_did() -> None:
    busy = run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"])
    assert busy.cpu >= 0.3
    assert busy.wall >= 0.3
    assert run([sys.executable, "-c", "bytearray(200_000_000)"]).peak_mb > 190


def test_made_photos_have_texture_and_edges_and_are_the_same_every_time() -> None:
    made = photo(320, 240, 7)
    assert ImageChops.difference(made, photo(320, 240, 7)).getbbox() is None
    assert ImageChops.difference(made, photo(320, 240, 8)).getbbox() == (0, 0, 320, 240)
    edges = made.convert("L").filter(ImageFilter.FIND_EDGES).crop((2, 2, 318, 238))
    assert edges.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)) > 10  # type: ignore[operator]
