"""An opened file -> one upright sRGB picture, no larger than its renditions need.

Rotation and colour conversion happen after the scale-down, where there are fewer pixels to touch.
"""

from PIL import Image

from imaging.formats import FORMATS
from imaging.pictures.colour import to_srgb
from imaging.pictures.declarations import colours_of
from imaging.pictures.jpeg import refuse_if_filled
from imaging.pictures.libraries import reading
from imaging.pictures.metadata import credits_of
from imaging.pictures.modes import eight_bit, with_one_mode
from imaging.pictures.opening import Opened
from imaging.pictures.picture import Picture
from imaging.pictures.plan import Plan
from imaging.pictures.scaling import scaled
from imaging.recipe.geometry import Size

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by EXIF orientation (CIPA DC-008, tag 0x0112)."""

SPARE = ((8, 1.5), (4, 1.5), (2, 1.2))
"""What libjpeg may divide a picture's sides by, and how much larger than wanted it must still be then.

Libjpeg scales each 8 x 8 pixels by themselves. With less to spare, photos fall under a mean SSIM of 0.9965 to the whole
picture scaled by LANCZOS (docs/performance.md).
"""

LONGEST_DURATION = 655_350
"""Milliseconds that one frame of a GIF can last; a whole WebP can last 2**31 - 1."""


def decode(source: Opened, plan: Plan, body: bytes) -> Picture:
    """The picture, decoded once: at the plan's size, and, where it stands still, at the plan's larger one too."""
    image, warnings = source.image, source.warnings
    sizes = [source.turned(size) for size in (plan.decoded, plan.larger) if size]
    box = drafted(image, sizes[-1]) if source.format.name == "jpeg" else None
    colours = colours_of(image, source.format, body)
    warnings.extend(colours.warnings)

    frames, larger, durations = [], [], []
    longest = min(LONGEST_DURATION, (2**31 - 1) // source.frames)
    for frame, duration in source.show():
        if source.format.name == "jpeg":
            refuse_if_filled(frame, body, lambda other: drafted(other, sizes[-1]))
        ready = eight_bit(frame, source.format)
        shrunk = [shown(ready, source, size, box, colours.icc) for size in sizes[: 1 if source.frames > 1 else 2]]
        # The file's own picture changes with its next frame, and is closed with the file.
        shrunk = [frame.copy() if each is frame else each for each in shrunk]
        for each in shrunk:
            each.info = {}  # savers embed what they find here: profiles, comments
        frames.append(shrunk[0])
        larger += shrunk[1:]
        durations.append(min(longest, max(0, duration)))

    credits = credits_of(image)
    image.close()
    del image, frame, ready  # all those pixels, before there are others
    if source.orientation in UPRIGHT:
        turn = UPRIGHT[source.orientation]
        frames, larger = ([each.transpose(turn) for each in same] for same in (frames, larger))
    in_one_mode = with_one_mode(frames)
    return Picture(
        source.format,
        source.size,
        in_one_mode,
        tuple(durations),
        source.plays,
        credits,
        tuple(dict.fromkeys(warnings)),
        hdr=colours.hdr,
        larger=tuple(each.convert(in_one_mode[0].mode) for each in larger),
    )


def shown(
    ready: Image.Image, source: Opened, size: Size, box: tuple[float, float, float, float] | None, icc: object
) -> Image.Image:
    """A frame in this size and in sRGB, with all of its alpha; maybe the very picture that came in."""
    shrunk = ready if ready.size == size else scaled(ready, size, box)
    shrunk = to_srgb(shrunk, icc, source.warnings)
    if source.alpha:  # of inks and Lab, whose modes have no room for it
        shrunk.putalpha(scaled(source.alpha, size))
    return shrunk


def drafted(image: Image.Image, size: Size) -> tuple[float, float, float, float] | None:
    """Have libjpeg scale the picture while it decodes, almost for nothing, as far as `size` loses nothing by it.

    The answer is the box that holds the picture then; None where it is decoded whole. An eighth of 1,001 pixels is
    125.125 of the 126 that libjpeg makes of them. Taken for all 126, the picture would be moved, and by as much to the
    other side when it lies on its head.
    """
    larger = min(image.width / size[0], image.height / size[1])
    for divisor, spare in SPARE:
        if larger >= divisor * spare:
            with reading(FORMATS["jpeg"]):
                mode_and_box = image.draft(None, (image.width // divisor, image.height // divisor))
            return mode_and_box and mode_and_box[1]
    return None
