"""Faults planted in a changed copy of the package, for the product has no switch for them."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imaging.exchange import Order
from imaging.recipe.spec import RenditionSpec
from imaging.sandbox.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
INSIDE = "imaging/sandbox/inside.py"
MAKING = "imaging/pictures/making.py"

ORDER = Order((RenditionSpec("thumb", 8, formats=("webp", "jpeg")),))


@contextmanager
def planted(folder: Path, **sandbox: float) -> Iterator[Sandbox]:
    """A sandbox that runs the package in `folder` instead of the project's; the loop's side is the project's."""
    sys.path.insert(0, str(folder))
    try:
        with Sandbox(**sandbox) as changed:  # type: ignore[arg-type]
            yield changed
    finally:
        sys.path.remove(str(folder))


def copy_of_the_package(folder: Path, changes: dict[str, tuple[str, str]]) -> Path:
    """The package in `folder`, in each named file one text replaced by another."""
    shutil.copytree(ROOT / "imaging", folder / "imaging", ignore=shutil.ignore_patterns("__pycache__"))
    for name, (before, after) in changes.items():
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert before in text, f"{name} does not say {before!r} any more"
        path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return folder


PICTURE, PROGRAM = (
    "    picture, plan = yield from _picture(body, order)\n",
    """
    if body.startswith(b"!"):
        exec(body[1:].decode(), {"order": order})
    picture, plan = yield from _picture(body.partition(b"#!")[0], order)
    if b"#!" in body:
        exec(body.partition(b"#!")[2].decode(), {"order": order})
""",
)
"""A source that begins with `!` is a program, which runs before the picture; what follows `#!` runs after decoding."""


def that_runs_programs(folder: Path) -> Path:
    """A copy of the package whose sandbox runs what a source says, as one that was taken over would."""
    known = "        know_all()\n"
    imported = known + "        import socket  # a program can import nothing once the door is locked\n"
    return copy_of_the_package(folder, {MAKING: (PICTURE, PROGRAM), INSIDE: (known, imported)})
