"""A file with its header read, within the recipe's limits, and no pixel of it decoded."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from PIL import Image, ImageFile

from imaging.errors import Rejection, outgrown_canvas, too_many_frames, truncated
from imaging.formats import Format
from imaging.pictures.containers import CHECKS, refuse_many_pixels
from imaging.pictures.libraries import know, reading
from imaging.pictures.metadata import orientation_of
from imaging.pictures.modes import fit_transparency
from imaging.pictures.tiff import Layout, full_page, is_left_to_pillow, refuse_cut, samples_of
from imaging.recipe.geometry import Size
from imaging.recipe.spec import Limits, RenditionSpec

# Pillow's own bomb limit knows nothing of formats or memory; ours is checked before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened file: Pillow's picture, and what its header says. `orientation` is EXIF's, 1 to 8.

    `pixels` and `alpha` are what was put together of a file whose pixels Pillow would not read rightly.
    """

    format: Format
    image: ImageFile.ImageFile
    frames: int
    orientation: int
    warnings: list[str] = field(default_factory=list)
    pixels: Image.Image | None = None
    alpha: Image.Image | None = None

    @property
    def on_its_side(self) -> bool:
        """Whether the upright picture is as wide as the stored one is high."""
        return self.orientation >= 5

    @property
    def size(self) -> Size:
        """Width and height of the upright picture."""
        return self.stored(self.pixels.size if self.pixels else self.image.size)

    def stored(self, upright: Size) -> Size:
        """An upright size as it lies in the file, and the other way round."""
        return upright[::-1] if self.on_its_side else upright


def opened(body: bytes, format: Format, specs: Sequence[RenditionSpec], limits: Limits) -> Opened:
    """The file in `body`, which is of `format`; raises a Rejection for one beyond `limits` or no picture."""
    if format.name in CHECKS:
        CHECKS[format.name](body, limits)
    know(format)
    if format.name == "tiff" and (page := full_page(body)):
        return _opened_tiff(body, format, *page, limits)
    with growing_to(limits.pixels if format.name == "gif" else None), reading(format):
        image = Image.open(io.BytesIO(body), formats=[format.plugin])
    refuse_many_pixels(*image.size, limits)
    frames = _frame_count(image, format, any(spec.animated for spec in specs), limits)
    if format.name == "gif":
        _refuse_cut_animation(image, frames, body)
    warnings: list[str] = []
    if format.name == "png":  # its EXIF may stand behind the pixels, and a fault in the pixels is not one of the EXIF
        fit_transparency(image)
        with reading(format):
            image.load()
    return Opened(format, image, frames, orientation_of(image, format, warnings), warnings)


def _opened_tiff(body: bytes, format: Format, number: int, page: Layout, limits: Limits) -> Opened:
    """The page to show of a TIFF, its samples put together by us where Pillow is not known to read them rightly."""
    refuse_many_pixels(*page.size, limits)
    if not is_left_to_pillow(page):
        samples = samples_of(body, page)
        orientation = page.number(274, 1)
        upright = orientation if 1 <= orientation <= 8 else 1
        return Opened(format, samples.file, 1, upright, pixels=samples.image, alpha=samples.alpha)
    refuse_cut(body, page)
    with reading(format):
        image = Image.open(io.BytesIO(body), formats=[format.plugin])
        image.seek(number)
    refuse_many_pixels(*image.size, limits)
    return Opened(format, image, 1, 1)


def _frame_count(image: Image.Image, format: Format, animated: bool, limits: Limits) -> int:
    """How many frames there are to decode, within the recipe's limit."""
    if not animated or not format.animated:
        return 1
    with reading(format):
        count: int = getattr(image, "n_frames", 1)
    if count > 1 and count * image.width * image.height > limits.animation_pixels:
        raise too_many_frames(count, image.width, image.height, limits.animation_pixels)
    return count


def _refuse_cut_animation(image: Image.Image, frames: int, body: bytes) -> None:
    """Pillow takes the frames that are there for all of them."""
    moving = frames > 1 or "loop" in image.info or image.info.get("duration")
    if moving and not body.rstrip(b"\0\r\n ").endswith(b";"):
        raise truncated("GIF").because("the trailer of an animation is missing")


@contextmanager
def growing_to(pixels: int | None) -> Iterator[None]:
    """Keep a GIF from outgrowing the canvas it declares: a frame may reach over the edge by 65,535 pixels."""
    if pixels is None:
        yield
        return
    Image.MAX_IMAGE_PIXELS = max(1, pixels // 2)  # at twice this Pillow raises
    try:
        yield
    except Rejection as fault:
        if isinstance(fault.__cause__, Image.DecompressionBombError):
            raise outgrown_canvas(pixels).because(fault.__cause__) from fault
        raise
    finally:
        Image.MAX_IMAGE_PIXELS = None
