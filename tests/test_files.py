from pathlib import Path

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imaging.keys import LONGEST_KEY
from ops.files import caller_path, folder_to_write, keys_of, path_of, write_tree

FOLDER = Path("/somewhere/out")
KEYS = st.text(min_size=1, max_size=300).filter(lambda key: len(key.encode(errors="surrogatepass")) <= LONGEST_KEY)
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


@pytest.mark.parametrize(
    "key", ["news/2026/cat.jpg/thumb.webp", "Größe/été 50%.jpg/large.jpg", "a/b.c~d/e+f&g.png", "100%_sure.png"]
)
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


LONG = "x" * 300


@given(one=ANY_KEY, other=ANY_KEY)
@example(one="a", other="a/")
@example(one="a//b", other="a/b")
@example(one="a/%/b", other="a//b")
@example(one="a/./b", other="a/../b")
@example(one="%2E", other=".")
@example(one="%2E2E", other="..")
@example(one=LONG + "1", other=LONG + "2")
@example(one=LONG, other=path_of(FOLDER, LONG).name)
@example(one="a:b", other="a*b")
@example(one="a:b", other="a%3Ab")
@example(one="a%3Ab", other="a%253Ab")
@example(one="%3:", other="%3%3A")
@example(one="\udcff", other="%ED%B3%BF")
def test_two_keys_never_share_a_path(one: str, other: str) -> None:
    if one != other:
        assert path_of(FOLDER, one) != path_of(FOLDER, other)


@given(st.lists(st.text("%~:23aAE.", max_size=6), min_size=2, max_size=2, unique=True))
def test_two_keys_of_percent_signs_and_what_follows_them_never_share_a_path(keys: list[str]) -> None:
    one, other = keys
    assert path_of(FOLDER, one) != path_of(FOLDER, other)


def test_a_tree_holds_every_object_and_stays_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    keys = ["cat.jpg/manifest.json", "../up.jpg/thumb.webp", "/abs/a.png", "a//b.png", "n" * 1000 + "/x"]
    assert write_tree(folder, ((key, key.encode()) for key in keys)) == len(keys)
    assert (folder / "cat.jpg/manifest.json").read_bytes() == b"cat.jpg/manifest.json"
    assert {p.read_bytes().decode() for p in folder.rglob("*") if p.is_file()} == set(keys)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("keys", [("a.jpg/thumb.webp", "a.jpg/thumb.webp/b"), ("a/b", "a")])
def test_a_tree_that_no_folder_can_hold_is_refused_in_a_sentence(tmp_path: Path, keys: tuple[str, ...]) -> None:
    with pytest.raises(click.ClickException, match="it would be a file and a folder at once"):
        write_tree(tmp_path, ((key, b"") for key in keys))


# --- Where a command writes


def test_a_folder_to_write_is_the_callers_and_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INIT_CWD", str(tmp_path))
    assert folder_to_write("a/b") == tmp_path / "a/b"
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a/b"]
    assert list((tmp_path / "a/b").iterdir()) == []


def test_a_file_is_no_folder_to_write(tmp_path: Path) -> None:
    made(tmp_path, "cat.jpg")
    with pytest.raises(click.ClickException, match="--out names a file"):
        folder_to_write(tmp_path / "cat.jpg")
    with pytest.raises(click.ClickException, match=r"nothing can be written to the folder .*: Not a directory"):
        folder_to_write(tmp_path / "cat.jpg" / "out")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder is known here that nobody may write to")
def test_a_folder_that_takes_no_file_is_refused_in_a_sentence() -> None:
    with pytest.raises(click.ClickException, match="nothing can be written to the folder /proc/self"):
        folder_to_write("/proc/self")
    with pytest.raises(click.ClickException, match="nothing can be written to the folder /proc/self/a/b"):
        folder_to_write("/proc/self/a/b")
