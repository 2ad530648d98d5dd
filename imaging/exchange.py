"""What the loop asks of the sandbox, and what the sandbox answers: frozen values that both sides know.

The loop does not trust the answers. Each is checked when it is made, so that an answer that exists is one that a
picture can lead to.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imaging.formats import FORMATS, WRITTEN
from imaging.recipe.geometry import Point
from imaging.recipe.spec import COLOUR, Limits, RenditionSpec

LONGEST_TEXT = 1000
"""Characters of a credit or a warning that are handed on."""
LONGEST_PLACEHOLDER = 1024
PLACEHOLDER = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/]+=*")


@dataclass(frozen=True, slots=True)
class Credits:
    """Who made a picture, as its own metadata or its editor says."""

    copyright: str = ""
    artist: str = ""
    credit: str = ""

    def __post_init__(self) -> None:
        for text in (self.copyright, self.artist, self.credit):
            _require_line(text)


@dataclass(frozen=True, slots=True)
class Order:
    """What to make of one source: these renditions, cropped around the focal point where the editor gave one.

    `credit` is the editor's, and is taken before the file's own. `embed_credit` says whether credits are written into
    renditions.
    """

    specs: tuple[RenditionSpec, ...]
    limits: Limits = field(default_factory=Limits)
    focal_point: Point | None = None
    credit: str = ""
    embed_credit: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """What a file says of itself before a pixel is decoded; the size is in pixels, upright."""

    format: str
    width: int
    height: int

    def __post_init__(self) -> None:
        _require(self.format in FORMATS and FORMATS[self.format].opened, "format", self.format)
        for side in (self.width, self.height):
            _require(type(side) is int and 1 <= side < 2**32, "side", side)


@dataclass(frozen=True, slots=True)
class Header:
    """What a source turned out to be: sizes are in pixels, upright; `credits` are the file's own.

    `hdr` says that it has a high dynamic range, which its renditions have not.
    """

    format: str
    width: int
    height: int
    frames: int
    placeholder: str
    dominant_colour: str
    credits: Credits = field(default_factory=Credits)
    warnings: tuple[str, ...] = ()
    hdr: bool = False

    def __post_init__(self) -> None:
        _require(self.format in FORMATS and FORMATS[self.format].opened, "format", self.format)
        _require(type(self.hdr) is bool, "dynamic range", self.hdr)
        for number in (self.width, self.height, self.frames):
            _require(type(number) is int and 1 <= number < 2**32, "count", number)
        _require_line(self.placeholder, LONGEST_PLACEHOLDER)
        _require(PLACEHOLDER.fullmatch(self.placeholder) is not None, "placeholder", self.placeholder)
        _require(COLOUR.fullmatch(self.dominant_colour) is not None, "colour", self.dominant_colour)
        for warning in self.warnings:
            _require_line(warning)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a rendition: its spec's name, its format, its size in pixels and its bytes."""

    name: str
    format: str
    width: int
    height: int
    content: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _require(self.format in WRITTEN, "format", self.format)
        longest = WRITTEN[self.format].longest
        for side in (self.width, self.height):
            _require(type(side) is int and 1 <= side <= longest, "side", side)
        _require(len(self.content) > 0, "content", self.content)


@dataclass(frozen=True, slots=True)
class Made:
    """A whole picture: what its source is, and every file of every rendition, in the order of the specs.

    `seconds` are the processor's, by step; `peak` is the most bytes of memory that the sandbox has held.
    """

    header: Header
    files: tuple[File, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak: int = 0


def one_line(text: str) -> str:
    """The text as one line of printable characters, cut to what is handed on."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:LONGEST_TEXT]


def _require(valid: bool, what: str, value: Any) -> None:
    if not valid:
        raise ValueError(f"{value!r:.100} is no {what} that a picture can have")


def _require_line(text: str, longest: int = LONGEST_TEXT) -> None:
    _require(isinstance(text, str) and text.isprintable() and len(text) <= longest, "text", text)
