"""What a file really takes: the largest of each kind that a function accepts, made, published and measured.

    python -m tests.measuring 512 [KIND...]

prints a JSON line for each kind at a function of 512 MB: kind, megapixels, bytes of the file, how it ended, bytes
foretold, bytes taken at the peak, seconds. Each file is made in one fresh process and published in another, forked from
this one, which has imported everything that a warm function has.
"""

import io
import json
import math
import os
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from imaging import decoding
from imaging.memory import BASE
from imaging.model import Limits
from imaging.recipe import load
from imaging.reconciling import reconcile
from ops.memory import MemoryStorage
from tests.pictures import gif, jpeg_segment, png_chunk, saved

Size = tuple[int, int]
Make = Callable[[Size], Iterator[bytes]]
RECIPE = load(Path(__file__).parent.parent / "recipe.toml")


# -- files of any size, flat, made faster than Pillow would ------------------------------------------------


def jpeg(size: Size, mode: str = "RGB", **options: Any) -> Iterator[bytes]:
    """A baseline JPEG of noise in squares of 16 pixels, which is noise at an eighth of its size too."""
    width, rows = size[0], 8
    coarse = Image.merge(mode, [Image.effect_noise((math.ceil(width / 16), rows), 60) for _ in mode])
    strip = coarse.resize((width, 16 * rows), Image.Resampling.NEAREST)
    body = bytearray(saved(strip, "jpeg", quality=30, restart_marker_rows=1, **options))
    at = body.index(b"\xff\xc0") + 5
    body[at : at + 2] = struct.pack(">H", size[1])
    start = body.index(b"\xff\xda")
    start += 2 + int.from_bytes(body[start + 2 : start + 4])
    yield bytes(body[:start])
    for _ in range(math.ceil(size[1] / (16 * rows))):
        yield bytes(body[start:-2]) + b"\xff\xd7"
    yield b"\xff\xd9"


def progressive(size: Size, factors: Sequence[int] = (0x22, 0x11, 0x11)) -> Iterator[bytes]:
    """A progressive JPEG of one colour for each of `factors`; its blocks are zero, and so are the bits that say it."""
    parts = range(1, len(factors) + 1)
    yield b"\xff\xd8" + (jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\0") if len(factors) == 4 else b"")
    yield jpeg_segment(0xDB, b"\0" + b"\x10" * 64)
    components = b"".join(bytes((part, factor, 0)) for part, factor in zip(parts, factors, strict=True))
    yield jpeg_segment(0xC2, struct.pack(">BHHB", 8, size[1], size[0], len(factors)) + components)
    for table in (0x00, 0x10):
        yield jpeg_segment(0xC4, bytes((table, 1)) + bytes(15) + b"\0")
    most = max(factor >> 4 for factor in factors), max(factor & 15 for factor in factors)
    units = math.ceil(size[0] / 8 / most[0]) * math.ceil(size[1] / 8 / most[1])

    def scan(of: Sequence[int], spectral: bytes, blocks: int) -> bytes:
        head = bytes((len(of),)) + b"".join(bytes((part, 0)) for part in of) + spectral
        return jpeg_segment(0xDA, head) + bytes(math.ceil(blocks / 8) + 8)

    yield scan(parts, b"\0\0\0", units * sum((factor >> 4) * (factor & 15) for factor in factors))
    for part, factor in zip(parts, factors, strict=True):
        across = math.ceil(size[0] * (factor >> 4) / most[0] / 8)
        down = math.ceil(size[1] * (factor & 15) / most[1] / 8)
        yield scan((part,), b"\1\x3f\0", across * down)
    yield b"\xff\xd9"


def png(size: Size, colour: int, depth: int, *extra: tuple[bytes, bytes], interlaced: bool = False) -> Iterator[bytes]:
    width, height = size
    row = bytes(1 + math.ceil(width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] / 8))
    yield b"\x89PNG\r\n\x1a\n"
    yield png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    yield b"".join(png_chunk(kind, data) for kind, data in extra)
    packer = zlib.compressobj(1)
    # Adam7's passes have a little more bytes than the picture's rows, for their ends; what is left over is ignored.
    for _ in range(height + (height // 64 + 8) * interlaced):
        if packed := packer.compress(row):
            yield png_chunk(b"IDAT", packed)
    yield png_chunk(b"IDAT", packer.flush()) + png_chunk(b"IEND", b"")


def tiff(size: Size, photometric: int, bits: int, samples: int, *extra: tuple[int, int, int, int]) -> Iterator[bytes]:
    row = math.ceil(size[0] * bits * samples / 8)
    tags = {256: (4, 1, size[0]), 257: (4, 1, size[1]), 258: (3, 1, bits), 259: (3, 1, 1), 262: (3, 1, photometric)}
    tags |= {277: (3, 1, samples), 278: (4, 1, size[1]), 279: (4, 1, row * size[1])}
    tags |= {tag: (kind, count, value) for tag, kind, count, value in extra}
    at = 8 + 2 + 12 * (len(tags) + 1) + 4
    if samples > 1:  # the bits of each sample, behind the directory
        tags[258], at = (3, samples, at), at + 2 * samples
    tags[273] = (4, 1, at)
    entries = b"".join(struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags))
    yield b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    yield struct.pack(f"<{samples}H", *[bits] * samples) if samples > 1 else b""
    for _ in range(size[1]):
        yield bytes(row)


def bmp(size: Size, bits: int) -> Iterator[bytes]:
    row = math.ceil(size[0] * bits / 32) * 4
    palette = bytes(1024) if bits == 8 else b""
    at = 54 + len(palette)
    yield b"BM" + struct.pack("<IHHI", at + row * size[1], 0, 0, at)
    yield struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, 0, row * size[1], 0, 0, 0, 0) + palette
    for _ in range(size[1]):
        yield bytes(row)


