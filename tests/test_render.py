import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Semaphore

import pytest
from click.testing import CliRunner, Result
from PIL import Image

import ops.render
from imaging.errors import OutOfTime, SandboxError
from imaging.exchange import Made, Order
from imaging.publishing.manifest import Manifest
from imaging.publishing.reconciling import reconcile
from imaging.recipe.recipe import Recipe
from imaging.sandbox.sandbox import Sandbox
from ops.__main__ import main
from ops.memory import MemoryStorage
from ops.recipe import parse
from ops.render import Bounds, Rendered, render_all
from tests.builders import saved, scene
from tests.making import InProcess
from tests.recipes import recipe

SHEET = "contact-sheet.html"
RECIPE = """
ignore = ["**.tmp", "**/.DS_Store"]
[[rendition]]
name = "thumb"
width = 16
formats = ["webp", "auto"]
"""
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")


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
    reconcile("news/cat.jpg", made, bucket, InProcess())

    (done,) = render_all({"news/cat.jpg": file}, made, tmp_path / "out", Bounds())

    assert done.status == "published"

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
    assert r"notes\n.jpg  unsupported-format: " in refused
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
    (photos / ".DS_Store").write_bytes(b"\0")
    done = ops_render(photos)
    assert done.exit_code == 0
    assert "ignored    upload.tmp" in done.stdout
    (photos / "cat.jpg").unlink()
    assert ops_render(photos).exit_code == 0


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


def test_what_an_earlier_run_wrote_can_be_rendered_its_sheet_included(photos: Path) -> None:
    assert ops_render(photos).exit_code == 0
    earlier = photos.parent / "out"
    command = ["render", str(earlier), "--out", str(photos.parent / "again"), "--recipe"]
    done = CliRunner().invoke(main, [*command, str(photos.parent / "recipe.toml")])
    assert done.exit_code == 1, done.output
    assert "2 published" in done.stdout
    assert "2 rejected" in done.stdout
    assert names(photos.parent / "again") >= {
        "cat.jpg/thumb.webp/thumb.webp",
        "contact-sheet.html/manifest.json",
        "contact-sheet-1.html",
    }


def test_sources_with_the_sheets_own_names_leave_it_a_place(photos: Path) -> None:
    for name in ("Contact-Sheet.html", "contact-sheet-1.html"):
        (photos / name).write_bytes(saved(scene(), "png"))
    done = ops_render(photos)
    assert done.exit_code == 0, done.output
    assert "see " + str(photos.parent / "out" / "contact-sheet-2.html") in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows takes no colon in a name")
def test_keys_that_look_like_each_others_paths_have_files_of_their_own(photos: Path) -> None:
    for name in ("a:b.png", "a%3Ab.png"):
        (photos / name).write_bytes(saved(scene(), "png"))
    assert ops_render(photos).exit_code == 0
    assert {name.partition("/")[0] for name in names(photos.parent / "out")} == {
        *("cat.jpg", "a%3Ab.png", "a%253Ab.png", SHEET)
    }


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(photos: Path) -> None:
    command = ["render", str(photos), "--out", str(photos / "cat.jpg"), "--recipe", str(photos.parent / "recipe.toml")]
    done = CliRunner().invoke(main, command)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "--out names a file" in done.stderr


def test_a_path_that_cannot_be_written_fails_alone_and_in_one_line(photos: Path) -> None:
    (photos / "dog.jpg").write_bytes(saved(scene(), "jpeg"))
    (photos.parent / "out").mkdir()
    (photos.parent / "out" / "dog.jpg").write_text("a file where a folder has to be")
    done = ops_render(photos)
    assert done.exit_code == 1
    assert [line[:18] for line in sorted(done.stdout.splitlines())[1:]] == ["failed     dog.jpg", "published  cat.jpg"]
    assert "it would be a file and a folder at once" in done.stdout


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


# --- One file and the rest


class Troubled(Sandbox):
    """A sandbox that goes wrong over sources that say so."""

    def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:
        match body:
            case b"late":
                raise OutOfTime("the invocation's time ran out over this picture")
            case b"ours":
                raise SandboxError("a fault of ours, where pictures are opened:\nTraceback\n  line 1\nKeyError: 'webp'")
            case b"odd":
                raise KeyError("odd")
        return super().make(body, order, ends)


