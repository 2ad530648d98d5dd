"""The samples of a TIFF that Pillow would not read rightly, unpacked by libtiff and put together here.

libtiff unpacks anything that it is told to be grey bytes. So the file is given a second directory, which describes the
rows of one plane in that way, and what the bytes mean is sorted out afterwards.
"""

import io
import struct
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from PIL import Image, ImageChops, ImageFile

from imaging.formats import FORMATS
from imaging.pictures.libraries import reading
from imaging.pictures.tiff import (
    ASSOCIATED,
    CIELAB,
    COLOURS,
    GREY,
    GREY_INVERTED,
    MODES,
    Layout,
    refuse_cut,
    refuse_unknown,
)


@dataclass(frozen=True, slots=True)
class Samples:
    """A page as Pillow would have it: `image` in mode L, LA, RGB, RGBA, CMYK or LAB; `alpha` beside CMYK and LAB."""

    image: Image.Image
    alpha: Image.Image | None
    file: ImageFile.ImageFile


def samples_of(body: bytes, page: Layout) -> Samples:
    """The picture of a page that Pillow does not read, and a file that holds its metadata; raises a Rejection."""
    refuse_unknown(page)
    refuse_cut(body, page)
    colours = COLOURS[page.photometric]
    files = [_unpacked(body, page, plane) for plane in range(page.samples if page.planar else 1)]
    wanted = colours + bool(page.alpha)
    if page.planar:
        channels = [_channels(file, page, 1)[0] for file in files[:wanted]]
    else:
        channels = _channels(files[0], page, page.samples)[:wanted]
    if page.photometric == GREY_INVERTED:
        channels[0] = ImageChops.invert(channels[0])
    if page.photometric == CIELAB:  # a and b have a sign, and Pillow's have none
        channels[1:3] = [channel.point(lambda value: value ^ 128) for channel in channels[1:3]]
    mode = MODES[page.photometric]
    image = Image.merge(mode, channels[:colours]) if colours > 1 else channels[0]
    alpha = channels[colours] if page.alpha else None
    if alpha and mode in ("L", "RGB"):
        multiplied = page.alpha == ASSOCIATED
        joined = Image.merge(f"{mode}{'a' if multiplied else 'A'}", (*channels[:colours], alpha))
        return Samples(joined.convert(f"{mode}A"), None, files[0])
    return Samples(image, alpha, files[0])


def _row_bytes(page: Layout, width: int) -> int:
    return width * (1 if page.planar else page.samples) * page.bits[0] // 8


def _unpacked(body: bytes, page: Layout, plane: int) -> ImageFile.ImageFile:
    """The bytes of one plane as a grey picture: the file with a directory at its end that calls them so.

    A single sample whose differences are stored keeps its own depth, so that libtiff undoes them.
    """
    offsets, lengths = page.strips
    each = len(offsets) // page.samples if page.planar else len(offsets)
    part = slice(plane * each, (plane + 1) * each)
    width, height = page.size
    tags = {256: _row_bytes(page, width), 257: height, 258: 8, 259: page.compression, 262: GREY, 277: 1}
    if 266 in page.tags:
        tags[266] = page.number(266, 1)
    many: dict[int, tuple[int, ...]] = {}
    if page.tile:
        tags |= {322: _row_bytes(page, page.tile[0]), 323: page.tile[1]}
        many = {324: offsets[part], 325: lengths[part]}
    else:
        tags[278] = page.number(278, height)
        many = {273: offsets[part], 279: lengths[part]}
    file = _with_directory(body, page, tags, many)
    format = FORMATS["tiff"]
    with reading(format):
        return Image.open(io.BytesIO(file), formats=[format.plugin])


def _with_directory(
    body: bytes, page: Layout, tags: Mapping[int, int], many: Mapping[int, tuple[int, ...]]
) -> bytearray:
    """The file with another directory, to which its head points."""
    order, word = page.order, "Q" if page.big else "I"
    entries = {tag: (4, 1, struct.pack(f"{order}I", value)) for tag, value in tags.items()}
    kind = 16 if page.big else 4
    for tag, values in many.items():
        entries[tag] = kind, len(values), struct.pack(f"{order}{len(values)}{word}", *values)
    entries |= page.raw
    file = bytearray(body)
    directory = b""
    for tag, (kind, count, content) in sorted(entries.items()):
        if len(content) <= struct.calcsize(word):
            place = content.ljust(struct.calcsize(word), b"\0")
        else:
            file += b"\0" * (len(file) % 2)
            place = struct.pack(f"{order}{word}", len(file))
            file += content
        directory += struct.pack(f"{order}HH{word}", tag, kind, count) + place
    file += b"\0" * (len(file) % 2)
    head, first = ("Q", 8) if page.big else ("H", 4)
    struct.pack_into(f"{order}{word}", file, first, len(file))
    file += struct.pack(f"{order}{head}", len(entries)) + directory + struct.pack(f"{order}{word}", 0)
    return file


def _channels(file: ImageFile.ImageFile, page: Layout, samples: int) -> list[Image.Image]:
    """Each sample of the pixels in a plane as a picture of eight bits."""
    with reading(FORMATS["tiff"]):
        file.load()
    rows = file.tobytes()
    deep = page.bits[0] == 16
    if page.predictor == 2:
        return _summed(rows, page, samples)
    first = 1 if deep and page.order == "<" else 0
    step = samples * (2 if deep else 1)
    return [
        Image.frombytes("L", page.size, rows[first + sample * (2 if deep else 1) :: step]) for sample in range(samples)
    ]


def _summed(rows: bytes, page: Layout, samples: int) -> list[Image.Image]:
    """The same of stored differences: each sample is the sum of those before it in its row (TIFF 6.0, section 14)."""
    width, height = page.size
    deep = page.bits[0] == 16
    high = (1 if deep else 0) if sys.byteorder == "little" else (6 if deep else 7)
    channels = [bytearray() for _ in range(samples)]
    row_bytes = _row_bytes(page, width)
    differs = deep and (page.order == "<") != (sys.byteorder == "little")
    # Differences start anew in each row of a tile.
    across = page.tile[0] if page.tile else width
    for y in range(height):
        row = array("H" if deep else "B", rows[y * row_bytes : (y + 1) * row_bytes])
        if differs:
            row.byteswap()
        for sample, channel in enumerate(channels):
            differences = row[sample::samples]
            for left in range(0, width, across):
                sums = array("Q", accumulate(differences[left : left + across]))
                channel.extend(memoryview(sums).cast("B")[high::8].tobytes())
    return [Image.frombytes("L", (width, height), bytes(channel)) for channel in channels]
