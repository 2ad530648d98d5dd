"""Pictures in another size: premultiplied where they have alpha, and averaged first where they shrink a lot."""

from PIL import Image

from imaging.recipe.geometry import Box, Size, limit

GAP = 3.0
"""Averaging whole pixels stops at this many times the wanted size, and resampling does the rest: no eye sees it."""
STRIP = 256
"""Rows that are made at a time. Between its two passes Pillow keeps a copy of what it scales, in the new width."""
PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}
"""Modes in which a hidden colour weighs nothing."""


def scaled(
    image: Image.Image,
    size: Size,
    resample: Image.Resampling = Image.Resampling.LANCZOS,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """What `box` holds of the picture (all of it when None), in `size` pixels."""
    if premultiplied := PREMULTIPLIED.get(image.mode):
        return scaled(image.convert(premultiplied), size, resample, box).convert(image.mode)
    width, height = size
    if height <= STRIP:
        return image.resize(size, resample, box, reducing_gap=GAP)
    left, top, right, bottom = box or (0, 0, *image.size)
    canvas = Image.new(image.mode, size, None)
    for first in range(0, height, STRIP):
        last = min(first + STRIP, height)
        # A kernel that reaches over the strip's edges finds the picture there, so strips leave no seam.
        ends = (top + (bottom - top) * first / height, min(top + (bottom - top) * last / height, bottom))
        strip = image.resize((width, last - first), resample, (left, ends[0], right, ends[1]), reducing_gap=GAP)
        canvas.paste(strip, (0, first))
    return canvas


def thumbnail(image: Image.Image, side: int) -> Image.Image:
    """The picture with at most `side` pixels on a side, each the mean of those it stands for."""
    size = limit(image.size, Box(side, side, enlarge=False, longest=side)).size
    return scaled(image, size, Image.Resampling.BOX)
