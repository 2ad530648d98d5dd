"""Pixels and a format -> the bytes of one file, with nothing in it that the recipe did not ask for.

Savers embed what they find on a picture (profiles, comments), so decoding hands on pictures that carry
nothing, and what shall be in a file is said here, argument by argument.
"""

import base64
import io
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from PIL import ExifTags, Image, ImageChops

from imaging.decoding import Credits, Picture, know_plugin
from imaging.model import RenditionSpec

LOSSY = frozenset({"jpeg", "webp", "avif"})
LOWEST_QUALITY = 20
"""Below this a picture is no use to anybody; a byte budget that needs less is missed with a warning."""

ANIMATED = frozenset({"webp", "gif"})
"""Formats that keep an animation; the others take its first frame."""

ENCODERS = 2
"""Encoders at work at once; they do not hold the interpreter. A function has two processors up to 3,538 MB."""
TURN = ("jpeg", "avif", "webp", "png", "gif")
"""Who begins: the slowest, so that no long one is left for the end. But before them JPEG, which lets others run at
once: they first take in their pixels, and nobody else runs meanwhile.
"""


class Made(NamedTuple):
    """One file of a rendition, encoded."""

    spec: RenditionSpec
    format: str
    size: tuple[int, int]
    content: bytes


def encode_all(
    rendered: Iterable[tuple[RenditionSpec, Sequence[Image.Image]]],
    picture: Picture,
    at_most: Callable[[RenditionSpec, str, tuple[int, int]], int | None] = lambda *_: None,
    credits: Credits | None = None,
) -> Generator[Made, None, None]:
    """Every file of what was rendered, in its order, encoded beside the caller, who may upload one meanwhile.

    `at_most` says how many bytes a file may have. What a small source makes equal is encoded once. What waits to be
    encoded has no more pixels than the picture, for they take memory; within that, rendering does not wait.
    """
    begun: dict[tuple[str, str, int | None], Future[bytes]] = {}  # of the frame that came last
    last: Image.Image | None = None
    waiting: deque[tuple[RenditionSpec, Image.Image, dict[str, Future[bytes]]]] = deque()
    own = picture.frames[0]
    pool = ThreadPoolExecutor(ENCODERS)

    def finished() -> Iterator[Made]:
        spec, frame, futures = waiting.popleft()
        return (Made(spec, name, frame.size, futures[name].result()) for name in formats_of(spec, frame))

    try:
        for spec, frames in rendered:
            frame, alike = frames[0], repr(replace(spec, **_OF_PIXELS))
            if frame is not last:
                begun, last = {}, frame
            futures = {}
            for name in sorted(formats_of(spec, frame), key=TURN.index):
                job = name, alike, at_most(spec, name, frame.size)
                if job not in begun:
                    begun[job] = pool.submit(encode, frames, name, spec, picture, at_most=job[-1], credits=credits)
                futures[name] = begun[job]
            waiting.append((spec, frame, futures))
            while sum(each.width * each.height for _, each, _ in waiting if each is not own) > own.width * own.height:
                yield from finished()
        while waiting:
            yield from finished()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # whose time is up does not wait for a codec


_OF_PIXELS: dict[str, Any] = {
    **dict.fromkeys(("name", "fit", "gravity", "formats"), ""),
    **dict.fromkeys(("width", "height", "overlay", "sharpen", "enlarge"), None),
}
"""Of a spec what its pixels show already: the rest is for the encoder."""


def formats_of(spec: RenditionSpec, frame: Image.Image) -> list[str]:
    """The formats the spec asks for, `auto` resolved: JPEG when opaque, PNG when not. None twice."""
    auto = "png" if frame.mode in ("LA", "RGBA") else "jpeg"
    return list(dict.fromkeys(auto if name == "auto" else name for name in spec.formats))


def encode(
    frames: Sequence[Image.Image],
    name: str,
    spec: RenditionSpec,
    picture: Picture,
    *,
    at_most: int | None = None,
    credits: Credits | None = None,
) -> bytes:
    """The file of format `name`. Lossy formats lower their quality until it has `at_most` bytes, if they can."""
    if name not in ANIMATED or not spec.animated:
        frames = frames[:1]

    def at(quality: int | None) -> bytes:
        return _save(frames, name, spec, picture, quality, credits)

    wanted = spec.quality.get(name, 80) if name in LOSSY else None
    content = lightest = at(wanted)
    if at_most is None or wanted is None or len(content) <= at_most:
        return content

    # The largest quality that fits, by halving: size grows with quality.
    low, high, fitting = min(LOWEST_QUALITY, wanted), wanted - 1, None
    while low <= high:
        quality = (low + high) // 2
        content = at(quality)
        lightest = min(lightest, content, key=len)
        if len(content) <= at_most:
            fitting, low = content, quality + 1
        else:
            high = quality - 1
    return fitting or lightest


