"""A decoded source: the pixels that all its renditions are made from, and what the file said besides."""

from dataclasses import dataclass, field

from PIL import Image

from imaging.exchange import Credits
from imaging.formats import Format
from imaging.recipe.geometry import Size

Frames = tuple[Image.Image, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded source: upright, in sRGB, mode L, LA, RGB or RGBA.

    `size` is that of the whole upright source; the `frames` may already be smaller. A still picture has one frame.
    A still one may be there once more, `larger`, for renditions that are nearly as large as its frame.
    `durations` are milliseconds per frame; `loop` is how often to play, 0 for ever.
    `hdr` says that the source has a high dynamic range, which these pixels have not.
    """

    format: Format
    size: Size
    frames: Frames
    larger: Frames = field(default=(), kw_only=True)
    durations: tuple[int, ...] = (0,)
    loop: int = 0
    credits: Credits = field(default_factory=Credits)
    warnings: tuple[str, ...] = ()
    hdr: bool = False
