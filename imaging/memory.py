"""How much memory a picture will take, foretold from its header alone.

One pixel limit for all formats is wrong for each: a JPEG is decoded at an eighth of its size almost for nothing, a WebP
of 40 bytes takes 16 bytes for each of its pixels. The figures are peaks measured with Pillow 13, rounded up.
"""

from collections.abc import Sequence

from imaging.errors import Rejection
from imaging.model import RenditionSpec

BASE = 120_000_000
"""Bytes the function holds before a picture comes: interpreter, libraries, S3 client."""

# fmt: off
EACH = {
    "1": 2, "L": 1, "P": 5, "RGB": 4, "CMYK": 4, "LAB": 4, "LA": 8, "RGBA": 8, "I": 13, "F": 13, "I;16": 15,
    "1+": 10, "L+": 9, "P+": 9, "RGB+": 12, "I;16+": 20,
    "webp RGB": 16, "webp RGBA": 16, "avif RGB": 10, "avif RGBA": 12,
    "heic RGB": 7, "heic RGBA": 9, "heic RGB+": 13, "heic RGBA+": 15,
}
# fmt: on
"""Bytes per pixel while it is decoded, made 8 bit and scaled, by Pillow's mode or by format and mode.

"+": one colour stands for transparency, and alpha is made of it; of a HEIC: it has more than 8 bits. Where a codec
hands over the whole picture, Pillow copies it. What is not here takes 12 at most.
"""

ENCODED = {"jpeg": 12, "auto": 12, "png": 9, "webp": 20, "webp+": 38, "avif": 28, "avif+": 33, "gif": 38}
"""Bytes per pixel of a rendition while it is encoded, by format; "+": with alpha. Noise takes most."""


def foretell(
    name: str,
    mode: str,
    size: tuple[int, int],
    shrunk: tuple[int, int],
    *,
    frames: int = 1,
    coefficients: int = 0,
) -> int:
    """Bytes at the peak of decoding a picture stored in `size` pixels and scaling it to `shrunk`.

    `coefficients` are the bytes that a JPEG of several scans keeps until the last of them.
    """
    width, height = size
    each = EACH.get(f"{name} {mode}") or EACH.get(mode, 12)
    # The scale-down halves as often as it can in one pass, then resamples the width, then the height.
    factor = max(1, int(min(width / shrunk[0], height / shrunk[1]) / 3))
    sample = 1 if mode in ("1", "L") else 4
    between = sample * width * height // factor**2 if factor > 1 else 0
    rows = sample * shrunk[0] * height // factor
    kept = 4 * shrunk[0] * shrunk[1] * (1 + frames)
    return width * height * each + between + rows + kept + coefficients


def foretell_renditions(
    specs: Sequence[RenditionSpec], size: tuple[int, int], shrunk: tuple[int, int], *, frames: int, alpha: bool
) -> int:
    """Bytes at the peak of making the renditions of an upright picture of `size` that was scaled to `shrunk`."""
    copies, encodings = [], [0]
    for spec in specs:
        cut = spec.crop(*size).size
        canvas = (spec.width, spec.height) if spec.fit == "pad" and spec.width and spec.height else cut
        if cut != shrunk:
            copies.append(cut[0] * cut[1])
        if canvas != cut or spec.sharpen or spec.overlay or "gif" in spec.formats:
            copies.append(canvas[0] * canvas[1])
        for name in spec.formats:
            each = ENCODED.get(f"{name}+" if alpha else name) or ENCODED[name]
            encodings.append(each * canvas[0] * canvas[1])
    # At once there are the picture, as much again that waits for one of two encoders, what is being rendered and of
    # what, and what these two take.
    picture = shrunk[0] * shrunk[1]
    rendered = min(sum(copies), picture + sum(sorted(copies)[-2:]))
    return 4 * frames * (picture + rendered) + sum(sorted(encodings)[-2:])


def refuse_over(budget: int | None, needed: int, spoken: str, size: tuple[int, int]) -> None:
    """Reject a picture that needs more bytes than `budget`; None is no bound."""
    if budget is None or needed <= budget:
        return
    raise Rejection(
        "needs-too-much-memory",
        f"This {spoken} file of {size[0]:,} x {size[1]:,} pixels needs {needed / 1e6:,.0f} MB of memory to open, "
        f"and there are {budget / 1e6:,.0f}.",
        "Export it with fewer pixels, or a photo as a baseline (not progressive) JPEG, and upload it again.",
    )
