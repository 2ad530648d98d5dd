"""The one job that all contenders do, as our own programs say it."""

import sys
from pathlib import Path

from imaging.exchange import Order
from imaging.recipe.spec import RenditionSpec
from imaging.sandbox.sandbox import Sandbox

WIDTHS = (320, 640, 1280, 1920)
FORMATS = {
    "defaults": ("jpeg", "webp"),
    "equal": ("jpeg", "webp"),
    "lossless": ("png",),
    "avif": ("avif",),
    "animated": ("webp",),
    "animated-equal": ("webp",),
}
QUALITY = {"jpeg": 80, "webp": 80, "avif": 60}
EFFORT = {"webp": 2, "avif": 3, "png": 6}
"""What a recipe means that says nothing of them."""
MEMORY, SECONDS = 1769 * 2**20, 60
"""What the deployed function gives its sandbox."""


def order(coding: str, widths: tuple[int, ...] = WIDTHS) -> Order:
    """The job as the sandbox is told it."""
    formats = FORMATS[coding]
    quality = {name: QUALITY[name] for name in formats if name in QUALITY}
    effort = {name: EFFORT[name] for name in formats if name in EFFORT}
    if coding.endswith("equal"):
        effort["webp"] = 4
    return Order(
        tuple(
            RenditionSpec(f"w{width}", width=width, formats=formats, quality=quality, effort=effort) for width in widths
        )
    )


def write(out: str, photo: str, name: str, extension: str, content: bytes) -> None:
    """One file of the contender's output."""
    Path(out, f"{Path(photo).stem}-{name.removeprefix('w')}.{extension}").write_bytes(content)


def make(order: Order, out: str, photos: tuple[str, ...]) -> None:
    """Make the files in a sandbox, and print the most memory that both processes held together."""
    with Sandbox(MEMORY, SECONDS) as sandbox:
        for photo in photos:
            for file in sandbox.make(Path(photo).read_bytes(), order).files:
                write(out, photo, file.name, file.format, file.content)
        peak = sandbox.peak
    sys.stdout.write(f"peak {peak + own_peak()}\n")


def own_peak() -> int:
    """The most bytes of memory that this process has held.

    On Linux `ru_maxrss` is no answer: it counts what the process that started this one held at that moment.
    """
    if sys.platform != "linux":
        import resource  # noqa: PLC0415  unknown on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
