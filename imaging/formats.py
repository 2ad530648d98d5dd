"""The register of picture formats: what can be opened, what can be written, and every fact about each.

A fact about a format stands here and nowhere else. What needs Pillow to say (how a file is opened or saved) stands in
`pictures/`, in tables by these names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard an encoder may try: the default, and the range it takes. The highest is slowest and smallest."""

    default: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Writing:
    """How renditions of a format are named and served, and what their encoder takes.

    `longest` is the most pixels a side may have. `quality` is the default of a lossy encoder, None of a lossless one.
    `best_first` orders formats in markup: a browser takes the first it knows. `credits` says whether a file can name
    who made the picture.
    """

    extension: str
    content_type: str
    longest: int
    best_first: int
    alpha: bool = True
    animated: bool = False
    quality: int | None = None
    effort: Effort | None = None
    subsampling: bool = False
    credits: bool = True


@dataclass(frozen=True, slots=True)
class Format:
    """One picture format. `plugin` is Pillow's name for it, `module` what registers that plugin.

    `opened` says whether sources may be of it, `writing` how renditions are; `animated` that several frames are an
    animation and not pages; `upright` that the decoder turns a picture by its orientation itself.
    """

    name: str
    spoken: str
    plugin: str
    module: str
    opened: bool = True
    writing: Writing | None = None
    animated: bool = False
    upright: bool = False


# fmt: off
REGISTER = (
    Format("jpeg", "JPEG", "JPEG", "PIL.JpegImagePlugin",
           writing=Writing("jpg", "image/jpeg", 65_500, 3, alpha=False, quality=80, subsampling=True)),
    Format("png", "PNG", "PNG", "PIL.PngImagePlugin", animated=True,
           writing=Writing("png", "image/png", 2**31 - 1, 4, effort=Effort(6, 1, 9))),
    Format("webp", "WebP", "WEBP", "PIL.WebPImagePlugin", animated=True,
           writing=Writing("webp", "image/webp", 16_383, 1, animated=True, quality=80, effort=Effort(2, 0, 6))),
    # A longer AVIF can be written, and nobody reads it.
    Format("avif", "AVIF", "AVIF", "PIL.AvifImagePlugin", animated=True,
           writing=Writing("avif", "image/avif", 32_768, 0, quality=60, effort=Effort(3, 0, 10), subsampling=True)),
    Format("gif", "GIF", "GIF", "PIL.GifImagePlugin", animated=True,
           writing=Writing("gif", "image/gif", 65_535, 2, animated=True, credits=False)),
    Format("tiff", "TIFF", "TIFF", "PIL.TiffImagePlugin", upright=True),
    Format("bmp", "BMP", "BMP", "PIL.BmpImagePlugin"),
    Format("heic", "HEIC", "HEIF", "pi_heif", upright=True),
)
# fmt: on

FORMATS: Mapping[str, Format] = {each.name: each for each in REGISTER}
WRITTEN: Mapping[str, Writing] = {each.name: each.writing for each in REGISTER if each.writing}
AUTO: Mapping[bool, str] = {False: "jpeg", True: "png"}
"""What the recipe's `auto` stands for: of an opaque picture, and of one with transparency."""


def possible(formats: Iterable[str]) -> tuple[str, ...]:
    """Every format that a recipe's list may come to, `auto` as both it can be; none twice."""
    return tuple(dict.fromkeys(name for each in formats for name in (AUTO.values() if each == "auto" else (each,))))


def resolved(formats: Iterable[str], *, alpha: bool) -> tuple[str, ...]:
    """The formats that a recipe's list comes to for a picture with or without transparency; none twice."""
    return tuple(dict.fromkeys(AUTO[alpha] if each == "auto" else each for each in formats))
