"""How much memory a picture will take, foretold from its header alone.

One pixel limit for all formats is wrong for each: a JPEG is decoded at an eighth of its size almost for nothing, a WebP
of 40 bytes takes 16 bytes for each of its pixels. The figures are peaks measured with Pillow 13, rounded up.
"""

from imaging.errors import Rejection

BASE = 120_000_000
"""Bytes the function holds before a picture comes: interpreter, libraries, S3 client."""

BY_CODEC = {"webp": 16, "avif": 10, "heic": 10}
"""Bytes per pixel where the codec hands over the whole picture, and Pillow copies it."""

BY_MODE = {"1": 2, "L": 1, "P": 5, "RGB": 4, "CMYK": 4, "LA": 8, "PA": 9, "RGBA": 8, "LAB": 4, "I": 13, "F": 9}
"""Bytes per pixel as decoded and, where that must be before scaling, converted; by Pillow's mode."""

DEEP_GREY = 15


def foretell(
    name: str,
    mode: str,
    size: tuple[int, int],
    shrunk: tuple[int, int],
    *,
    decoded: tuple[int, int] | None = None,
    frames: int = 1,
    coefficients: float = 0,
) -> int:
    """Bytes at the peak of decoding a picture of `size` pixels and scaling it to `shrunk`.

    `decoded` is the size that a JPEG is decoded at, where that is smaller. `coefficients` are samples per pixel that a
    JPEG of several scans keeps until the last of them, two bytes each, at full size whatever the scale.
    """
    width, height = decoded or size
    pixels = width * height
    each = BY_CODEC.get(name) or (DEEP_GREY if mode.startswith("I;16") else BY_MODE.get(mode, 8))
    # The scale-down halves as often as it can in one pass, then resamples the width, then the height.
    factor = max(1, int(min(width / shrunk[0], height / shrunk[1]) / 3))
    sample = 1 if mode in ("1", "L") else 4
    between = sample * pixels // factor**2 if factor > 1 else 0
    rows = sample * shrunk[0] * height // factor
    kept = 4 * shrunk[0] * shrunk[1] * (3 + frames)
    return pixels * each + between + rows + kept + int(2 * coefficients * size[0] * size[1])


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
