"""Pillow's modes made ready for scaling and colour: eight bits a channel, no palette, hidden colours as alpha."""

from PIL import Image, ImageFile, ImageMath

from imaging.formats import Format
from imaging.pictures.libraries import reading

READY = ("L", "LA", "RGB", "RGBA", "CMYK", "LAB")
"""Modes that scale and convert rightly as they are."""


def fit_transparency(image: ImageFile.ImageFile) -> None:
    """Bring the transparent colour of a PNG from the file's bit depth to the eight bits that its pixels will have.

    Deep grey keeps its bit depth for `_scaled_grey`.
    """
    hidden, bits = image.info.get("transparency"), str(image.tile[0].args) if image.tile else ""
    if isinstance(hidden, tuple) and bits.endswith("16B"):
        image.info["transparency"] = tuple(value >> 8 for value in hidden)
    elif isinstance(hidden, int) and bits in ("L;2", "L;4"):
        image.info["transparency"] = hidden * (85 if bits == "L;2" else 17)


def eight_bit(image: Image.Image, format: Format) -> Image.Image:
    """The picture of a file of `format` in one of the modes that are READY."""
    if image.mode.startswith(("I", "F")):
        return _scaled_grey(image)
    mode = _ready(image, format)
    if mode == image.mode:
        return image
    with reading(format):  # a palette or a transparent colour may be none
        return image.convert(mode)


def _ready(image: Image.Image, format: Format) -> str:
    """The mode to convert the picture to."""
    has_hidden_colour = image.info.get("transparency") is not None
    match image.mode:
        case "L" | "RGB" if has_hidden_colour:
            return "LA" if image.mode == "L" else "RGBA"
        case "1":
            return "LA" if has_hidden_colour else "L"
        case "P":
            with reading(format):  # a palette may be missing
                return "RGBA" if image.has_transparency_data else "RGB"
        case "PA" | "RGBa":
            return "RGBA"
        case "La":
            return "LA"
        case mode if mode in READY:
            return mode
        case _:
            return "RGB"


def _scaled_grey(image: Image.Image) -> Image.Image:
    """Deep grey (16 or 32 bit, or floats) scaled to 8 bit; `convert` alone would clip it to white."""
    deep = image if image.mode in ("I", "F") else image.convert("I")
    lowest, highest = (float(value) for value in deep.getextrema())  # type: ignore[arg-type]
    if image.mode.startswith("I;16") or (image.mode == "I" and 255 < highest <= 65535):
        low, span = 0.0, 65535.0
    elif image.mode == "F" and lowest >= 0 and highest <= 1:
        low, span = 0.0, 1.0
    else:
        low, span = lowest, (highest - lowest) or 1.0
    factor = 255 / span
    grey = deep.convert("F").point(lambda value: value * factor + (0.5 - low * factor)).convert("L")
    hidden = image.info.get("transparency")
    if isinstance(hidden, int):  # the one transparent grey of a PNG, in its 16 bits
        grey.putalpha(ImageMath.lambda_eval(lambda of: of["convert"]((of["deep"] != hidden) * 255, "L"), deep=deep))
    return grey


def with_one_mode(frames: list[Image.Image]) -> tuple[Image.Image, ...]:
    """The frames without their alpha channel where it hides nothing, and all in one mode."""
    if any(frame.mode in ("LA", "RGBA") and frame.getchannel("A").getextrema() != (255, 255) for frame in frames):
        mode = "RGBA" if len(frames) > 1 else frames[0].mode
    else:
        mode = "L" if all(frame.mode in ("L", "LA") for frame in frames) else "RGB"
    return tuple(frame if frame.mode == mode else frame.convert(mode) for frame in frames)
