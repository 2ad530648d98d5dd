"""Any colours -> sRGB, by the picture's own profile where it has one that can be used."""

import hashlib
import io
import re
from functools import lru_cache
from typing import Any

from PIL import Image, ImageChops, ImageCms

from imaging.pictures.libraries import LibraryError, library_call
from imaging.pictures.metadata import number_in

SRGB = ImageCms.createProfile("sRGB")
LAB = ImageCms.createProfile("LAB")
SRGB_NUMBERS = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""White, red, green and blue as CIE x and y (IEC 61966-2-1)."""
SRGB_GAMMA = 1 / 2.2
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Pillow's mode for each colour space that a profile can be for (ICC.1, 7.2.6)."""
CODED = {"png": rb"cICP(.)(.)", "avif": rb"colrnclx.(.).(.)", "heic": rb"colrnclx.(.).(.)"}
"""Where formats store their colours as numbers: primaries, then transfer (PNG, 11.3.2; ITU-T H.273, 8.1 and 8.2)."""

UNUSABLE = "The colour profile was damaged or of another kind of picture; treated as sRGB."
NUMBERS = "The file gives its colours as numbers, without a profile, and they are not sRGB's; treated as sRGB."


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
            warnings.append(UNUSABLE)
    return image.convert("RGB") if image.mode == "CMYK" else image


def numbers_differ_from_srgb(image: Image.Image, format_name: str, body: bytes) -> bool:
    """Whether a file says by numbers alone that its colours are not sRGB's."""
    kind = CODED.get(format_name)
    if kind and (coded := re.search(kind, body[:65_536], re.DOTALL)):
        return coded[1] not in b"\1\2\5\6" or coded[2] not in b"\1\2\6\r\16\17"
    if "srgb" in image.info:
        return False
    gamma = number_in(image, "gamma") or SRGB_GAMMA
    points = image.info.get("chromaticity")
    if not isinstance(points, tuple):
        points = SRGB_NUMBERS
    return abs(gamma / SRGB_GAMMA - 1) > 0.05 or any(
        abs(one - other) > 0.005 for one, other in zip(points, SRGB_NUMBERS, strict=False)
    )


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
    try:
        with library_call():
            transform = ImageCms.buildTransform(
                profile,
                SRGB,
                wanted,
                "RGB",
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
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
