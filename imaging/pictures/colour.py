"""Any colours -> sRGB, by the profile that the file has, or that its numbers have become."""

import hashlib
import io
from functools import lru_cache
from typing import Any

from PIL import Image, ImageChops, ImageCms

from imaging.pictures.libraries import LibraryError, library_call

SRGB = ImageCms.createProfile("sRGB")
LAB = ImageCms.createProfile("LAB")
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Pillow's mode for each colour space that a profile can be for (ICC.1, 7.2.6)."""

UNUSABLE = "The colour profile was damaged or of another kind of picture; treated as sRGB."
INKS = "The picture is in CMYK without a colour profile that can be used; its colours are an estimate."


class UnusableProfileError(Exception):
    """A profile that is damaged, or for another kind of picture than the one it stands in."""


def to_srgb(image: Image.Image, icc: object, warnings: list[str]) -> Image.Image:
    """The picture in sRGB, mode L, LA, RGB or RGBA; a profile that cannot be used becomes a warning."""
    if image.mode == "LAB":
        return ImageCms.profileToProfile(image, LAB, SRGB, outputMode="RGB") or image
    if icc:
        try:
            if not isinstance(icc, bytes):  # a TIFF stores it under any type, and a text of a PNG may have its name
                raise UnusableProfileError("a profile that is not bytes")
            transform = _transform(hashlib.sha256(icc).digest(), icc, image.mode.removesuffix("A"))
            return _apply(transform, image)
        except UnusableProfileError:
            if image.mode != "CMYK":
                warnings.append(UNUSABLE)
    if image.mode == "CMYK":
        warnings.append(INKS)
        return image.convert("RGB")
    return image


def _apply(transform: Any, image: Image.Image) -> Image.Image:
    if transform is None:
        return image
    if image.mode in ("LA", "RGBA"):
        colours = _apply(transform, image.convert(image.mode.removesuffix("A")))
        colours.putalpha(image.getchannel("A"))
        return colours
    same = image if image.mode == transform.input_mode else image.convert(transform.input_mode)
    if image.mode == "RGB" and same.mode == "L" and ImageChops.difference(image, same.convert("RGB")).getbbox():
        raise UnusableProfileError("a grey profile in a picture with colours")
    try:
        with library_call():
            converted: Image.Image = transform.apply(same)
    except LibraryError as error:
        raise UnusableProfileError(str(error)) from error
    return converted.getchannel("G") if image.mode == "L" else converted


@lru_cache(maxsize=8)
def _transform(_digest: bytes, icc: bytes, mode: str) -> Any:
    """The way from this profile to sRGB, or None where it changes nothing worth the time."""
    try:
        with library_call():
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            space = profile.profile.xcolor_space.strip()
    except LibraryError as error:
        raise UnusableProfileError(str(error)) from error
    wanted = MODES.get(space)
    if wanted is None or (wanted != mode and {mode, wanted} != {"L", "RGB"}):
        raise UnusableProfileError(f"a {space} profile in a picture of mode {mode}")
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    if wanted == "RGB":  # lcms makes one table of both profiles' tables, too coarse a one for high dynamic range
        flags |= ImageCms.Flags.HIGHRESPRECALC
    try:
        with library_call():
            transform = ImageCms.buildTransform(
                profile,
                SRGB,
                wanted,
                "RGB",
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                flags=flags,
            )
    except LibraryError as error:
        raise UnusableProfileError(str(error)) from error
    return None if wanted == "RGB" and _changes_nothing(transform) else transform


def _changes_nothing(transform: Any) -> bool:
    """Whether the transform leaves colours as they are. Most profiles are sRGB under one of a hundred names."""
    probe = Image.new("RGB", (729, 1))
    steps = [round(255 * i / 8) for i in range(9)]
    probe.putdata([(r, g, b) for r in steps for g in steps for b in steps])
    changed: bytes = transform.apply(probe).tobytes()
    return max(abs(before - after) for before, after in zip(probe.tobytes(), changed, strict=True)) <= 1
