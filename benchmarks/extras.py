"""What is measured besides the contenders."""

from collections.abc import Collection

import click

from benchmarks import bursts, cold_start, efforts, growth, on_one_machine, other_sources, pixels, uploads
from benchmarks.bench import Bench, Rows

PARTS = {
    "pixels": ("How alike the pixels are to the whole photo, before they are encoded (SSIM)", pixels.measure),
    "efforts": ("Efforts of the encoders, quality 80 (AVIF 60); AVIF and PNG at 640 pixels only", efforts.measure),
    "sources": (
        "Other sources, four widths: of one source, a third of the program's own start included",
        other_sources.measure,
    ),
    "growth": ("How cost grows with the source: one JPEG, four widths, a warm sandbox", growth.measure),
    "cold-start": ("Cold start: CPU of all processes, from the package, on one core", cold_start.measure),
    "uploads": ("Uploads to the embedded AWS", uploads.measure),
    "machine": ("200 photos of 1 megapixel on this machine", on_one_machine.measure),
    "burst": ("A burst of uploads, by the model of ops/burst.py", bursts.measure),
}
"""Each part by the name that `--extra` takes: its heading, and what measures it."""


def measure(bench: Bench, only: Collection[str] = ()) -> dict[str, Rows]:
    """Every part, or `only` these, by heading. A part that cannot be measured says why."""
    answer = {}
    for name, (heading, part) in PARTS.items():
        if not only or name in only:
            click.echo(f"{heading} ...", err=True)
            try:
                answer[heading] = part(bench)
            except click.ClickException as error:
                answer[heading] = {"missing": error.format_message()}
    return answer