def by_pillow(size: Size, mode: str, name: str, **options: Any) -> Iterator[bytes]:
    yield saved(Image.new(mode, size, {"RGBA": (9, 99, 200, 99)}.get(mode, 0)), name, **options)


CANVAS = 1200 * 900


def animated(size: Size, name: str, mode: str, **options: Any) -> Iterator[bytes]:
    """As many frames of a canvas of 1,200 x 900 as there are pixels in `size`."""
    count = size[0] * size[1] // CANVAS
    if name == "gif":
        yield gif((1200, 900), [((at, 0, at + 1, 1), 1 + at % 3, 1, 4) for at in range(count)], 0)
        return
    first, *rest = (
        Image.new(mode, (1200, 900), (at * 67 % 256, at * 29 % 256, 200, 99)[: len(mode)]) for at in range(count)
    )
    yield saved(first, name, save_all=True, append_images=rest, duration=40, **options)


PALETTE = (b"PLTE", bytes(range(12)))
KINDS: dict[str, Make] = {
    "jpeg": jpeg,
    "jpeg 4:4:4": partial(jpeg, subsampling="4:4:4"),
    "jpeg grey": partial(jpeg, mode="L"),
    "jpeg cmyk": partial(jpeg, mode="CMYK"),
    "jpeg progressive": progressive,
    "jpeg progressive 4:4:4": partial(progressive, factors=(0x11,) * 3),
    "jpeg progressive grey": partial(progressive, factors=(0x11,)),
    "jpeg progressive cmyk": partial(progressive, factors=(0x11,) * 4),
    "png bilevel": partial(png, colour=0, depth=1),
    "png grey": partial(png, colour=0, depth=8),
    "png grey see-through": lambda size: png(size, 0, 8, (b"tRNS", b"\0\7")),
    "png deep grey": partial(png, colour=0, depth=16),
    "png deep grey see-through": lambda size: png(size, 0, 16, (b"tRNS", b"\0\7")),
    "png palette": lambda size: png(size, 3, 8, PALETTE),
    "png palette see-through": lambda size: png(size, 3, 8, PALETTE, (b"tRNS", b"\7\x99\xff\0")),
    "png rgb": partial(png, colour=2, depth=8),
    "png rgb interlaced": partial(png, colour=2, depth=8, interlaced=True),
    "png rgb see-through": lambda size: png(size, 2, 8, (b"tRNS", bytes(6))),
    "png deep rgb": partial(png, colour=2, depth=16),
    "png grey alpha": partial(png, colour=4, depth=8),
    "png deep grey alpha": partial(png, colour=4, depth=16),
    "png rgba": partial(png, colour=6, depth=8),
    "png deep rgba": partial(png, colour=6, depth=16),
    "gif": partial(by_pillow, mode="P", name="gif"),
    "gif see-through": partial(by_pillow, mode="P", name="gif", transparency=0),
    "gif animated": partial(animated, name="gif", mode="P"),
    "webp": partial(by_pillow, mode="RGB", name="webp", method=0),
    "webp alpha": partial(by_pillow, mode="RGBA", name="webp", method=0),
    "webp lossless": partial(by_pillow, mode="RGB", name="webp", lossless=True, quality=0, method=0),
    "webp lossless alpha": partial(by_pillow, mode="RGBA", name="webp", lossless=True, quality=0, method=0),
    "webp animated": partial(animated, name="webp", mode="RGB", method=0),
    "webp animated alpha": partial(animated, name="webp", mode="RGBA", method=0),
    "png animated": partial(animated, name="png", mode="RGB", compress_level=1),
    "tiff bilevel": partial(tiff, photometric=1, bits=1, samples=1),
    "tiff grey": partial(tiff, photometric=1, bits=8, samples=1),
    "tiff deep grey": partial(tiff, photometric=1, bits=16, samples=1),
    "tiff rgb": partial(tiff, photometric=2, bits=8, samples=3),
    "tiff deep rgb": partial(tiff, photometric=2, bits=16, samples=3),
    "tiff rgba": lambda size: tiff(size, 2, 8, 4, (338, 3, 1, 2)),
    "tiff cmyk": partial(tiff, photometric=5, bits=8, samples=4),
    "tiff lab": partial(tiff, photometric=8, bits=8, samples=3),
    "tiff float": lambda size: tiff(size, 1, 32, 1, (339, 3, 1, 3)),
    "tiff lzw": partial(by_pillow, mode="RGB", name="tiff", compression="tiff_lzw"),
    "tiff jpeg": partial(by_pillow, mode="RGB", name="tiff", compression="jpeg"),
    "tiff fax": partial(by_pillow, mode="1", name="tiff", compression="group4"),
    "bmp rgb": partial(bmp, bits=24),
    "bmp rgba": partial(bmp, bits=32),
    "bmp palette": partial(bmp, bits=8),
    "avif": partial(by_pillow, mode="RGB", name="avif", speed=10),
    "avif 4:4:4": partial(by_pillow, mode="RGB", name="avif", speed=10, subsampling="4:4:4"),
    "avif alpha": partial(by_pillow, mode="RGBA", name="avif", speed=10),
}


