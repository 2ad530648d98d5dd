"""A picture and its plan -> the pixels of each rendition.

Renditions are made from the largest to the smallest, each from the smallest before it that has detail to spare, so
that the slow scale-down of the whole picture happens once. Every function takes pictures and gives new ones; none
changes its argument.
"""

import io
from collections.abc import Iterator
from functools import lru_cache

from PIL import Image, ImageChops, ImageFilter

from imaging.pictures.picture import Frames, Picture
from imaging.pictures.plan import SPARE, Plan, Target
from imaging.pictures.scaling import scaled, thumbnail
from imaging.recipe.geometry import CROP, Point, Shape, Size
from imaging.recipe.spec import SIDES, Overlay, RenditionSpec


def render(picture: Picture, plan: Plan, focal_point: Point | None = None) -> Iterator[tuple[Target, Frames]]:
    """Each target with its frames, the largest rendition first."""
    wholes = [frames for frames in (picture.larger, picture.frames) if frames]
    for number, target in enumerate(plan.targets):
        while len(wholes) > 1 and larger(wholes[1], target.shape) >= SPARE:
            del wholes[0]  # later targets are smaller still
        # A picture in the rendition's own scale is as good as the rendition can be.
        whole = next((frames for frames in wholes if in_scale(frames, target.shape)), wholes[0])
        focus = focus_of(target.spec, picture, focal_point)
        frames = tuple(cut(frame, target.shape, focus) for frame in whole)
        if target.shape.scale <= 1 and all(target.holds(other) for other in plan.targets[number:]):
            wholes.append(frames)
        yield target, tuple(finish(frame, target) for frame in frames)


def larger(whole: Frames, shape: Shape) -> float:
    """How many times larger than a rendition of this shape the whole picture is."""
    return whole[0].width / shape.source[0] / shape.scale


def in_scale(whole: Frames, shape: Shape) -> bool:
    """Whether the whole picture is as large as the rendition needs it, but for less than a pixel."""
    return abs(larger(whole, shape) - 1) * max(shape.size) < 1


def cut(frame: Image.Image, shape: Shape, focus: Point) -> Image.Image:
    """The part of the picture that `shape` takes around `focus`, in its size; `frame` is the whole at any scale."""
    across, down = frame.width / shape.source[0], frame.height / shape.source[1]
    left, top, right, bottom = shape.around(focus)
    box = (left * across, top * down, min(right * across, frame.width), min(bottom * down, frame.height))
    width, height = shape.size
    if abs(box[2] - box[0] - width) < 1 and abs(box[3] - box[1] - height) < 1:
        # The scale is right already. Cutting whole pixels keeps them sharp; resampling by a fraction does not.
        if (width, height) == frame.size:
            return frame
        x, y = min(round(box[0]), frame.width - width), min(round(box[1]), frame.height - height)
        if x >= 0 and y >= 0:
            return frame.crop((x, y, x + width, y + height))
    return scaled(frame, (width, height), box=box)


def finish(frame: Image.Image, target: Target) -> Image.Image:
    """The frame sharpened, on its canvas and under its overlay, as far as the spec asks for these."""
    spec, canvas = target.spec, target.shape.canvas
    if spec.sharpen:
        frame = sharpened(frame, spec.sharpen)
    if canvas != target.shape.size:
        frame = padded(frame, canvas, spec.background)
    if spec.overlay:
        frame = overlaid(frame, spec.overlay)
    return frame


def sharpened(frame: Image.Image, percent: int) -> Image.Image:
    """The frame with its edges lifted; its alpha stays as it is."""
    if frame.mode in {"LA", "RGBA"}:
        colours = sharpened(frame.convert(frame.mode.removesuffix("A")), percent)
        colours.putalpha(frame.getchannel("A"))
        return colours
    return frame.filter(ImageFilter.UnsharpMask(radius=1, percent=percent, threshold=2))


