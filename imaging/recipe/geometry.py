"""How a picture meets the box of a rendition: every fit, in one table. Sizes only; where to crop is decided later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

Size = tuple[int, int]
Point = tuple[float, float]
"""A place in a picture as fractions of its width and height."""


class Box(NamedTuple):
    """A box to meet, in pixels. A side that is None is free; `longest` is what the formats can hold."""

    width: int | None
    height: int | None
    enlarge: bool
    longest: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What a fit makes of a source of `source` pixels: `part` of it, in `size` pixels, on a canvas of `canvas` pixels.

    `part` may have fractions of pixels. It is the whole source, or what a crop leaves.
    """

    source: Size
    part: tuple[float, float]
    size: Size
    canvas: Size

    @property
    def whole(self) -> bool:
        """Whether nothing is cropped away."""
        return self.part == self.source

    @property
    def scale(self) -> float:
        """Rendition pixels per source pixel; how much of the source must be decoded."""
        return max(self.size[0] / self.part[0], self.size[1] / self.part[1])

    def around(self, focus: Point) -> tuple[float, float, float, float]:
        """The part as left, top, right and bottom, with `focus` as near its middle as the source's edges allow."""
        left = min(max(0.0, focus[0] * self.source[0] - self.part[0] / 2), self.source[0] - self.part[0])
        top = min(max(0.0, focus[1] * self.source[1] - self.part[1] / 2), self.source[1] - self.part[1])
        return left, top, left + self.part[0], top + self.part[1]


def limit(source: Size, box: Box) -> Shape:
    """The whole source inside the box, and inside what the formats can hold; a side at least one pixel."""
    most = inf if box.enlarge else 1.0
    scale = min((box.width or inf) / source[0], (box.height or inf) / source[1], most)
    scale = min(1.0 if scale == inf else scale, box.longest / max(source))
    size = _at_least_one(source[0] * scale, source[1] * scale)
    return Shape(source, source, size, size)


def fill(source: Size, box: Box) -> Shape:
    """The box covered exactly, cut from the source; of a smaller source the largest picture of the box's shape."""
    width, height = _both(box)
    shrink = 1.0 if box.enlarge else min(1.0, source[0] / width, source[1] / height)
    size = _at_least_one(width * shrink, height * shrink)
    scale = max(size[0] / source[0], size[1] / source[1])
    part = min(source[0], size[0] / scale), min(source[1], size[1] / scale)
    return Shape(source, part, size, size)


def pad(source: Size, box: Box) -> Shape:
    """The whole source inside the box, on a canvas of the box's size."""
    return Shape(source, source, limit(source, box).size, _both(box))


FITS: Mapping[str, Callable[[Size, Box], Shape]] = {"limit": limit, "fill": fill, "pad": pad}
"""Every fit that a recipe can name."""
NEED_BOTH_SIDES = ("fill", "pad")
"""Fits whose box has a width and a height."""
CROP = ("fill",)
"""Fits that cut something away, so that gravity matters."""


def _both(box: Box) -> Size:
    if box.width is None or box.height is None:
        raise ValueError("this fit needs a box with a width and a height")
    return box.width, box.height


def _at_least_one(width: float, height: float) -> Size:
    return max(1, round(width)), max(1, round(height))
