"""Bytes -> one upright sRGB picture, no larger than its renditions need.

The bytes are whatever somebody uploaded. What they are is sniffed, never believed; whatever Pillow or a plugin
raises on the way becomes a `Rejection` here, at one boundary. Rotation and colour conversion happen after the
down-scale, where there are fewer pixels to touch.
"""

import hashlib
import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html import unescape
from importlib import import_module
from typing import Any, NamedTuple

from PIL import ExifTags, Image, ImageChops, ImageCms, ImageFile

from imaging.containers import (
    heif_sizes,
    jpeg_scans,
    png_without_extras,
    require_item_names,
    require_whole_boxes,
)
from imaging.errors import Rejection
from imaging.memory import foretell, foretell_renditions, refuse_over
from imaging.model import Limits, RenditionSpec
from imaging.sniffing import sniff

# Pillow's own bomb limit knows nothing of formats or memory; ours is checked before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None

ANIMATED = frozenset({"gif", "webp", "png", "avif"})
"""Formats whose frames are an animation. A TIFF's are pages, and counting those can take a minute."""

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

SRGB = ImageCms.createProfile("sRGB")
SRGB_NUMBERS = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""White, red, green and blue as CIE x and y (IEC 61966-2-1)."""


class Credits(NamedTuple):
    """Who made the picture, as its own metadata says it."""

    copyright: str = ""
    artist: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded source: upright, in sRGB, mode L, LA, RGB or RGBA.

    `width` and `height` are those of the whole upright source; the `frames` may already be smaller. A still
    picture has one frame. `durations` are milliseconds per frame; `loop` is how often to play, 0 for ever.
    """

    format: str
    width: int
    height: int
    frames: tuple[Image.Image, ...]
    durations: tuple[int, ...] = (0,)
    loop: int = 0
    credits: Credits = field(default_factory=Credits)
    warnings: tuple[str, ...] = ()


def decode(body: bytes, specs: Sequence[RenditionSpec], limits: Limits, memory: int | None = None) -> Picture:
    """The picture in `body`, decoded once, at the smallest scale that all of `specs` can be made from.

    `memory` is how many bytes it may take at its peak; None is no bound.

    Raises `Rejection`, and nothing else, whatever the bytes are.
    """
    name, plugin = sniff(body)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of oddities; what matters becomes ours below
            if name == "tiff":  # and goes on without the tags behind the cut, which are its colours and alpha
                warnings.filterwarnings("error", "Truncated File Read|Tag data larger than file")
            return _decode(body, name, plugin, specs, limits, memory)
    except Rejection:
        raise
    except Exception as error:  # eleven classes of exception came out of corrupt files; all mean one thing
        bare = b""
        if name == "png" and not isinstance(error, MemoryError):
            bare = png_without_extras(body, texts="MAX_TEXT_MEMORY" not in str(error))
        if not bare:
            raise _damaged(name, error) from error
    picture = decode(bare, specs, limits, memory)  # what the first attempt held is free again
    said = "Something besides the pixels is damaged or too large and was left out; treated as sRGB."
    return replace(picture, warnings=tuple(dict.fromkeys((said, *picture.warnings))))


