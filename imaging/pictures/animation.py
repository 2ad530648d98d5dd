"""Animations, frame by frame, as browsers show them: what no frame covers is transparent.

Pillow undoes some frames otherwise than the formats' specifications say (GIF89a, 23; PNG, third edition, 11.3.4). So a
file is taken apart here into frames that are each a small file of their own, Pillow decodes those, and they are laid
over each other here.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from imaging.errors import Rejection, damaged, truncated
from imaging.formats import FORMATS, Format
from imaging.pictures.libraries import reading
from imaging.pictures.modes import eight_bit, fit_transparency
from imaging.recipe.geometry import Size

KEEP, CLEAR, PREVIOUS = range(3)
"""What becomes of a frame's rectangle before the next one: it stays, it is cleared, or it shows what was there."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: a file that holds it alone, its corner on the canvas, and how long and in which way it stands.

    The file is put together when it is asked for. `size` is in pixels, `duration` in milliseconds. `over` says that its
    transparent parts let the canvas show through.
    """

    file: Callable[[], bytes]
    corner: tuple[int, int]
    size: Size
    duration: int
    disposal: int
    over: bool = True


@dataclass(frozen=True, slots=True)
class Animation:
    """The frames of a file, and how often they play, 0 for ever.

    `count` frames there are, `frames` are the first. `ended` says that the file tells its end.
    """

    format: Format
    size: Size
    count: int
    frames: tuple[Frame, ...]
    plays: int
    ended: bool = True

    def shown(self, count: int) -> Iterator[tuple[Image.Image, int]]:
        """What the canvas shows at each of the first `count` frames, and for how many milliseconds.

        It is one picture, which changes with the next frame.
        """
        canvas = Image.new("RGBA", self.size, (0, 0, 0, 0))
        for frame in self.frames[:count]:
            before = canvas.copy() if frame.disposal == PREVIOUS else canvas
            if frame.over:
                canvas.alpha_composite(decoded(frame, self.format), frame.corner)
            else:
                canvas.paste(decoded(frame, self.format), frame.corner)
            yield canvas, frame.duration
            canvas = before
            if frame.disposal == CLEAR:
                left, top = frame.corner
                canvas.paste((0, 0, 0, 0), (left, top, left + frame.size[0], top + frame.size[1]))


def decoded(frame: Frame, format: Format) -> Image.Image:
    """The pixels of one frame, RGBA."""
    with reading(format):
        image = Image.open(io.BytesIO(frame.file()), formats=[format.plugin])
    if format.name == "png":
        fit_transparency(image)
    with reading(format):
        image.load()
    hidden = image.info.get("transparency")
    if format.name == "gif" and image.mode == "L":  # without a palette; to Pillow's C part it has one all the same
        grey = Image.frombytes("L", image.size, image.tobytes())
        return Image.merge("RGBA", (grey, grey, grey, grey.point(lambda value: 255 * (value != hidden))))
    ready = eight_bit(image, format)
    return ready if ready.mode == "RGBA" else ready.convert("RGBA")


# -- GIF ---------------------------------------------------------------------------------------------------

EXTENSION, IMAGE, TRAILER = b"!", b",", b";"
CONTROL, APPLICATION = 0xF9, 0xFF
"""Labels of the extensions that say how a frame stands, and how often an animation plays."""
DISPOSALS = {2: CLEAR, 3: PREVIOUS}


def gif_animation(body: bytes, most: int) -> Animation:
    """The first `most` frames of a GIF. It may lack its trailer; one that ends within a block is `truncated`."""
    if len(body) < 13:
        raise _cut("its screen descriptor")
    width, height, flags = struct.unpack_from("<HHB", body, 6)
    colours = body[13 : 13 + _table(flags)]
    at, frames, count, plays, control = 13 + len(colours), list[Frame](), 0, 1, b""
    while at < len(body) and body[at : at + 1] != TRAILER:
        start, kind = at, body[at : at + 1]
        if kind == EXTENSION:
            at = _past_blocks(body, at + 2)
            if body[start + 1 : start + 3] == bytes((CONTROL, 4)):
                control = body[start:at]
            elif body[start + 1 : start + 2] == bytes((APPLICATION,)) and body[start + 3 : start + 11] == b"NETSCAPE":
                plays = _plays(body[start + 14 : at])
        elif kind == IMAGE:
            if start + 10 > len(body):
                raise _cut("an image descriptor")
            at = _past_blocks(body, start + 11 + _table(body[start + 9]))
            count += 1
            if count <= most:
                frames.append(_gif_frame(memoryview(body)[start:at], colours, flags, control))
            control = b""
        else:  # what stands between blocks is skipped, as browsers do
            at += 1
    if not frames or (control and at >= len(body)):
        raise truncated("GIF").because("a frame is announced and does not come")
    size = (width, height) if width and height else frames[0].size
    return Animation(FORMATS["gif"], size, count, tuple(frames), plays, ended=at < len(body))


def _gif_frame(block: memoryview, colours: bytes, flags: int, control: bytes) -> Frame:
    left, top, width, height = struct.unpack_from("<4H", block, 1)
    packed, delay = struct.unpack_from("<BH", control, 3) if control else (0, 0)
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 0, 0)
    return Frame(
        lambda: b"".join((head, colours, control, block[:1], b"\0\0\0\0", block[5:], TRAILER)),
        (left, top),
        (width, height),
        delay * 10,
        DISPOSALS.get(packed >> 2 & 7, KEEP),
    )


def _table(flags: int) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _plays(blocks: bytes) -> int:
    """How often the animation plays: the extension counts repetitions, and 0 is for ever."""
    if len(blocks) < 4 or blocks[1] & 7 != 1:
        return 1
    repetitions = int.from_bytes(blocks[2:4], "little")
    return repetitions + 1 if repetitions else 0


def _past_blocks(body: bytes, at: int) -> int:
    """The place behind a row of blocks, each of which says its length; an empty one ends the row."""
    while at < len(body):
        length = body[at]
        at += 1 + length
        if length == 0:
            return at
    raise _cut("a row of blocks")


def _cut(where: str) -> Rejection:
    return truncated("GIF").because(f"it ends within {where}")


# -- APNG --------------------------------------------------------------------------------------------------

APNG_DISPOSALS = (KEEP, CLEAR, PREVIOUS)
SHARED = (b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT")
"""Chunks before the pixels that every frame needs."""


def png_animation(body: bytes, most: int) -> Animation | None:
    """The first `most` frames of an animated PNG; None of a still one.

    The picture for readers that know no animation is a frame only where a frame control comes before it.
    """
    head: list[tuple[bytes, memoryview]] = []
    controls: list[tuple[memoryview, list[memoryview]]] = []
    numbers: list[int] = []
    ended = False
    for kind, data in chunks(memoryview(body)):
        ended = kind == b"IEND"
        if kind in (b"fcTL", b"fdAT"):
            numbers.append(int.from_bytes(data[:4], "big"))
        if kind == b"fcTL":
            controls.append((data, []))
        elif kind in (b"IDAT", b"fdAT") and controls:
            controls[-1][1].append(data[4:] if kind == b"fdAT" else data)
        elif kind == b"IDAT" and not any(each == b"acTL" for each, _ in head):
            return None
        elif not controls:
            head.append((kind, data))
    control = next((data for kind, data in head if kind == b"acTL"), None)
    if control is None or len(control) < 8 or head[0][0] != b"IHDR" or len(head[0][1]) != 13:
        return None
    whole = [(each, pixels) for each, pixels in controls if pixels]
    announced = int.from_bytes(control[:4], "big")
    if len(whole) < max(1, announced) or numbers != list(range(len(numbers))):
        fault = damaged("PNG") if ended else truncated("PNG")
        raise fault.because(f"{announced} frames are announced, {len(whole)} are there, in order or not")
    header = bytes(head[0][1])
    shared = [(kind, bytes(data)) for kind, data in head if kind in SHARED]
    frames = [_png_frame(header, shared, each, pixels) for each, pixels in whole[:most]]
    if frames[0].disposal == PREVIOUS:  # there is nothing before it
        frames[0] = replace(frames[0], disposal=CLEAR)
    width, height = struct.unpack_from(">II", header)
    return Animation(FORMATS["png"], (width, height), len(whole), tuple(frames), int.from_bytes(control[4:8], "big"))


def _png_frame(
    header: bytes, shared: Sequence[tuple[bytes, bytes]], control: memoryview, pixels: Sequence[memoryview]
) -> Frame:
    if len(control) < 26:
        raise damaged("PNG").because("a frame control is too short")
    _, width, height, left, top, delay, unit, disposal, blend = struct.unpack_from(">5I2H2B", control)
    canvas = struct.unpack_from(">II", header)
    if left + width > canvas[0] or top + height > canvas[1]:
        raise damaged("PNG").because("a frame reaches over its canvas")
    size = struct.pack(">II", width, height) + header[8:]

    def file() -> bytes:
        chunks = [(b"IHDR", size), *shared, (b"IDAT", b"".join(pixels)), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )

    duration = round(delay * 1000 / (unit or 100))
    how = APNG_DISPOSALS[disposal] if disposal < len(APNG_DISPOSALS) else KEEP
    return Frame(file, (left, top), (width, height), duration, how, over=blend == 1)


def chunks(body: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Each whole chunk of a PNG, by its length; the last may be cut, and is left out then."""
    at = 8
    while at + 12 <= len(body):
        length = int.from_bytes(body[at : at + 4], "big")
        if at + 12 + length > len(body):
            return
        yield bytes(body[at + 4 : at + 8]), body[at + 8 : at + 8 + length]
        at += 12 + length
