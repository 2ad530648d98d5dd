"""Files of a person's machine as sources, and buckets as folders."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import click

LONGEST_NAME = 255
"""Bytes that the usual file systems allow for one name."""
LOOKS_ESCAPED = re.compile(r"%(?=[0-9A-Fa-f]{2}|~)")
"""A percent sign of the key that would be read as one of ours."""


def caller_path(path: str | Path) -> Path:
    """A path as the caller meant it: npm runs scripts in the project's folder and tells the caller's."""
    return Path(os.environ.get("INIT_CWD", ".")) / path


def keys_of(paths: Iterable[str]) -> Mapping[str, Path]:
    """The source key for each file in `paths`.

    A file goes by its name, what is in a folder by its path in that folder. Where two would share a key, all go by
    their paths below the folder they have in common.
    """
    named_files: list[tuple[str, Path]] = []
    for named in paths:
        path = caller_path(named)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file())
            named_files += [(file.relative_to(path).as_posix(), file) for file in inside]
        elif path.is_file():
            named_files.append((path.name, path))
        else:
            raise click.ClickException(f"there is no file or folder {named}")
    files = {path.resolve(): (key, path) for key, path in named_files}
    keys = [key for key, _ in files.values()]
    if len(set(keys)) == len(keys):
        return dict(files.values())
    top = os.path.commonpath([path.parent for path in files])
    return {path.relative_to(top).as_posix(): original for path, (_, original) in files.items()}


def folder_to_write(path: str | Path) -> Path:
    """The caller's folder for what a command writes, made if it is not there; refused if nothing can be written."""
    folder = caller_path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # asking for permissions would miss a full or read-only disk
    except FileExistsError:
        raise click.ClickException(f"--out names a file, {path}; name a folder") from None
    except OSError as error:
        raise click.ClickException(f"nothing can be written to the folder {path}: {error.strerror}") from None
    return folder


def path_of(folder: Path, key: str) -> Path:
    """Where in `folder` a copy of the object `key` goes; no two keys share a path.

    Keys are an uploader's: what a file system would follow elsewhere ("..", "", a drive) or cannot hold (over 255
    bytes) is written in a form that it takes as a plain name, beginning with a percent sign.
    """
    return folder.joinpath(*(_plain(segment) for segment in key.split("/")))


def _plain(segment: str) -> str:
    if segment == "":
        return "%"
    if segment in (".", "..", "%"):
        return "".join(f"%{ord(each):02X}" for each in segment)
    safe = "".join(_escaped(each) for each in LOOKS_ESCAPED.sub("%25", segment))
    if len(safe.encode()) <= LONGEST_NAME:
        return safe
    digest = hashlib.sha256(segment.encode(errors="surrogatepass")).hexdigest()[:32]
    return safe.encode()[:200].decode(errors="ignore") + "%~" + digest


def _escaped(character: str) -> str:
    """The character, or what stands for it where it is not plain in every file system."""
    plain = character.isprintable() and character not in '\\:*?"<>|'
    return character if plain else quote(character, safe="", errors="surrogatepass")


def write_tree(folder: Path, objects: Iterable[tuple[str, bytes]]) -> int:
    """Write each object of a bucket under `folder` and answer how many there were."""
    count = 0
    for key, body in objects:
        path = path_of(folder, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise click.ClickException(
                f"{path} cannot be written: it would be a file and a folder at once. "
                "A bucket can hold both keys; write to an empty folder, or rename one of the sources."
            ) from None
        count += 1
    return count
