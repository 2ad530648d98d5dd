from pathlib import Path

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imaging.model import LONGEST_KEY
from ops.files import caller_path, keys_of, path_of, write_tree

FOLDER = Path("/somewhere/out")
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300).filter(
    lambda key: len(key.encode()) <= LONGEST_KEY
)
ANY_KEY = KEYS | st.lists(st.sampled_from(["..", ".", "", "a", "C:", "%", "\\..\\x", "\0", "é" * 200]), min_size=1).map(
    "/".join
)


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
    return folder


# --- Files as sources


def test_a_file_goes_by_its_name_and_what_is_in_a_folder_by_its_path_in_it(tmp_path: Path) -> None:
    made(tmp_path, "cat.jpg", "photos/2026/dog.jpg", "photos/fox.jpg")
    assert keys_of([str(tmp_path / "cat.jpg"), str(tmp_path / "photos")]) == {
        "cat.jpg": tmp_path / "cat.jpg",
        "2026/dog.jpg": tmp_path / "photos/2026/dog.jpg",
        "fox.jpg": tmp_path / "photos/fox.jpg",
    }


def test_files_that_would_share_a_key_all_go_by_their_paths(tmp_path: Path) -> None:
    made(tmp_path, "a/cat.jpg", "b/cat.jpg", "b/dog.jpg")
    assert keys_of([str(tmp_path / "a/cat.jpg"), str(tmp_path / "b")]) == {
        "a/cat.jpg": tmp_path / "a/cat.jpg",
        "b/cat.jpg": tmp_path / "b/cat.jpg",
        "b/dog.jpg": tmp_path / "b/dog.jpg",
    }


def test_a_file_named_twice_is_one_source(tmp_path: Path) -> None:
    made(tmp_path, "photos/cat.jpg")
    assert list(keys_of([str(tmp_path / "photos"), str(tmp_path / "photos/cat.jpg")])) == ["cat.jpg"]


def test_an_empty_folder_has_no_sources(tmp_path: Path) -> None:
    assert keys_of([str(tmp_path)]) == {}


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match=r"no file or folder .*missing\.jpg"):
        keys_of([str(tmp_path / "missing.jpg")])


def test_a_relative_path_is_the_callers_and_not_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INIT_CWD", str(made(tmp_path, "cat.jpg")))
    assert caller_path("cat.jpg") == tmp_path / "cat.jpg"
    assert caller_path("/else/where") == Path("/else/where")
    assert keys_of(["cat.jpg"]) == {"cat.jpg": tmp_path / "cat.jpg"}


# --- Objects as files


@pytest.mark.parametrize("key", ["news/2026/cat.jpg/thumb.webp", "Größe/été 50%.jpg/large.jpg", "a/b.c~d/e+f&g.png"])
def test_an_ordinary_key_is_its_own_path(key: str) -> None:
    assert path_of(FOLDER, key) == FOLDER / key


@given(key=ANY_KEY)
@example(key="../../etc/passwd")
@example(key="/etc/passwd")
@example(key="//server/share")
@example(key="C:\\windows")
@example(key="a/./../b")
@example(key="x" * LONGEST_KEY)
def test_every_key_is_a_plain_path_inside_the_folder(key: str) -> None:
    path = path_of(FOLDER, key)
    inside = path.relative_to(FOLDER).parts
    assert len(inside) == len(key.split("/"))
    for part in inside:
        assert part not in ("", ".", "..")
        assert not set(part) & set('/\\:*?"<>|\0')
        assert len(part.encode()) <= 255


@given(one=ANY_KEY, other=ANY_KEY)
@example(one="a", other="a/")
@example(one="a//b", other="a/b")
@example(one="a/./b", other="a/../b")
@example(one="x" * 300 + "1", other="x" * 300 + "2")
@example(one="a:b", other="a*b")
def test_two_keys_without_a_percent_sign_never_share_a_path(one: str, other: str) -> None:
    # A percent sign is written as it is, for people have it in names: only "a%3Ab" beside "a:b" would meet.
    if one != other and "%" not in one + other:
        assert path_of(FOLDER, one) != path_of(FOLDER, other)


def test_a_tree_holds_every_object_and_stays_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    keys = ["cat.jpg/manifest.json", "../up.jpg/thumb.webp", "/abs/a.png", "a//b.png", "n" * 1000 + "/x"]
    assert write_tree(folder, ((key, key.encode()) for key in keys)) == len(keys)
    assert (folder / "cat.jpg/manifest.json").read_bytes() == b"cat.jpg/manifest.json"
    assert {p.read_bytes().decode() for p in folder.rglob("*") if p.is_file()} == set(keys)
    assert list(tmp_path.iterdir()) == [folder]
