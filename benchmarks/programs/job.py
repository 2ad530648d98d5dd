"""The one job that all contenders do."""

from pathlib import Path

from imaging.model import Limits, RenditionSpec

WIDTHS = (320, 640, 1280, 1920)
FORMATS = ("jpeg", "webp")
LIMITS = Limits()


def specs(*formats: str) -> list[RenditionSpec]:
    """The job as a recipe would say it; quality 80 is the default of both formats."""
    return [RenditionSpec(f"w{width}", width=width, formats=formats or FORMATS) for width in WIDTHS]


def write(out: str, photo: str, width: int, extension: str, content: bytes) -> None:
    """One file of the contender's output."""
    Path(out, f"{Path(photo).stem}-{width}.{extension}").write_bytes(content)
