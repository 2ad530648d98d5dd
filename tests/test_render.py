import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imaging.model import Manifest, Outcome
from imaging.reconciling import reconcile
from ops.__main__ import main
from ops.memory import MemoryStorage
from ops.render import SHEET, Bounds, Rendered, render_all, render_file
from tests.pictures import saved, scene
from tests.recipes import recipe

ROOT = Path(__file__).parent.parent
RECIPE = """
ignore = ["**.tmp"]
[[rendition]]
name = "thumb"
width = 16
formats = ["webp", "auto"]
"""
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
ON_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such signal")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a good picture, and beside it a recipe."""
    (tmp_path / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(saved(scene(), "jpeg"))
    return folder


def ops_render(folder: Path, *arguments: str) -> Result:
    recipe_file = folder.parent / "recipe.toml"
    command = ["render", str(folder), "--out", str(folder.parent / "out"), "--recipe", str(recipe_file), *arguments]
    return CliRunner().invoke(main, command)


def names(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


# --- The command


def test_the_tree_is_what_the_renditions_bucket_would_hold_and_a_contact_sheet(tmp_path: Path) -> None:
    made = recipe("thumb", "large")
    file = tmp_path / "cat.jpg"
    file.write_bytes(saved(scene(), "jpeg"))
    bucket = MemoryStorage()
    bucket.upload("news/cat.jpg", file.read_bytes())
    reconcile("news/cat.jpg", made, bucket)

    render_file("news/cat.jpg", file, made, tmp_path / "out", Bounds())

    assert names(tmp_path / "out") == set(bucket.renditions)
    for key, there in bucket.renditions.items():
        copy = (tmp_path / "out" / key).read_bytes()
        if key.endswith("manifest.json"):  # two are never equal
            manifest, expected = Manifest.from_json(copy), Manifest.from_json(there.body)
            assert manifest
            assert expected
            assert manifest.renditions == expected.renditions
        else:
            assert copy == there.body


def test_published_files_are_told_in_a_line_each_and_a_last_one_and_end_with_0(photos: Path) -> None:
    done = ops_render(photos)
    assert done.exit_code == 0, done.output
    first, last = done.stdout.splitlines()
    assert first.startswith("published  cat.jpg  96x64 jpeg, ")
    assert last.startswith("1 published in ")
    assert names(photos.parent / "out") == {
        "cat.jpg/thumb.webp",
        "cat.jpg/thumb.jpg",
        "cat.jpg/manifest.json",
        SHEET,
    }


def test_a_rejected_file_is_told_with_its_reason_and_ends_with_1(photos: Path) -> None:
    (photos / "notes\n.jpg").write_text("no picture")
    done = ops_render(photos)
    assert done.exit_code == 1
    refused = next(line for line in done.stdout.splitlines() if line.startswith("rejected"))
    assert "'notes\\n.jpg'  unsupported-format: " in refused
    assert len(done.stdout.splitlines()) == 3
    assert (photos.parent / "out/cat.jpg/thumb.webp").exists()
    sheet = (photos.parent / "out" / SHEET).read_text(encoding="utf-8")
    assert "unsupported-format" in sheet
    assert sheet.count('src="data:') == sheet.count("src=") == 1


def test_with_json_there_is_one_object_a_line_for_each_file_and_nothing_else(photos: Path) -> None:
    (photos / "notes.jpg").write_text("no picture")
    done = ops_render(photos, "--json")
    assert done.exit_code == 1
    assert done.stderr == ""
    cat, notes = sorted((json.loads(line) for line in done.stdout.splitlines()), key=lambda said: str(said["file"]))
    assert cat["file"] == str(photos / "cat.jpg")
    assert (cat["key"], cat["status"], cat["code"], cat["reason"]) == ("cat.jpg", "published", None, None)
    assert 0 < cat["seconds"] < 10
    assert [(r["name"], r["format"], r["width"], r["height"]) for r in cat["renditions"]] == [
        ("thumb", "webp", 16, 11),
        ("thumb", "jpeg", 16, 11),
    ]
    assert cat["renditions"][0]["bytes"] == (photos.parent / "out/cat.jpg/thumb.webp").stat().st_size
    assert (notes["status"], notes["code"], notes["renditions"]) == ("rejected", "unsupported-format", [])
    assert notes["reason"]
    assert notes["advice"]


def test_a_file_that_the_recipe_ignores_is_told_and_no_fault(photos: Path) -> None:
    (photos / "upload.tmp").write_bytes(b"")
    done = ops_render(photos)
    assert done.exit_code == 0
    assert "ignored    upload.tmp" in done.stdout


def test_what_an_earlier_run_wrote_is_no_source_of_the_next(photos: Path) -> None:
    arguments = ("render", str(photos), "--out", str(photos / "out"), "--recipe", str(photos.parent / "recipe.toml"))
    for _ in range(2):
        done = CliRunner().invoke(main, arguments)
        assert done.stdout.splitlines()[-1].startswith("1 published")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing argument"),
        (["cat.jpg"], "Missing option '--out'"),
        (["cat.jpg", "--out", "out", "--timeout", "0"], "--timeout"),
        (["cat.jpg", "--out", "out", "--memory", "1"], "--memory"),
    ],
)
def test_a_command_that_is_not_complete_ends_with_2_and_says_why(arguments: Sequence[str], says: str) -> None:
    done = CliRunner().invoke(main, ["render", *arguments])
    assert done.exit_code == 2
    assert says in done.output


