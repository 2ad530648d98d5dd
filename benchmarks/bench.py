"""What every part of the benchmark is given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

Rows = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """The photos, a folder for what is made, how often everything runs, and the project at an earlier commit."""

    photos: list[Path]
    scratch: Path
    rounds: int
    before: Path | None = None

    def folder(self, name: str) -> Path:
        """A new folder for what is made."""
        folder = self.scratch / name
        folder.mkdir()
        return folder
