"""Pictures in another size, premultiplied where they have alpha: smaller by libvips, larger by Pillow."""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, inf

from PIL import Image

from imaging.pictures.pixels import Pixels
from imaging.pictures.vips import Pipeline
from imaging.recipe.geometry import Box, Size, limit

GAP = 2.0
"""How many times too long a side still is when averaging stops and the Lanczos kernel goes on."""
PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}
"""Modes in which a hidden colour weighs nothing."""
EXACT = 0.01
"""Pixels of the result by which nobody sees it moved."""
MOST = 1000
"""How many pixels a side gets at either end, at most, for its part to come out in the right place."""


def scaled(image: Image.Image, size: Size, box: tuple[float, float, float, float] | None = None) -> Image.Image:
    """What `box` holds of the picture (all of it when None), in `size` pixels."""
    if premultiplied := PREMULTIPLIED.get(image.mode):
        return scaled(image.convert(premultiplied), size, box).convert(image.mode)
    left, top, right, bottom = box or (0, 0, *image.size)
    if right - left < size[0] or bottom - top < size[1]:
        return image.resize(size, Image.Resampling.LANCZOS, box)  # for this libvips would start threads
    across, down = Side.of(image.width, left, right, size[0]), Side.of(image.height, top, bottom, size[1])
    pipeline = Pipeline(Pixels.of(image))
    pipeline.extend((across.before, down.before), (across.behind, down.behind))
    pipeline.reduce((across.scale, down.scale), GAP)
    result = Image.new(image.mode, size, None)
    pipeline.write(Pixels.of(result), (across.skipped, down.skipped))
    return result


def thumbnail(image: Image.Image, side: int) -> Image.Image:
    """The picture with at most `side` pixels on a side, each the mean of those it stands for."""
    if premultiplied := PREMULTIPLIED.get(image.mode):
        return thumbnail(image.convert(premultiplied), side).convert(image.mode)
    size = limit(image.size, Box(side, side, enlarge=False, longest=side)).size
    return image.resize(size, Image.Resampling.BOX, reducing_gap=GAP)


@dataclass(frozen=True, slots=True)
class Side:
    """How one side of a picture shrinks: `scale` of its pixels become one.

    In libvips a side keeps its middle, and its length is rounded. So that a part of it comes out where it should, the
    side gets some pixels `before` its first and `behind` its last, and of what comes out the first are `skipped`.
    """

    scale: float
    before: int
    behind: int
    skipped: int

    @classmethod
    def of(cls, length: int, start: float, stop: float, wanted: int) -> "Side":
        """The part from `start` to `stop` of a side of `length` pixels, which becomes `wanted` pixels."""
        scale = (stop - start) / wanted
        before = _nearly_whole(lambda more: (start + more) / scale)

        def skipped(behind: int) -> float:
            exactly = (before + length + behind) / scale
            return (start + before) / scale + (floor(exactly + 0.5) - exactly) / 2

        behind = _nearly_whole(skipped)
        return cls(scale, before, behind, round(skipped(behind)))


def _nearly_whole(place: Callable[[int], float]) -> int:
    """The first number for which `place` is whole but for EXACT; where none is, the one for which it is nearest."""
    best, nearest = 0, inf
    for number in range(MOST):
        aside = abs(place(number) - round(place(number)))
        if aside < nearest:
            best, nearest = number, aside
        if nearest < EXACT:
            break
    return best