def padded(frame: Image.Image, size: Size, background: str) -> Image.Image:
    """The frame in the middle of a canvas of `size`; its own transparency shows the background."""
    canvas = Image.new("RGB", size, background)
    place = ((size[0] - frame.width) // 2, (size[1] - frame.height) // 2)
    colours = frame.convert("RGBA") if frame.mode in ("LA", "RGBA") else None
    canvas.paste(colours or frame, place, colours)
    return canvas


def overlaid(frame: Image.Image, overlay: Overlay) -> Image.Image:
    """The frame under an overlay, scaled to its share of the width and kept 2 % of it from the edges."""
    mark = _opened(overlay.content)
    scale = min(frame.width * overlay.scale / mark.width, frame.height / mark.height)
    size = max(1, round(mark.width * scale)), max(1, round(mark.height * scale))
    mark = scaled(mark, size)
    if overlay.opacity < 1:
        mark.putalpha(mark.getchannel("A").point(lambda value: value * overlay.opacity))
    margin = round(0.02 * frame.width)
    x, y = SIDES[overlay.position]
    place = (
        round(x * (frame.width - size[0])) + (1 - round(2 * x)) * min(margin, (frame.width - size[0]) // 2),
        round(y * (frame.height - size[1])) + (1 - round(2 * y)) * min(margin, (frame.height - size[1]) // 2),
    )
    canvas = frame.convert("RGBA")
    canvas.alpha_composite(mark, place)
    return canvas if frame.mode in ("LA", "RGBA") else canvas.convert("RGB")


@lru_cache(maxsize=8)
def _opened(content: bytes) -> Image.Image:
    """The recipe's own file, which the recipe's check has opened: what fails here is no fault of the source."""
    return Image.open(io.BytesIO(content)).convert("RGBA")


# -- where to look -----------------------------------------------------------------------------------------


def focus_of(spec: RenditionSpec, picture: Picture, focal_point: Point | None) -> Point:
    """The point of the picture that a crop keeps, as fractions of its width and height."""
    if spec.fit not in CROP:
        return SIDES["centre"]
    if spec.gravity == "smart":
        return focal_point or smart_focus(picture.frames[0])
    if spec.gravity == "focal":
        return focal_point or SIDES["centre"]
    return SIDES[spec.gravity]


def smart_focus(frame: Image.Image) -> Point:
    """Where the detail and the strong colour of a picture are: the middle of its saliency.

    Edges (sharp things are what a photographer focused on) times saturation, on a 64-pixel copy; squared, so that one
    clear subject outweighs an even texture, and pulled a little towards the centre.
    """
    small = thumbnail(frame, 64).convert("RGB")
    edges = small.convert("L").filter(ImageFilter.FIND_EDGES)
    colour = small.convert("HSV").getchannel("S").point(lambda value: 96 + value * 5 // 8)
    saliency = ImageChops.multiply(edges, colour)
    width, height = saliency.size
    total = across = down = 1e-9
    for index, value in enumerate(saliency.tobytes()):
        x, y = index % width, index // width
        if 0 < x < width - 1 and 0 < y < height - 1:  # the filter has no neighbours at the border
            weight = value * value
            total += weight
            across += weight * (x + 0.5)
            down += weight * (y + 0.5)
    if total < 1:
        return SIDES["centre"]
    return across / total / width, down / total / height


def dominant_colour(picture: Picture) -> str:
    """The colour that most of the picture has, as `#rrggbb`; what is half transparent or more does not count."""
    small = thumbnail(picture.frames[0], 48).convert("RGBA")
    pixels = small.tobytes()
    solid = [pixels[at : at + 3] for at in range(0, len(pixels), 4) if pixels[at + 3] >= 128]
    if not solid:
        return "#ffffff"
    few = Image.frombytes("RGB", (len(solid), 1), b"".join(solid)).quantize(5, Image.Quantize.MEDIANCUT)
    counts = few.histogram()
    index = counts.index(max(counts))
    return "#" + bytes(few.getpalette() or ())[3 * index : 3 * index + 3].hex()
