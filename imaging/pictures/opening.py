"""A file with its header read, within the recipe's limits, and no pixel of it decoded where that can be helped."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageFile

from imaging.errors import too_many_frames
from imaging.formats import Format
from imaging.pictures.animation import Animation, gif_animation, png_animation
from imaging.pictures.containers import CHECKS, refuse_many_pixels
from imaging.pictures.libraries import know, reading
from imaging.pictures.metadata import number_in, orientation_of
from imaging.pictures.modes import fit_transparency
from imaging.pictures.samples import samples_of
from imaging.pictures.tiff import full_page, is_left_to_pillow, refuse_cut
from imaging.recipe.geometry import Size
from imaging.recipe.spec import Limits, RenditionSpec

# Pillow's own bomb limit knows nothing of formats or memory; ours is checked before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None

MOST_PLAYS = 65_535
"""How often a WebP can play; more is as good as that."""

NO_END = "The file lacks its end. Its frames are whole, but some may be missing."

Shown = Iterator[tuple[Image.Image, int]]
"""Each frame with its pixels, and how many milliseconds it stands."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened file. `image` is Pillow's, for what it says besides its pixels; `stored` is their size in the file.

    `frames` is how many there are, and `show` gives each. `orientation` is EXIF's, 1 to 8. `plays` is how often an
    animation plays, 0 for ever. `alpha` is the transparency of pixels whose mode has no room for it.
    """

    format: Format
    image: ImageFile.ImageFile
    stored: Size
    show: Callable[[], Shown]
    frames: int = 1
    orientation: int = 1
    plays: int = 0
    alpha: Image.Image | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def size(self) -> Size:
        """Width and height of the upright picture."""
        return self.turned(self.stored)

    def turned(self, size: Size) -> Size:
        """A stored size as it is upright, and the other way round."""
        return size[::-1] if self.orientation >= 5 else size


def opened(body: bytes, format: Format, specs: Sequence[RenditionSpec], limits: Limits) -> Opened:
    """The file in `body`, which is of `format`; raises a Rejection for one beyond `limits` or no picture."""
    if format.name in CHECKS:
        CHECKS[format.name](body, limits)
    know(format)
    moving = any(spec.animated for spec in specs)
    return OPENERS.get(format.name, _any)(body, format, limits, moving)


def _any(body: bytes, format: Format, limits: Limits, moving: bool) -> Opened:
    """A file that Pillow reads rightly, its frames too."""
    image = _pillow(body, format, limits)
    frames = 1
    if moving and format.animated:
        with reading(format):
            frames = getattr(image, "n_frames", 1)
        _refuse_many_frames(frames, image.size, limits)
    warnings: list[str] = []
    orientation = orientation_of(image, format, warnings)
    plays = min(MOST_PLAYS, round(number_in(image, "loop")))
    return Opened(
        format, image, image.size, lambda: _shown(image, format, frames), frames, orientation, plays, None, warnings
    )


def _gif(body: bytes, format: Format, limits: Limits, moving: bool) -> Opened:
    canvas = int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little")
    if all(canvas):  # one without a side takes the first frame's size
        refuse_many_pixels(*canvas, limits)
    animation = gif_animation(body, 1 + limits.animation_pixels if moving else 1)
    refuse_many_pixels(*animation.size, limits)
    warnings = [] if animation.ended else [NO_END]
    return _animated(_pillow(animation.frames[0].file(), format, limits), animation, limits, moving, warnings)


def _png(body: bytes, format: Format, limits: Limits, moving: bool) -> Opened:
    image = _pillow(body, format, limits)
    fit_transparency(image)
    with reading(format):  # its EXIF may stand behind the pixels, and a fault in the pixels is not one of the EXIF
        image.load()
    warnings: list[str] = []
    orientation = orientation_of(image, format, warnings)
    if moving and (animation := png_animation(body, 1 + limits.animation_pixels)):
        return _animated(image, animation, limits, moving, warnings, orientation)
    return Opened(
        format, image, image.size, lambda: _shown(image, format, 1), orientation=orientation, warnings=warnings
    )


def _animated(
    image: ImageFile.ImageFile,
    animation: Animation,
    limits: Limits,
    moving: bool,
    warnings: list[str],
    orientation: int = 1,
) -> Opened:
    count = animation.count if moving else 1
    _refuse_many_frames(count, animation.size, limits)
    for frame in animation.frames[:count]:
        refuse_many_pixels(*frame.size, limits)
    plays = min(MOST_PLAYS, animation.plays)
    show = lambda: animation.shown(count)  # noqa: E731
    return Opened(animation.format, image, animation.size, show, count, orientation, plays, None, warnings)


def _tiff(body: bytes, format: Format, limits: Limits, moving: bool) -> Opened:
    """The page to show of a TIFF; its samples are put together by us where Pillow is not known to read them rightly."""
    del moving  # several pages are no animation
    number, page = full_page(body)
    refuse_many_pixels(*page.size, limits)
    if is_left_to_pillow(page):
        refuse_cut(body, page)
        image = _pillow(body, format, limits)
        with reading(format):
            image.seek(number)
        return Opened(format, image, image.size, lambda: _shown(image, format, 1))
    samples = samples_of(body, page)
    turned = page.number(274, 1)
    show = lambda: iter([(samples.image, 0)])  # noqa: E731
    orientation = turned if 1 <= turned <= 8 else 1
    return Opened(format, samples.file, page.size, show, orientation=orientation, alpha=samples.alpha)


OPENERS: Mapping[str, Callable[[bytes, Format, Limits, bool], Opened]] = {"gif": _gif, "png": _png, "tiff": _tiff}
"""Formats that Pillow alone does not read rightly in every case."""


def _pillow(body: bytes, format: Format, limits: Limits) -> ImageFile.ImageFile:
    with reading(format):
        image = Image.open(io.BytesIO(body), formats=[format.plugin])
    refuse_many_pixels(*image.size, limits)
    return image


def _refuse_many_frames(count: int, size: Size, limits: Limits) -> None:
    if count > 1 and count * size[0] * size[1] > limits.animation_pixels:
        raise too_many_frames(count, *size, limits.animation_pixels)


def _shown(image: ImageFile.ImageFile, format: Format, count: int) -> Shown:
    """Each frame as Pillow has it; all are the same picture with other pixels."""
    for index in range(count):
        if index:
            with reading(format):
                image.seek(index)
        with reading(format):
            image.load()
        yield image, round(number_in(image, "duration"))
