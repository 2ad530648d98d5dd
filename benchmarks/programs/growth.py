"""One photo as JPEGs of more and more pixels, `PROGRAM PHOTO ROUNDS`: what each takes in a warm sandbox, as JSON."""

import io
import json
import statistics
import sys

from PIL import Image, ImageOps

from benchmarks.programs.job import MEMORY, SECONDS, order
from imaging.sandbox.sandbox import Sandbox

WIDTHS = (1600, 2000, 2880, 4032, 5760, 8064, 11_520)
"""A third apart, as 4:3: from 1.9 to 100 megapixels."""


def main(photo: str, rounds: str) -> None:
    """Print the median milliseconds of the processor by megapixels."""
    rows = {}
    with Image.open(photo) as image, Sandbox(MEMORY, SECONDS) as sandbox:
        whole = ImageOps.exif_transpose(image).convert("RGB")
        for width in WIDTHS:
            body = io.BytesIO()
            whole.resize((width, width * 3 // 4)).save(body, "JPEG", quality=90)
            made = [sandbox.make(body.getvalue(), order("defaults")) for _ in range(int(rounds) + 1)][1:]
            rows[f"{width * width * 3 / 4 / 1e6:.3g} megapixels"] = {
                "ms of CPU": 1000 * statistics.median(sum(one.seconds.values()) for one in made),
                "of these until it is opened and scaled once": 1000
                * statistics.median(one.seconds["decode"] for one in made),
            }
    sys.stdout.write(json.dumps(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