def _decode(
    body: bytes, name: str, plugin: str, specs: Sequence[RenditionSpec], limits: Limits, memory: int | None
) -> Picture:
    image = _opened(body, name, plugin, limits)
    width, height = image.size
    found: list[str] = []

    count = _frame_count(image, name, any(spec.animated for spec in specs), limits)
    moving = count > 1 or "loop" in image.info or image.info.get("duration")
    if name == "gif" and moving and not body.rstrip(b"\0\r\n ").endswith(b";"):
        raise EOFError("the trailer of an animation is missing")  # Pillow takes the frames there are for all of them
    if name == "png":
        _refuse_much_memory(image, name, specs, count, 1, len(body), memory)
        _fit_transparency(image)
        image.load()  # its EXIF may stand behind the pixels; a fault in the pixels is not one of the EXIF
    orientation = _orientation(image, name, found)
    if orientation >= 5:  # stored lying on its side
        width, height = height, width
    crops = [spec.crop(width, height) for spec in specs]
    largest = max(crops, key=lambda crop: (crop.scale, crop.whole, crop.size))
    scale = min(1.0, largest.scale)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if largest.whole and scale < 1:
        size = largest.size  # exactly, so that it need not be resized again
    stored = (size[1], size[0]) if orientation >= 5 else size

    box = _drafted(image, stored) if name == "jpeg" else None
    _refuse_much_memory(image, name, specs, count, orientation, len(body), memory, full=(width, height))

    icc = image.info.get("icc_profile")
    if not icc and _told_in_numbers(image, name, body):
        found.append("The colours are told in numbers, without a profile, and are not sRGB's; treated as sRGB.")

    frames, durations = [], []
    for frame, duration in _frames(image, count, limits):
        shrunk = _eight_bit(frame)
        if shrunk.size != stored:
            # What libjpeg has scaled is a little soft already; the full picture has detail to spare, and is dear.
            resample = Image.Resampling.LANCZOS if box else Image.Resampling.BICUBIC
            shrunk = scaled(shrunk, stored, resample, box)
        shrunk = _to_srgb(shrunk, icc, found)
        if shrunk is frame:
            shrunk = frame.copy()  # the file's own picture changes with its next frame
        shrunk.info = {}  # savers embed what they find here: profiles, comments
        frames.append(shrunk)
        durations.append(duration)

    plays, credits = _plays(image, name), _credits(image)
    del image, frame  # all those pixels, before there are others
    if orientation in UPRIGHT:
        frames = [shrunk.transpose(UPRIGHT[orientation]) for shrunk in frames]
    return Picture(
        name,
        width,
        height,
        _all_or_none_alpha(frames),
        tuple(durations),
        plays,
        credits,
        tuple(dict.fromkeys(found)),
    )


