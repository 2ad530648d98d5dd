"""A card of colours, stored in every way in which a file can tell in numbers what its colours are."""

import io
import struct
from collections.abc import Callable, Sequence
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import ExifTags, Image

from tests.builders import heic, jpeg_segment, jpeg_with, png_chunk, saved
from tests.profiles import srgb_signal, stored

CARD = (
    (235, 235, 235),
    (220, 30, 30),
    (30, 160, 40),
    (40, 60, 220),
    (240, 200, 20),
    (20, 180, 200),
    (200, 40, 180),
    (118, 118, 118),
    (0, 0, 0),
)
PATCH = 16
P3_POINTS = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB_POINTS = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""White, red, green and blue, each as CIE x and y."""

Signal = Callable[[float], float]


def card(primaries: str = "sRGB", signal: Signal = srgb_signal) -> Image.Image:
    """The card as a picture whose values are of these primaries and this curve."""
    return in_patches([stored(colour, primaries, signal) for colour in CARD])


def in_patches(colours: Sequence[tuple[int, ...]]) -> Image.Image:
    """Colours side by side."""
    image = Image.new("RGB", (PATCH * len(colours), PATCH))
    for number, colour in enumerate(colours):
        image.paste(colour, (PATCH * number, 0, PATCH * (number + 1), PATCH))
    return image


def patches(image: Image.Image) -> list[tuple[int, ...]]:
    """The colour in the middle of each patch."""
    middles = range(PATCH // 2, image.width, PATCH)
    return [image.convert("RGB").getpixel((x, PATCH // 2)) for x in middles]  # type: ignore[misc]


def furthest(image: Image.Image, wanted: Sequence[tuple[int, ...]] = CARD) -> int:
    """The largest difference to the colours wanted."""
    pairs = zip(patches(image), wanted, strict=True)
    return max(abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True))


# -- ways to tell ------------------------------------------------------------------------------------------


def png_of(image: Image.Image, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with these chunks right behind its header."""
    body = saved(image, "png")
    return body[:33] + b"".join(png_chunk(kind, data) for kind, data in chunks) + body[33:]


def cicp(primaries: int, transfer: int, *, full: bool = True) -> tuple[bytes, bytes]:
    """The chunk of a PNG that has a code."""
    return b"cICP", bytes((primaries, transfer, 0, full))


def gama(share: float) -> tuple[bytes, bytes]:
    """The chunk that has an exponent."""
    return b"gAMA", struct.pack(">I", round(share * 100_000))


def chrm(points: Sequence[float] = P3_POINTS) -> tuple[bytes, bytes]:
    """The chunk that has primaries."""
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in points))


def box(kind: bytes, *content: bytes) -> bytes:
    """One box of an AVIF or HEIC."""
    return struct.pack(">I4s", 8 + sum(map(len, content)), kind) + b"".join(content)


def nclx(primaries: int, transfer: int) -> bytes:
    """The box that has a code."""
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, 6, 0x80))


def avif_of(image: Image.Image, primaries: int, transfer: int) -> bytes:
    """An AVIF with this code, its pixels as they are: not as brightness and colour apart, which would round them."""
    return imagecodecs.avif_encode(  # type: ignore[no-any-return]
        np.asarray(image), 100, speed=8, pixelformat="444", primaries=primaries, transfer=transfer, matrix=0
    )


def heic_with(*boxes: bytes) -> bytes:
    """The sample HEIC, whose one picture has these properties besides."""
    body = bytearray(heic())
    for box in boxes:
        places = {kind: body.index(kind) for kind in (b"meta", b"iloc", b"iprp", b"ipco", b"ipma")}
        held = places[b"ipma"]
        (length,) = struct.unpack_from(">I", body, held - 4)
        body[held + 14] += 1
        body.insert(held - 4 + length, body[held + 14])  # the number of the last property
        body[held - 4 : held - 4] = box
        grown = {places[kind] - 4: len(box) + 1 for kind in (b"meta", b"iprp")} | {places[b"iloc"] + 16: len(box) + 1}
        for at, by in (grown | {places[b"ipco"] - 4: len(box), held + len(box) - 4: 1}).items():
            struct.pack_into(">I", body, at, struct.unpack_from(">I", body, at)[0] + by)
    return bytes(body)


Tag = tuple[int, str, Sequence[int]]
"""A tag for tifffile: its number, its type and its values. A fraction, "2I", is two of them."""


def tiff_of(
    image: Image.Image, points: Sequence[float] | None = P3_POINTS, table: Sequence[int] | None = None, **options: Any
) -> bytes:
    """A TIFF with these primaries and this curve; `options` say how it is laid out."""
    fractions = [part for value in points or () for part in (round(value * 1_000_000), 1_000_000)]
    tags: list[Tag] = [(318, "2I", fractions[:4]), (319, "2I", fractions[4:])] if points else []
    return tiff_with(image, *tags, *([] if table is None else [(301, "H", table)]), **options)


def tiff_with(image: Image.Image, *tags: Tag, deep: bool = False, **options: Any) -> bytes:
    """A TIFF with these tags."""
    extra = [(number, kind, len(values) // len(kind), tuple(values)) for number, kind, values in tags]
    pixels, buffer = np.asarray(image), io.BytesIO()
    if deep:
        pixels = pixels.astype("uint16") * 257
    if options.get("planarconfig") == "separate":
        pixels = pixels.transpose(2, 0, 1)
    tifffile.imwrite(buffer, pixels, photometric="rgb", extratags=extra, metadata=None, **options)
    return buffer.getvalue()


def exif_of(space: int | None, index: str = "") -> bytes:
    """EXIF with this colour space and interoperability index, as cameras write them."""
    start = 8 + 18  # the first directory holds the pointer to EXIF's
    entries = [] if space is None else [(0xA001, 3, 1, struct.pack(">HH", space, 0))]
    if index:
        entries.append((0xA005, 4, 1, struct.pack(">I", start + 6 + 12 * (len(entries) + 1))))
    body = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">HHHIII", 1, ExifTags.IFD.Exif, 4, 1, start, 0)
    body += struct.pack(">H", len(entries)) + b"".join(
        struct.pack(">HHI", tag, kind, count) + value for tag, kind, count, value in entries
    )
    body += b"\0\0\0\0"
    if index:
        body += struct.pack(">HHHI4sI", 1, 1, 2, 4, index.encode().ljust(4, b"\0"), 0)
    return body


def jpeg_of(image: Image.Image, *heads: bytes, exif: bytes = b"") -> bytes:
    """A JPEG with these segments at its beginning, its channels as they are; brightness and colour would round."""
    body = saved(image, "jpeg", quality=100, keep_rgb=True)
    return jpeg_with(body, *([jpeg_segment(0xE1, b"Exif\0\0" + exif)] if exif else []), *heads)


def icc_pieces(profile: bytes, count: int) -> list[bytes]:
    """The segments of a JPEG that hold a profile in so many pieces."""
    size = -(-len(profile) // count)
    parts = [profile[at : at + size] for at in range(0, len(profile), size)]
    return [icc_piece(part, number, count) for number, part in enumerate(parts, 1)]


def icc_piece(part: bytes, number: int, count: int) -> bytes:
    """The segment that holds one of them."""
    return jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes((number, count)) + part)