def test_a_bad_recipe_is_told_with_all_its_problems_and_without_a_stack_trace(photos: Path) -> None:
    (photos.parent / "recipe.toml").write_text('[[rendition]]\nname = "a"\nwidht = 3\nfit = "cover"\n')
    done = ops_render(photos)
    assert done.exit_code == 1
    assert "2 problems" in done.output
    assert "Traceback" not in done.output
    assert not (photos.parent / "out").exists()


def test_a_folder_without_files_is_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["render", str(tmp_path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "there are no files" in done.output


def test_the_help_shows_an_example() -> None:
    assert "npm run ops -- render photos" in CliRunner().invoke(main, ["render", "--help"]).output


def test_a_file_larger_than_the_limit_is_refused_by_its_length_and_not_read_whole(photos: Path) -> None:
    with (photos.parent / "recipe.toml").open("a") as recipe_file:
        recipe_file.write("[limits]\nsource_bytes = 1000\n")
    with (photos / "cat.jpg").open("r+b") as file:
        file.truncate(5 << 30)  # a hole, on most file systems
    done = ops_render(photos, "--json", "--memory", "256")
    said = json.loads(done.stdout)
    assert (said["status"], said["code"]) == ("rejected", "too-large")
    assert said["peak_mb"] is None or said["peak_mb"] < 256


@ON_LINUX
def test_a_name_that_is_not_utf_8_fails_alone(photos: Path) -> None:
    (photos / os.fsdecode(b"\xff.jpg")).write_bytes(b"")
    done = ops_render(photos, "--json")
    status = {said["key"]: said["status"] for said in map(json.loads, done.stdout.splitlines())}
    assert status == {"cat.jpg": "published", "\udcff.jpg": "failed"}


# --- A process for each file


def become(key: str, file: Path) -> Outcome:
    """Do to this process what the key says."""
    match key.partition("-")[0]:
        case "abort":
            os.abort()
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
        case "raise":
            raise KeyError(key)
        case "recurse":
            return become(key, file)
        case "sleep":
            time.sleep(60)
        case "wait":
            time.sleep(1)
        case "hold":
            held = bytearray(int(key.partition("-")[2]) << 20)
            held[:: 1 << 12] = b"1" * len(held[:: 1 << 12])
    return Outcome(key, "published")


def ended(*keys: str, memory_mb: int = 1769, seconds: float = 60) -> dict[str, Rendered]:
    bounds = Bounds(memory_mb, seconds)
    return {done.key: done for done in render_all({key: Path(key) for key in keys}, become, bounds)}


@ON_POSIX
def test_a_file_that_ends_its_process_is_reported_and_does_not_stop_the_rest() -> None:
    done = ended("abort", "good-1", "killed", "good-2", "exit", "raise", "recurse", "good-3")
    assert {key: (r.status, r.code) for key, r in done.items()} == {
        **dict.fromkeys(("good-1", "good-2", "good-3"), ("published", None)),
        **dict.fromkeys(("abort", "killed", "exit"), ("failed", "crashed")),
        **dict.fromkeys(("raise", "recurse"), ("failed", "error")),
    }
    assert done["abort"].reason == "its process ended with SIGABRT"
    assert done["killed"].reason == "its process ended with SIGKILL"
    assert done["exit"].reason == "its process ended with exit code 3"
    assert done["raise"].reason == "KeyError: 'raise'"
    assert json.loads(done["abort"].as_json())["code"] == "crashed"


def test_a_file_that_takes_too_long_is_stopped_and_reported() -> None:
    began = time.monotonic()
    done = ended("sleep", "sleep-2", "good", seconds=2)
    assert time.monotonic() - began < 10
    assert (done["sleep"].status, done["sleep"].code) == ("failed", "timeout")
    assert done["sleep"].reason == "it was not done after 2 seconds and was stopped"
    assert done["good"].status == "published"


@ON_LINUX
def test_a_file_may_hold_what_the_function_may_and_no_more() -> None:
    done = ended("hold-200", "hold-300", memory_mb=300)
    assert done["hold-200"].status == "published"
    assert (done["hold-300"].status, done["hold-300"].reason) == ("failed", "MemoryError: ")


@ON_POSIX
def test_the_peak_is_that_of_the_file_alone() -> None:
    done = ended("hold-300", "good-1", "good-2", "hold-100")
    peak = {key: r.peak_mb or 0 for key, r in done.items()}
    assert 100 < peak["hold-100"] < 200
    assert 300 < peak["hold-300"] < 400
    assert peak["good-1"] < 100
    assert peak["good-2"] < 100


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor does one file after the other")
def test_files_are_told_in_the_order_in_which_they_end() -> None:
    assert list(ended("wait", "good-1", "good-2")) == ["good-1", "good-2", "wait"]