def _opened(body: bytes, name: str, plugin: str, limits: Limits) -> ImageFile.ImageFile:
    """The picture with its header read, within the recipe's limits, and no pixel of it decoded."""
    if name == "jpeg":
        _refuse_many_scans(body, limits)
    know_plugin(plugin)
    if plugin == "HEIF":
        require_whole_boxes(body)
        require_item_names(body)
    if plugin in ("AVIF", "HEIF"):
        for width, height in heif_sizes(body):
            _refuse_many_pixels(width, height, limits)
    if name == "gif":
        _refuse_many_pixels(int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little"), limits)
    with _growing_to(limits.pixels if name == "gif" else None):
        image = Image.open(io.BytesIO(body), formats=[plugin])
    _refuse_many_pixels(*image.size, limits)
    return image


# -- before a pixel is decoded -----------------------------------------------------------------------------


def _refuse_many_pixels(width: int, height: int, limits: Limits) -> None:
    if width < 1 or height < 1:
        raise Rejection("damaged", f"This picture says it is {width} x {height} pixels.", _EXPORT_AGAIN)
    if width * height > limits.pixels:
        side = math.isqrt(limits.pixels * max(width, height) // min(width, height))
        raise Rejection(
            "too-many-pixels",
            f"This picture has {_mega(width * height)} megapixels ({width:,} x {height:,}) and the limit is "
            f"{_mega(limits.pixels)}.",
            f"Export it at {side:,} pixels on the long side or less.",
        )


def _refuse_much_memory(
    image: Image.Image,
    name: str,
    specs: Sequence[RenditionSpec],
    frames: int,
    orientation: int,
    source: int,
    memory: int | None,
    full: tuple[int, int] | None = None,
) -> None:
    """Refuse what would not fit; `image.size` is what will be decoded, `full` the upright picture."""
    width, height = full or image.size
    scale = min(1.0, max(spec.crop(width, height).scale for spec in specs))
    shrunk = max(1, round(width * scale)), max(1, round(height * scale))
    plus = "transparency" in image.info or image.info.get("bit_depth", 8) > 8
    mode = ("I;16" if image.mode.startswith("I;16") else image.mode) + "+" * plus
    alpha = frames > 1 or mode[-1] in "Aa+"
    decoding = foretell(
        name,
        mode,
        image.size,
        shrunk[::-1] if orientation >= 5 else shrunk,
        frames=frames,
        coefficients=_coefficients(image) * width * height,
    )
    making = foretell_renditions(specs, (width, height), shrunk, frames=frames, alpha=alpha)
    refuse_over(memory, source + max(decoding, making), _spoken(name), (width, height))


def _coefficients(image: Image.Image) -> int:
    """Bytes per pixel that a JPEG of several scans keeps, 0 of any other; by its sampling factors."""
    layers = getattr(image, "layer", ()) if image.info.get("progressive") else ()
    areas = [across * down for _, across, down, _ in layers]
    return math.ceil(2 * sum(areas) / max(areas)) if areas else 0


def _refuse_many_scans(body: bytes, limits: Limits) -> None:
    """A progressive JPEG may refine its picture in any number of scans, each as dear as decoding it anew."""
    for count, _ in enumerate(jpeg_scans(body), 1):
        if count > limits.scans:
            raise Rejection(
                "too-many-scans",
                f"This JPEG is built of more than {limits.scans} scans; cameras and programs write 1 to 20.",
                "Open it in a picture editor and save it as a new JPEG.",
            )


@lru_cache
def know_plugin(plugin: str) -> None:
    """Import one of Pillow's plugins; asked for one that it does not know, it would import all forty."""
    if plugin == "HEIF":
        import pi_heif  # noqa: PLC0415  8 MB of codec that most runs never need

        pi_heif.register_heif_opener()
        return
    names = {"AVIF": "Avif", "TIFF": "Tiff", "WEBP": "WebP"}
    module = import_module(f"PIL.{names.get(plugin, plugin.capitalize())}ImagePlugin")
    if plugin == "PNG":
        # Up to 1 MB for each text, as Pillow has it, but not 64 MB for all: metadata is not what memory is for.
        module.MAX_TEXT_MEMORY = 4 << 20  # type: ignore[attr-defined]


# -- frames ------------------------------------------------------------------------------------------------


def _frame_count(image: Image.Image, name: str, animated: bool, limits: Limits) -> int:
    """How many frames there are to decode, within the recipe's limit."""
    count = getattr(image, "n_frames", 1) if animated and name in ANIMATED else 1
    pixels = count * image.width * image.height
    if count > 1 and pixels > limits.animation_pixels:
        raise Rejection(
            "too-many-frames",
            f"This animation has {count:,} frames of {image.width:,} x {image.height:,} pixels, "
            f"{_mega(pixels)} megapixels in all, and the limit is {_mega(limits.animation_pixels)}.",
            "Make it shorter or smaller, or upload it as a video somewhere else.",
        )
    return count


def _frames(image: Image.Image, count: int, limits: Limits) -> Iterator[tuple[Image.Image, int]]:
    """Each frame, loaded, and how many milliseconds it stands."""
    # A PNG may carry a still for readers that know no animation; it is not one of the frames.
    first = 1 if count > 1 and image.info.get("default_image") else 0
    longest = min(655_350, (2**31 - 1) // count)  # a frame of a GIF, and a whole WebP, can last no longer
    for index in range(first, count):
        if index:
            with _growing_to(limits.animation_pixels // count):
                image.seek(index)
        image.load()
        yield image, min(longest, max(0, round(float(image.info.get("duration", 0) or 0))))


@contextmanager
def _growing_to(pixels: int | None) -> Iterator[None]:
    """Keeps a GIF from outgrowing the canvas it has told: a frame may reach over the edge by 65,535 pixels."""
    Image.MAX_IMAGE_PIXELS = pixels and max(1, pixels // 2)  # at twice this Pillow raises
    try:
        yield
    except Image.DecompressionBombError:
        raise Rejection(
            "too-many-pixels",
            f"A frame of this GIF reaches far over its canvas, to more than {_mega(pixels or 0)} megapixels.",
            _EXPORT_AGAIN,
        ) from None
    finally:
        Image.MAX_IMAGE_PIXELS = None


def _plays(image: Image.Image, name: str) -> int:
    """How often an animation plays, 0 for ever, 65,535 at most, as in WebP. GIF counts repetitions."""
    loop = image.info.get("loop")
    if name == "gif":
        loop = 1 if loop is None else loop and loop + 1
    return min(65_535, int(loop or 0))


def _all_or_none_alpha(frames: list[Image.Image]) -> tuple[Image.Image, ...]:
    """The frames without their alpha channel where it hides nothing, and all in one mode."""
    if any(frame.mode in ("LA", "RGBA") and frame.getchannel("A").getextrema() != (255, 255) for frame in frames):
        mode = "RGBA" if len(frames) > 1 else frames[0].mode
    else:
        mode = "L" if all(frame.mode in ("L", "LA") for frame in frames) else "RGB"
    return tuple(frame if frame.mode == mode else frame.convert(mode) for frame in frames)


# -- scale -------------------------------------------------------------------------------------------------

SPARE = ((8, 1.4), (4, 1.4), (2, 1.2))
"""What libjpeg may divide a picture's sides by, and how much larger than wanted it must still be then.

Libjpeg scales each 8 x 8 pixels by themselves. With less to spare, photos fall under the mean SSIM of 0.995 to the
whole picture scaled by LANCZOS (docs/performance.md).
"""
GAP = 3.0
"""How far above the size wanted averaging whole pixels stops, and resampling goes on: no difference is to be seen."""
BAND = 128
"""Rows that are resampled at a time."""
PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}
"""Modes in which a hidden colour weighs nothing."""


def _drafted(image: Image.Image, size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """Have libjpeg scale the picture while it decodes, almost for nothing, as far as `size` loses nothing by it.

    The answer is the box that holds the picture then; None where it is decoded whole. An eighth of 1,001 pixels is
    125.125 of the 126 that libjpeg makes of them: taken for all 126, the picture would be moved, and by as much to the
    other side when it lies on its head.
    """
    larger = min(image.width / size[0], image.height / size[1])
    for divisor, spare in SPARE:
        if larger >= divisor * spare:
            drafted = image.draft(None, (image.width // divisor, image.height // divisor))
            return drafted and drafted[1]
    return None


def scaled(
    image: Image.Image,
    size: tuple[int, int],
    resample: Image.Resampling,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """What `box` holds of the picture in another size, as `Image.resize` makes it, but in bands on two threads.

    One band after the other, it would wait for the encoders beside it, and they for it. Alpha is premultiplied.
    """
    if premultiplied := PREMULTIPLIED.get(image.mode):
        return scaled(image.convert(premultiplied), size, resample, box).convert(image.mode)
    width, height = size
    if height <= BAND:
        return image.resize(size, resample, box, reducing_gap=GAP)
    left, top, right, bottom = box or (0, 0, *image.size)
    canvas = Image.new(image.mode, size, None)

    def fill(first: int) -> None:
        last = min(first + BAND, height)
        part = (left, top + (bottom - top) * first / height, right, min(top + (bottom - top) * last / height, bottom))
        canvas.paste(image.resize((width, last - first), resample, part, reducing_gap=GAP), (0, first))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, range(0, height, BAND)))
    return canvas


# -- modes and colour --------------------------------------------------------------------------------------


def _fit_transparency(image: ImageFile.ImageFile) -> None:
    """Make the transparent colour of a PNG, told in the file's bits, one of the eight that its pixels are about to get.

    Deep grey keeps its bits for `_scaled_grey`.
    """
    hidden, bits = image.info.get("transparency"), str(image.tile[0].args) if image.tile else ""
    if isinstance(hidden, tuple) and bits.endswith("16B"):
        image.info["transparency"] = tuple(value >> 8 for value in hidden)
    elif isinstance(hidden, int) and bits in ("L;2", "L;4"):
        image.info["transparency"] = hidden * (85 if bits == "L;2" else 17)


def _eight_bit(image: Image.Image) -> Image.Image:
    """The picture in a mode that scales and converts rightly: L, LA, RGB, RGBA, CMYK or LAB."""
    transparency = image.info.get("transparency")
    match image.mode:
        case "L" | "RGB" if transparency is not None:
            return image.convert("LA" if image.mode == "L" else "RGBA")
        case "L" | "LA" | "RGB" | "RGBA" | "CMYK" | "LAB":
            return image
        case "1":
            return image.convert("LA" if transparency is not None else "L")
        case "P":
            return image.convert("RGBA" if image.has_transparency_data else "RGB")
        case "PA" | "RGBa":
            return image.convert("RGBA")
        case "La":
            return image.convert("LA")
        case mode if mode.startswith(("I", "F")):
            return _scaled_grey(image)
        case _:
            return image.convert("RGB")


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
    if isinstance(hidden, int):  # a PNG's one transparent grey, told in 16 bits
        from PIL import ImageMath  # noqa: PLC0415  likewise

        grey.putalpha(ImageMath.lambda_eval(lambda of: of["convert"]((of["deep"] != hidden) * 255, "L"), deep=deep))
    return grey


def _to_srgb(image: Image.Image, icc: bytes | None, found: list[str]) -> Image.Image:
    """The picture in sRGB, mode L, LA, RGB or RGBA; a profile that cannot be used is a warning."""
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        return ImageCms.profileToProfile(image, lab, SRGB, outputMode="RGB") or image
    if icc:
        try:
            return _apply(_transform(hashlib.sha256(icc).digest(), icc, image.mode.removesuffix("A")), image)
        except Exception:  # noqa: BLE001  lcms and the profile reader raise many classes on damaged profiles
            found.append("The colour profile was damaged or of another kind of picture; treated as sRGB.")
    return image.convert("RGB") if image.mode == "CMYK" else image


def _told_in_numbers(image: Image.Image, name: str, body: bytes) -> bool:
    """Whether a file says in numbers alone that its colours are not sRGB's (PNG, 11.3.2; ITU-T H.273, 8.1 and 8.2)."""
    kind = {"png": rb"cICP(.)(.)", "avif": rb"colrnclx.(.).(.)", "heic": rb"colrnclx.(.).(.)"}.get(name)
    if kind and (coded := re.search(kind, body[:65_536], re.DOTALL)):
        return coded[1] not in b"\1\2\5\6" or coded[2] not in b"\1\2\6\r\16\17"
    if "srgb" in image.info:
        return False
    gamma, told = image.info.get("gamma", 1 / 2.2), image.info.get("chromaticity", SRGB_NUMBERS)
    return abs(gamma * 2.2 - 1) > 0.05 or any(abs(a - b) > 0.005 for a, b in zip(told, SRGB_NUMBERS, strict=False))


def _apply(transform: Any, image: Image.Image) -> Image.Image:
    if transform is None:
        return image
    if image.mode in ("LA", "RGBA"):
        colours = _apply(transform, image.convert(image.mode.removesuffix("A")))
        colours.putalpha(image.getchannel("A"))
        return colours
    same = image if image.mode == transform.input_mode else image.convert(transform.input_mode)
    if image.mode == "RGB" and same.mode == "L" and ImageChops.difference(image, same.convert("RGB")).getbbox():
        raise ValueError("a grey profile in a picture with colours")
    converted: Image.Image = transform.apply(same)
    return converted.getchannel("G") if image.mode == "L" else converted


@lru_cache(maxsize=8)
def _transform(_digest: bytes, icc: bytes, mode: str) -> Any:
    """The way from this profile to sRGB, or None where it changes nothing worth the time."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    space = profile.profile.xcolor_space.strip()
    wanted = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[space]
    if wanted != mode and {mode, wanted} != {"L", "RGB"}:
        raise ValueError(f"a {space} profile in a picture of mode {mode}")
    transform = ImageCms.buildTransform(
        profile,
        SRGB,
        wanted,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if wanted == "RGB":
        # Most profiles are sRGB under one of a hundred names. Ask what it does, not what it is called.
        probe = Image.new("RGB", (729, 1))
        steps = [round(255 * i / 8) for i in range(9)]
        probe.putdata([(r, g, b) for r in steps for g in steps for b in steps])
        changed = transform.apply(probe).tobytes()
        if max(abs(a - b) for a, b in zip(changed, probe.tobytes(), strict=True)) <= 1:
            return None
    return transform


# -- metadata ----------------------------------------------------------------------------------------------


def _orientation(image: Image.Image, name: str, found: list[str]) -> int:
    """EXIF's orientation, 1 to 8. Pillow turns a TIFF by itself; libheif turns a HEIC."""
    if name in ("tiff", "heic"):
        return 1
    # Without EXIF Pillow believes XMP, which editors leave behind in pictures they have turned; browsers do not.
    xmp: dict[Any, Any] = {key: image.info.pop(key) for key in ("xmp", "XML:com.adobe.xmp") if key in image.info}
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001  a decodable picture with broken EXIF is still a picture
        found.append("The EXIF data is damaged; the picture is shown as it is stored.")
        return 1
    finally:
        image.info.update(xmp)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _credits(image: ImageFile.ImageFile) -> Credits:
    """Copyright, artist and credit out of EXIF, IPTC and XMP, the first that says it; empty where none does."""
    said = [*_guarded(_exif_credits, image), *_guarded(_iptc_credits, image), *_guarded(_xmp_credits, image)]
    return Credits(*(next((c[i] for c in said if c[i]), "") for i in range(3)))


def _guarded(read: Any, image: ImageFile.ImageFile) -> list[Credits]:
    try:
        return [Credits(*(_one_line(text) for text in read(image)))]
    except Exception:  # noqa: BLE001  nobody's copyright is worth losing the picture
        return []


def _exif_credits(image: Image.Image) -> tuple[Any, Any, Any]:
    exif = image.getexif()
    return exif.get(ExifTags.Base.Copyright, ""), exif.get(ExifTags.Base.Artist, ""), ""


def _iptc_credits(image: ImageFile.ImageFile) -> tuple[Any, Any, Any]:
    from PIL import IptcImagePlugin  # noqa: PLC0415  at a cold start's cost, and few need it

    iptc = IptcImagePlugin.getiptcinfo(image) or {}
    return iptc.get((2, 116), b""), iptc.get((2, 80), b""), iptc.get((2, 110), b"")


def _xmp_credits(image: Image.Image) -> tuple[Any, Any, Any]:
    # Searched as text: an XML parser would expand entities that somebody else defined.
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    text = xmp[:262_144].decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp)[:262_144]

    def value(tag: str) -> str:
        found = re.search(rf'<{tag}>(.{{0,2000}}?)</{tag}>|{tag}="([^"]{{0,1000}})"', text, re.DOTALL)
        return unescape(re.sub(r"<[^>]*>", " ", found[1] or found[2] or "")) if found else ""

    return value("dc:rights"), value("dc:creator"), value("photoshop:Credit")


def _one_line(value: Any) -> str:
    """Text of metadata, fit for one line of a manifest."""
    if isinstance(value, list | tuple):
        value = b", ".join(value) if value and isinstance(value[0], bytes) else ", ".join(map(str, value))
    raw = value if isinstance(value, bytes) else _bytes_of(str(value))
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:1000]


def _bytes_of(text: str) -> bytes:
    """EXIF's text is bytes that Pillow read as Latin-1, and UTF-8 as often as not."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


# -- what went wrong ---------------------------------------------------------------------------------------

_EXPORT_AGAIN = "Open the picture in an editor, export it again and upload the new file."


def _damaged(name: str, error: Exception) -> Rejection:
    text = str(error).lower()
    if isinstance(error, MemoryError) or "memory" in text:
        return Rejection(
            "needs-too-much-memory",
            f"This {_spoken(name)} file needs more memory to open than there is.",
            "Export it with fewer pixels, or as a baseline JPEG, and upload it again.",
        )
    if "MAX_TEXT_CHUNK" in str(error):
        return Rejection(
            "damaged", "A text in this PNG file swells to over 1 MB, as in files that attack.", _EXPORT_AGAIN
        )
    if isinstance(error, EOFError) or any(
        word in text for word in ("truncat", "premature", "incomplete", "short", "larger than file")
    ):
        return Rejection(
            "truncated",
            f"This {_spoken(name)} file breaks off before the picture is complete.",
            "The upload or the copy was probably cut short. Upload the original again.",
        )
    reason = f"This {_spoken(name)} file is damaged, or of a rare kind, and cannot be opened."
    return Rejection("damaged", reason, _EXPORT_AGAIN)


def _spoken(name: str) -> str:
    return {"webp": "WebP"}.get(name, name.upper())


def _mega(pixels: int) -> str:
    return f"{pixels / 1e6:,.0f}" if pixels >= 10e6 else f"{pixels / 1e6:.1f}"