# -- measuring ---------------------------------------------------------------------------------------------


class Told(BaseException):
    """The prediction, on its way out of decoding."""


def foretold(body: bytes, size: Size | None = None) -> int:
    """The bytes that decoding foretells for this file, as if its header said `size`."""
    opened, refuse_over = decoding._opened, decoding.refuse_over

    def told(*args: Any) -> Any:
        image = opened(*args)
        image._size = size or image.size
        return image

    def refuse(_budget: int | None, needed: int, *_: object) -> None:
        raise Told(needed)

    decoding._opened, decoding.refuse_over = told, refuse
    try:
        decoding.decode(body, RECIPE.rules[0].specs, Limits(), 1)
    except Told as needed:
        return int(needed.args[0])
    finally:
        decoding._opened, decoding.refuse_over = opened, refuse_over
    raise AssertionError("nothing was foretold")


def largest(make: Make, budget: int) -> Size:
    """The largest size, 4:3, of a picture of this kind that needs at most `budget` bytes and is within the limits."""
    sizes = shaped(4.1 * CANVAS), shaped(8.1 * CANVAS)
    small, large = (b"".join(make(size)) for size in sizes)
    grown = math.prod(sizes[1]) - math.prod(sizes[0])
    if is_animated(small):
        each = (foretold(large) - foretold(small)) / grown
        most = math.prod(sizes[0]) + (budget - foretold(small)) / each
        return shaped(min(most, RECIPE.limits.animation_pixels))
    low, high = 1.0, float(RECIPE.limits.pixels)
    while high - low > 1e4:
        pixels = (low + high) / 2
        length = len(small) + int((len(large) - len(small)) * (pixels - math.prod(sizes[0])) / grown)
        needed = foretold(small, shaped(pixels)) - len(small) + length
        low, high = (
            (pixels, high)
            if needed < budget - 50_000 and length < RECIPE.limits.source_bytes - 500_000
            else (low, pixels)
        )
    return shaped(low)


def shaped(pixels: float) -> Size:
    """Width and height, 4:3."""
    return int(math.sqrt(pixels * 4 / 3)), int(math.sqrt(pixels * 3 / 4))


def is_animated(body: bytes) -> bool:
    return getattr(Image.open(io.BytesIO(body)), "is_animated", False)


def memory(name: str) -> int:
    """Bytes of this process: VmRSS now, VmHWM at its peak. getrusage would tell its parent's peak, if larger."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


def taken(file: str) -> list[Any]:
    """How publishing a file ended, what was foretold of it and what it took at its peak, in bytes, and its seconds."""
    told: list[int] = []
    decoding.refuse_over = lambda _budget, needed, *_: told.append(needed)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is now
    base, began = memory("VmRSS"), time.monotonic()
    storage = MemoryStorage()
    storage.upload("a", Path(file).read_bytes())
    manifest = reconcile("a", RECIPE, storage).manifest
    assert manifest is not None
    ended = manifest.rejection.code if manifest.rejection else manifest.status
    return [ended, max(told, default=0), memory("VmHWM") - base, round(time.monotonic() - began, 1)]


def apart(do: Callable[..., Any], *args: Any) -> Any:
    """Do it in a process of its own, forked from this one."""
    ours, theirs = os.pipe()
    if not os.fork():
        os.close(ours)
        with os.fdopen(theirs, "w") as pipe:
            json.dump(do(*args), pipe)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        said = pipe.read()
    os.wait()
    return json.loads(said)


def write(make: Make, size: Size, file: str) -> None:
    with Path(file).open("wb") as stream:
        stream.writelines(make(size))


def measure(kind: str, budget: int) -> list[Any]:
    """The kind, the megapixels and the bytes of its largest file, and what became of that."""
    with tempfile.NamedTemporaryFile() as file:
        size = apart(largest, KINDS[kind], budget)
        apart(write, KINDS[kind], size, file.name)
        return [kind, round(math.prod(size) / 1e6, 1), Path(file.name).stat().st_size, *apart(taken, file.name)]


if __name__ == "__main__":
    Image.init()
    decoding.know_plugin("HEIF")
    for kind in sys.argv[2:] or KINDS:
        print(json.dumps(measure(kind, (int(sys.argv[1]) << 20) - BASE)), flush=True)