def _save(
    frames: Sequence[Image.Image],
    name: str,
    spec: RenditionSpec,
    picture: Picture,
    quality: int | None,
    credits: Credits | None,
) -> bytes:
    frame, *more = frames
    options: dict[str, Any] = {}
    if quality is not None:
        options["quality"] = quality
    match name:
        case "jpeg":
            frame = _flattened(frame, spec.background)
            options |= {"optimize": True, "progressive": True, "subsampling": spec.subsampling}
        case "png":
            frame = _palette_if_lossless(frame)
            options |= {"compress_level": spec.effort.get("png", 6)}
        case "webp":
            options |= {"method": spec.effort.get("webp", 2)}
        case "avif":
            options |= {"speed": 10 - spec.effort.get("avif", 3), "subsampling": spec.subsampling}
            options |= {"max_threads": 1}
        case "gif":
            frame, *more = (image.convert("RGBA") if image.mode == "LA" else image for image in frames)
            options |= {"optimize": True, "disposal": 2}
    if more:
        options |= {"save_all": True, "append_images": more, "duration": list(picture.durations)}
        if not (name == "gif" and picture.loop == 1):
            options["loop"] = picture.loop if name != "gif" else max(0, picture.loop - 1)
    if credits and any(credits) and name != "gif":
        options["exif"] = _exif(credits)
    # A save leaves its options on the picture, where another thread's save of the same picture would read them. Pillow
    # has no public name for a second picture over the same pixels, and a copy of them is 11 MB at the peak.
    frame = frame._new(frame.im)  # noqa: SLF001
    know_plugin(name.upper())
    # Pillow lets nobody else run while it encodes a JPEG into memory; into a file of the system's it does.
    with TemporaryFile() if name == "jpeg" else io.BytesIO() as file:
        frame.save(file, name.upper(), **options)
        file.seek(0)
        content = file.read()
    return _with_alpha_flag(content) if more and name == "webp" and frame.mode == "RGBA" else content


def _flattened(frame: Image.Image, background: str) -> Image.Image:
    if frame.mode not in ("LA", "RGBA"):
        return frame
    canvas = Image.new("RGBA", frame.size, background)
    canvas.alpha_composite(frame.convert("RGBA"))
    return canvas.convert("RGB")


def _palette_if_lossless(frame: Image.Image) -> Image.Image:
    """The frame with a palette where its colours are few enough to lose none; a third of the bytes."""
    if frame.mode not in ("RGB", "RGBA") or frame.getcolors(256) is None:
        return frame
    method = Image.Quantize.FASTOCTREE if frame.mode == "RGBA" else Image.Quantize.MEDIANCUT
    few = frame.quantize(256, method, dither=Image.Dither.NONE)
    same = ImageChops.difference(few.convert(frame.mode), frame).getbbox(alpha_only=False) is None
    return few if same else frame


def _with_alpha_flag(body: bytes) -> bytes:
    """The animated WebP, said to be transparent.

    libwebp leaves the flag out where each frame's own rectangle is opaque, and readers then fill what is around
    it with black. It is bit 4 of the byte behind the head of the VP8X chunk, the first in an animation.
    """
    return body[:20] + bytes((body[20] | 0x10,)) + body[21:]


def _exif(credits: Credits) -> bytes:
    exif = Image.Exif()
    said = {ExifTags.Base.Copyright: credits.copyright, ExifTags.Base.Artist: credits.artist or credits.credit}
    for tag, text in said.items():
        if text:
            exif[tag] = text.encode()  # given a str, Pillow writes what is not ASCII as question marks
    return exif.tobytes()


def placeholder(picture: Picture) -> str:
    """A data URI under 1 KB to show until the picture has come: 20 pixels at most, for a page to blur."""
    uri = ""
    for side in (20, 14, 10):  # wild transparency may need the smaller ones
        small = picture.frames[0].copy()
        small.thumbnail((side, side), Image.Resampling.BOX)
        buffer = io.BytesIO()
        know_plugin("WEBP")
        small.save(buffer, "WEBP", quality=40, method=4)
        uri = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
        if len(uri) < 1024:
            break
    return uri
