"""What one rendition shall be. A spec that exists is valid: it refuses what no recipe may say when it is made."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from imaging.formats import WRITTEN, possible
from imaging.recipe.geometry import FITS, NEED_BOTH_SIDES, Box, Shape

LONGEST_SIDE = 16_383
"""Pixels a box may have on a side: what WebP can hold."""

SIDES: Mapping[str, tuple[float, float]] = {
    "centre": (0.5, 0.5),
    "north": (0.5, 0.0),
    "north-east": (1.0, 0.0),
    "east": (1.0, 0.5),
    "south-east": (1.0, 1.0),
    "south": (0.5, 1.0),
    "south-west": (0.0, 1.0),
    "west": (0.0, 0.5),
    "north-west": (0.0, 0.0),
}
"""Points of a picture as fractions of its width and height."""

GRAVITIES = ("focal", "smart", *SIDES)
SUBSAMPLINGS = ("4:2:0", "4:4:4")
NAME = re.compile(r"(?!manifest$)[a-z0-9_-]{1,40}")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Overlay:
    """A picture laid over a rendition (a watermark): `content` is the file, `scale` its share of the width."""

    content: bytes = field(repr=False)
    position: str = "south-east"
    scale: float = 0.2
    opacity: float = 1.0

    def __post_init__(self) -> None:
        _refuse_unless(self.position in SIDES, "position", self.position)
        _refuse_unless(0.01 <= self.scale <= 1, "scale", self.scale)
        _refuse_unless(0 <= self.opacity <= 1, "opacity", self.opacity)


@dataclass(frozen=True, slots=True)
class RenditionSpec:
    """One rendition: its box in pixels, how the picture meets the box, formats and quality.

    `quality` and `effort` are by format and name every format made that takes them. `sharpen` is a percentage;
    `max_bytes` None means any size.
    """

    name: str
    width: int | None = None
    height: int | None = None
    fit: str = "limit"
    gravity: str = "centre"
    enlarge: bool = False
    background: str = "#ffffff"
    sharpen: int = 0
    overlay: Overlay | None = None
    formats: tuple[str, ...] = ("webp", "auto")
    quality: Mapping[str, int] = field(default_factory=dict)
    effort: Mapping[str, int] = field(default_factory=dict)
    subsampling: str = "4:2:0"
    max_bytes: int | None = None
    animated: bool = True

    def __post_init__(self) -> None:
        _refuse_unless(NAME.fullmatch(self.name) is not None, "name", self.name)
        for side in (self.width, self.height):
            _refuse_unless(side is None or 1 <= side <= LONGEST_SIDE, "side", side)
        _refuse_unless(self.fit in FITS, "fit", self.fit)
        _refuse_unless(self.fit not in NEED_BOTH_SIDES or None not in (self.width, self.height), "fit", self.fit)
        _refuse_unless(self.gravity in GRAVITIES, "gravity", self.gravity)
        _refuse_unless(COLOUR.fullmatch(self.background) is not None, "background", self.background)
        _refuse_unless(0 <= self.sharpen <= 300, "sharpen", self.sharpen)
        _refuse_unless(bool(self.formats), "formats", self.formats)
        for name in possible(self.formats):
            _refuse_unless(name in WRITTEN, "format", name)
        for name, quality in self.quality.items():
            _refuse_unless(name in WRITTEN and 1 <= quality <= 100, f"quality of {name}", quality)
        for name, effort in self.effort.items():
            takes = WRITTEN[name].effort if name in WRITTEN else None
            _refuse_unless(takes is not None and takes.least <= effort <= takes.most, f"effort of {name}", effort)
        _refuse_unless(self.subsampling in SUBSAMPLINGS, "subsampling", self.subsampling)
        _refuse_unless(self.max_bytes is None or self.max_bytes >= 1, "max_bytes", self.max_bytes)

    def shape(self, width: int, height: int) -> Shape:
        """What this rendition takes of an upright source of `width` x `height` pixels, and how large it becomes."""
        # `auto` may turn out as JPEG, which holds less than PNG.
        longest = min(WRITTEN[name].longest for name in possible(self.formats))
        return FITS[self.fit]((width, height), Box(self.width, self.height, self.enlarge, longest))

    def quality_of(self, name: str) -> int | None:
        """The quality to encode format `name` with; None where it is lossless."""
        return self.quality.get(name, WRITTEN[name].quality) if WRITTEN[name].quality else None

    def effort_of(self, name: str) -> int:
        """The effort to encode format `name` with, one of those that take an effort."""
        takes = WRITTEN[name].effort
        assert takes is not None
        return self.effort.get(name, takes.default)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], overlay: Overlay | None) -> Self:
        """The spec in a table of a compiled recipe; TypeError or ValueError for what is none."""
        return cls(**{**plain, "formats": tuple(plain["formats"]), "overlay": overlay})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source may cost at most, whatever the memory: bytes, pixels, pixels x frames, JPEG scans."""

    source_bytes: int = 200_000_000
    pixels: int = 250_000_000
    animation_pixels: int = 100_000_000
    scans: int = 64

    def __post_init__(self) -> None:
        for limit in (self.source_bytes, self.pixels, self.animation_pixels, self.scans):
            _refuse_unless(limit >= 1, "limit", limit)


def _refuse_unless(valid: bool, what: str, value: object) -> None:
    if not valid:
        raise ValueError(f"{value!r} is no {what} of a rendition")