def ended(
    folder: Path, bodies: dict[str, bytes], bounds: Bounds | None = None, made: Recipe | None = None
) -> dict[str, Rendered]:
    """What became of files with these contents, by their names."""
    for name, body in bodies.items():
        (folder / name).write_bytes(body)
    files = {name: folder / name for name in bodies}
    return {done.key: done for done in render_all(files, made or recipe("thumb"), folder / "out", bounds or Bounds())}


def test_a_file_over_which_something_goes_wrong_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.render, "Sandbox", Troubled)
    picture = saved(scene(), "png")
    done = ended(tmp_path, {"1": b"late", "2": picture, "3": b"ours", "4": b"odd", "5": picture, "6": picture})
    assert {key: (one.status, one.code) for key, one in sorted(done.items())} == {
        "1": ("failed", "timeout"),
        "2": ("published", None),
        "3": ("failed", "error"),
        "4": ("failed", "error"),
        "5": ("published", None),
        "6": ("published", None),
    }
    assert done["4"].reason == "KeyError: 'odd'"
    assert json.loads(done["3"].as_json())["reason"].splitlines()[1] == "Traceback"


def test_a_failure_is_told_in_one_line_that_says_how_it_began_and_ended(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops.render, "Sandbox", Troubled)
    (photos / "dog.jpg").write_bytes(b"ours")
    failed = next(line for line in ops_render(photos).stdout.splitlines() if line.startswith("failed"))
    assert failed == (
        "failed     dog.jpg  error: SandboxError: a fault of ours, where pictures are opened: KeyError: 'webp'"
    )


def test_a_file_that_cannot_be_read_fails_alone(photos: Path) -> None:
    files = {"gone.jpg": photos / "gone.jpg", "cat.jpg": photos / "cat.jpg"}
    done = {one.key: one for one in render_all(files, recipe("thumb"), photos.parent / "out", Bounds())}
    assert done["cat.jpg"].status == "published"
    assert done["gone.jpg"].error == f"file: {photos / 'gone.jpg'}: No such file or directory"


def test_a_sandbox_that_does_not_start_is_no_fault_of_a_file(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> Sandbox:
        raise SandboxError("the sandbox does not start: it said nothing")

    monkeypatch.setattr(ops.render, "Sandbox", broken)
    done = ops_render(photos)
    assert done.exit_code == 1
    assert done.stderr == "Error: the sandbox does not start: it said nothing\n"


@ON_LINUX
@pytest.mark.slow
def test_a_picture_may_take_what_the_function_has_and_no_more(tmp_path: Path) -> None:
    large = saved(Image.new("RGBA", (9000, 9000)), "png", compress_level=1)
    few, many = (ended(tmp_path, {"a": large}, Bounds(memory))["a"] for memory in (256, 1769))
    assert few.manifest
    assert few.manifest.rejection
    assert few.manifest.rejection.code == "needs-too-much-memory"
    assert many.status == "published"
    assert many.peak_mb
    assert many.peak_mb > 9000 * 9000 * 4 / 2**20


@pytest.mark.slow
def test_a_picture_may_take_its_seconds_of_the_processor_and_no_more(tmp_path: Path) -> None:
    slow = saved(Image.effect_noise((2000, 2000), 80), "jpeg")
    avif = parse('[[rendition]]\nname = "a"\nformats = ["avif"]\neffort = { avif = 10 }\n', tmp_path)
    done = ended(tmp_path, {"a": slow, "b": saved(scene(), "png")}, Bounds(seconds=0.1), avif)
    assert done["b"].status == "published"
    assert done["a"].manifest
    assert done["a"].manifest.rejection
    assert done["a"].manifest.rejection.code == "took-too-long"
    assert done["a"].seconds < 5


def test_a_file_that_no_sandbox_saw_has_no_peak(tmp_path: Path) -> None:
    done = ended(tmp_path, {"a": saved(scene(), "png"), "empty": b""})
    assert done["a"].peak_mb
    assert done["empty"].peak_mb is None


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor does one file after the other")
def test_files_are_told_in_the_order_in_which_they_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = Semaphore(0)

    class Waiting(Sandbox):
        def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:
            if body.endswith(b"wait"):
                assert others.acquire(timeout=60)
                assert others.acquire(timeout=60)
                time.sleep(0.5)  # by then the second one is told
                return super().make(body, order, ends)
            made = super().make(body, order, ends)
            others.release()
            return made

    monkeypatch.setattr(ops.render, "Sandbox", Waiting)
    picture = saved(scene(), "png")
    assert list(ended(tmp_path, {"slow": picture + b"wait", "one": picture, "two": picture})) == ["one", "two", "slow"]
