"""Files of a person's machine as sources, and buckets as folders."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import click


def caller_path(path: str | Path) -> Path:
    """A path as the caller meant it: npm runs scripts in the project's folder and tells the caller's."""
    return Path(os.environ.get("INIT_CWD", ".")) / path


def keys_of(paths: Iterable[str]) -> Mapping[str, Path]:
    """The source key for each file in `paths`.

    A file goes by its name, what is in a folder by its path in that folder. Where two would share a key, all go by
    their paths below the folder they have in common.
    """
    found: list[tuple[str, Path]] = []
    for given in paths:
        path = caller_path(given)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file())
            found += [(file.relative_to(path).as_posix(), file) for file in inside]
        elif path.is_file():
            found.append((path.name, path))
        else:
            raise click.ClickException(f"there is no file or folder {given}")
    files = {path.resolve(): (key, path) for key, path in found}
    keys = [key for key, _ in files.values()]
    if len(set(keys)) == len(keys):
        return dict(files.values())
    top = os.path.commonpath([path.parent for path in files])
    return {path.relative_to(top).as_posix(): original for path, (_, original) in files.items()}


def path_of(folder: Path, key: str) -> Path:
    """Where in `folder` a copy of the object `key` goes.

    Keys are an uploader's: a segment that a file system would follow elsewhere ("..", "", a drive) or cannot hold
    (over 255 bytes) is written in a form it takes as a plain name.
    """
    return folder.joinpath(*(_plain(segment) for segment in key.split("/")))


def _plain(segment: str) -> str:
    if segment in ("", ".", ".."):
        return "%" + (segment or "").encode().hex().upper() if segment else "%"
    safe = "".join(quote(c, safe="") if c in '\\:*?"<>|' or not c.isprintable() else c for c in segment)
    if len(safe.encode()) <= 255:
        return safe
    digest = hashlib.sha256(segment.encode()).hexdigest()[:16]
    return safe.encode()[:200].decode(errors="ignore") + "~" + digest


def write_tree(folder: Path, objects: Iterable[tuple[str, bytes]]) -> int:
    """Write each object of a bucket under `folder` and answer how many there were."""
    count = 0
    for key, body in objects:
        path = path_of(folder, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        count += 1
    return count
