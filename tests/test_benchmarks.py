"""The benchmark runs and tells; how long anything took is not for a test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from PIL import Image, ImageChops, ImageFilter

from benchmarks import bursts, extras, installing, uploads
from benchmarks.__main__ import main
from benchmarks.before import at_commit
from benchmarks.bench import Bench
from benchmarks.contenders import OURS, SETTINGS
from benchmarks.measuring import Run, answer, in_turns, ratio, run
from benchmarks.photos import photo
from benchmarks.pixels import WIDTHS
from benchmarks.programs import job
from benchmarks.programs.uploads import round_trips
from benchmarks.tables import written
from ops.recipe import parse

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow


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


# -- the contenders ----------------------------------------------------------------------------------------


def test_the_smallest_benchmark_prints_a_table_of_each_settings_with_ratios(photos: Path) -> None:
    names = ("ours", "floor", "tutorial", "ours-equal", "tutorial-equal")
    table = bench("--quick", "--photos", str(photos), *(f"--only={name}" for name in names))
    for row in (
        *("Each at its own defaults", "All at equal settings"),
        *("ours  ", "codec floor  ", "tutorial function  "),
        *("cpu / floor", "cpu / tutorial", "peak_mb / tutorial", "cpu / tutorial-equal"),
    ):
        assert f"\n{row}" in table


def test_for_machines_it_is_one_json_object(photos: Path) -> None:
    result: dict[str, Any] = json.loads(
        bench("--quick", "--json", "--photos", str(photos), "--only=ours", "--only=floor")
    )
    assert result["programs"]["ours"]["cpu"]["least"] > 0
    assert result["ratios"]["cpu / floor"]["at_most"] == 1.3
    assert result["machine"]["Pillow"]


def test_the_floor_encodes_the_files_that_ours_makes_at_either_settings(photos: Path) -> None:
    names = ("ours", "floor", "ours-equal", "floor-equal")
    result = json.loads(bench("--quick", "--json", "--photos", str(photos), *(f"--only={name}" for name in names)))
    made = {name: one["bytes"] for name, one in result["programs"].items()}
    assert made["ours"] == made["floor"]
    assert made["ours-equal"] == made["floor-equal"] != made["ours"]


def test_ours_is_what_is_deployed() -> None:
    deployed = (ROOT / "serverless.yml").read_text(encoding="utf-8")
    assert all(f'      {name}: "{value}"' in deployed for name, value in OURS.items())
    assert f"memory: {job.MEMORY // 2**20} #" in deployed


def test_ours_has_the_quality_and_the_effort_of_a_recipe_that_says_nothing_of_them() -> None:
    names = ", ".join(f'"{name}"' for name in sorted({*job.QUALITY, *job.EFFORT}))
    (spec,) = parse(f'[[rendition]]\nname = "w1"\nwidth = 1\nformats = [{names}]\n', ROOT).rule_for("a.jpg").specs  # type: ignore[union-attr]
    assert dict(spec.quality) == job.QUALITY
    assert dict(spec.effort) == job.EFFORT


def test_the_commit_before_runs_its_own_program_in_the_same_turns(photos: Path) -> None:
    result = json.loads(
        bench("--quick", "--json", "--photos", str(photos), "--only=ours", "--only=before", "--before=HEAD")
    )
    before = result["programs"]["before"]
    assert before["title"].startswith("ours, at ")
    assert before["bytes"] > 0
    assert result["ratios"]["cpu / before"]["at_most"] == 1.03


def test_a_commit_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="this repository has no commit v0"):
        at_commit("v0", tmp_path)


def test_a_contender_that_cannot_be_installed_is_missing_and_no_crash(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.installing.sharp", lambda: "no registry")
    monkeypatch.setattr("benchmarks.installing.python_packages", lambda: "no wheel")
    main(["--quick", "--photos", str(photos), "--only=ours", "--only=sharp", "--only=vips"], standalone_mode=False)
    table = capsys.readouterr().out
    assert "sharp, one pipeline per output      missing: no registry" in table
    assert "pyvips, one thumbnail per output    missing: no wheel" in table


def test_a_part_that_does_not_exist_is_told_in_a_sentence(photos: Path) -> None:
    with pytest.raises(click.UsageError, match="--extra is one of pixels, "):
        main(["--photos", str(photos), "--extra=everything"], standalone_mode=False)


def test_a_table_with_some_of_its_rows_is_not_written_into_the_page(photos: Path) -> None:
    with pytest.raises(click.UsageError, match="--write takes whole tables"):
        main(["--photos", str(photos), "--only=ours", "--write"], standalone_mode=False)


def test_one_part_is_measured_without_the_contenders(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--photos", str(photos), "--extra=burst", "--json"], standalone_mode=False)
    result = json.loads(capsys.readouterr().out)
    assert result["programs"] == {}
    assert list(result["also"]) == [extras.PARTS["burst"][0]]


# -- what is measured --------------------------------------------------------------------------------------


def test_a_program_that_fails_is_told_with_what_it_said() -> None:
    command = [sys.executable, "-c", "import sys; print('out of paper'); sys.exit(3)"]
    for way in (run, answer):
        with pytest.raises(click.ClickException, match=r"ended with 3:\nout of paper"):
            way(command)


def test_the_time_of_a_program_is_that_of_all_it_did_and_of_its_children() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    alone = run([sys.executable, "-c", busy])
    assert alone.cpu >= 0.3
    assert alone.wall >= 0.3
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    assert run([sys.executable, "-c", parent]).cpu >= 0.3


def test_the_memory_of_a_program_is_its_own_or_what_it_says_of_all_its_processes() -> None:
    assert run([sys.executable, "-c", "bytearray(200_000_000)"]).peak_mb > 190
    assert run([sys.executable, "-c", "print('peak 123456789')"]).peak_mb == 123.456789


def test_the_memory_of_ours_has_nothing_of_the_benchmark_s_own() -> None:
    large = bytearray(300_000_000)
    printed = answer([sys.executable, "-c", "from benchmarks.programs.job import own_peak; print(own_peak())"])
    assert int(printed) < 100_000_000 < len(large)


def test_programs_run_in_turns_and_each_turn_has_a_ratio_of_its_own() -> None:
    order: list[str] = []

    def program(name: str, *cpu: float) -> Any:
        left = iter(cpu)

        def once() -> Run:
            order.append(name)
            return Run(next(left), 1, 1)

        return once

    ours, others = in_turns(3, program("a", 1, 10, 3), program("b", 2, 20, 3))
    assert order == ["a", "b"] * 3
    assert ratio(ours, others, "cpu") == 0.5


def test_an_upload_makes_fourteen_requests_and_a_duplicate_three(photos: Path, tmp_path: Path) -> None:
    rows = uploads.measure(Bench([photos / "one.jpg"], tmp_path, 1))
    assert rows["an upload that is published, requests"] == {"GET": 2, "HEAD": 2, "PUT": 9, "LIST": 1}
    assert rows["a source that is as it should be, requests"] == {"GET": 1, "HEAD": 1, "LIST": 1}


def test_pixels_are_compared_at_every_width_and_the_default_effort_is_the_measure(photos: Path, tmp_path: Path) -> None:
    if missing := installing.python_packages():
        pytest.skip(missing)
    pixels, efforts = extras.measure(Bench([photos / "one.jpg"], tmp_path, 1), ("pixels", "efforts")).values()
    assert (
        0.97 < pixels["ours, the least (at least 0.997)"] == min(pixels[f"{width} pixels"]["ours"] for width in WIDTHS)
    )
    assert "vips-chain" in pixels["640 pixels"]
    assert efforts["webp 2 (default)"]["of the default's bytes"] == "100.0%"
    assert efforts["png 9"]["SSIM"] == 1


def test_requests_that_wait_side_by_side_are_one_round_trip() -> None:
    assert round_trips([(5, 6), (0.5, 1), (2, 3)]) == 3
    assert round_trips([(1, 2), (1.25, 2.25), (1.5, 1.75), (2.2, 3)]) == 1
    assert round_trips([]) == 0


def test_the_burst_is_told_for_every_limit_of_functions_that_accounts_have(tmp_path: Path) -> None:
    rows = bursts.measure(Bench([], tmp_path, 1))
    for limit in ("10", "100", "1,000"):
        assert rows[f"1,000 uploads, {limit} functions"]["USD"] < 0.11
        assert "h" in rows[f"1,000,000 uploads, {limit} functions, at best"]


def test_a_page_gets_the_new_tables_in_the_places_of_the_old() -> None:
    page = "# Speed\n\n```text\nA burst of uploads\n  old\n```\n\n```text\nsomebody else's\n```\n"
    again = written(page, ["Measured on\na PDP-11", "A burst of uploads\n  new"])
    assert again == page.replace("old", "new")


def test_the_page_has_a_place_for_every_table() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    headings = ["Measured on", *SETTINGS.values(), *(heading for heading, _ in extras.PARTS.values())]
    assert [heading for heading in headings if f"```text\n{heading}\n" not in page] == []


def test_made_photos_have_texture_and_edges_and_are_the_same_every_time() -> None:
    made = photo(320, 240, 7)
    assert ImageChops.difference(made, photo(320, 240, 7)).getbbox() is None
    assert ImageChops.difference(made, photo(320, 240, 8)).getbbox() == (0, 0, 320, 240)
    edges = made.convert("L").filter(ImageFilter.FIND_EDGES).crop((2, 2, 318, 238))
    assert edges.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)) > 10  # type: ignore[operator]
