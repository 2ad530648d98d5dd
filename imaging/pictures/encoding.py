"""Pixels and a format -> the bytes of one file, with nothing in it that the recipe did not ask for.

Savers embed what they find on a picture (profiles, comments). So decoding hands on pictures that carry nothing, and
what shall be in a file is said here, argument by argument.
"""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import ExifTags, Image, ImageChops

from imaging.exchange import LONGEST_PLACEHOLDER, Credits
from imaging.formats import FORMATS, WRITTEN
from imaging.pictures.libraries import know, library_call
from imaging.pictures.picture import Frames, Picture
from imaging.pictures.plan import Target
from imaging.pictures.scaling import thumbnail
from imaging.recipe.spec import RenditionSpec

LOWEST_QUALITY = 20
"""Below this a picture is no use to anybody; a byte budget that needs less is missed with a warning."""

Options = dict[str, Any]


# -- one saver for each format -----------------------------------------------------------------------------


def _jpeg(frame: Image.Image, spec: RenditionSpec) -> tuple[Image.Image, Options]:
    options = {"optimize": True, "progressive": True, "subsampling": spec.subsampling}
    return _flattened(frame, spec.background), options


def _png(frame: Image.Image, spec: RenditionSpec) -> tuple[Image.Image, Options]:
    return _palette_if_lossless(frame), {"compress_level": spec.effort_of("png")}


def _webp(frame: Image.Image, spec: RenditionSpec) -> tuple[Image.Image, Options]:
    return frame, {"method": spec.effort_of("webp")}


def _avif(frame: Image.Image, spec: RenditionSpec) -> tuple[Image.Image, Options]:
    return frame, {"speed": 10 - spec.effort_of("avif"), "subsampling": spec.subsampling, "max_threads": 1}


def _gif(frame: Image.Image, spec: RenditionSpec) -> tuple[Image.Image, Options]:
    """An opaque frame may leave what it covers standing, so that only what changes after it is stored."""
    del spec
    if frame.mode in ("LA", "RGBA"):
        return frame.convert("RGBA"), {"optimize": True, "disposal": 2}
    return _palette_if_lossless(frame), {"optimize": True, "disposal": 1}


SAVERS: Mapping[str, Callable[[Image.Image, RenditionSpec], tuple[Image.Image, Options]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "gif": _gif,
}
"""For each format that is written: the frame as its encoder takes it, and what Pillow's saver is told."""

MOVING: Mapping[str, Options] = {"webp": {"allow_mixed": True, "kmin": 0, "kmax": 0}}
"""What a saver is told besides of an animation. Drawn frames are lighter without loss, and few need to be whole."""
FEWER_COLOURS = (128, 64, 32)
"""Sizes of palette that an animation may come down to, so that it is not heavier than its source."""


@dataclass
class Encoder:
    """Encodes the renditions of one picture; what a small source makes equal is encoded once."""

    picture: Picture
    credits: Credits = field(default_factory=Credits)
    _before: dict[tuple[Any, ...], bytes] = field(default_factory=dict)
    _frames: Frames = ()
    _larger: dict[str, int] = field(default_factory=dict)

    def file(self, frames: Frames, name: str, target: Target, source_bytes: int) -> bytes:
        """The file of format `name`; `source_bytes` is how heavy the source is."""
        spec, most = target.spec, self._most_bytes(name, target, len(frames), source_bytes)
        if list(map(id, frames)) != list(map(id, self._frames)):  # files take memory: the latest frames' alone are kept
            self._before, self._frames = {}, frames
        alike = (name, spec.quality_of(name), spec.effort, spec.subsampling, spec.background, spec.animated, most)
        key = tuple(map(repr, alike))
        if key not in self._before:
            self._before[key] = self._within(frames, name, spec, most)
        if target.shape.whole:
            self._larger[name] = len(self._before[key])
        return self._before[key]

    def _most_bytes(self, name: str, target: Target, frames: int, source_bytes: int) -> int | None:
        """The target's own bound. No width of an animation is heavier than the larger one before it.

        An animation in a format at least as good as the source's need not be heavier than the source.
        """
        moving = frames > 1 and WRITTEN[name].animated and target.spec.animated
        source = self.picture.format
        as_good = bool(source.writing) and WRITTEN[name].best_first <= WRITTEN[source.name].best_first
        bounds = [target.most_bytes(name, FORMATS[name] if moving and as_good else source, source_bytes)]
        if moving and target.shape.whole:
            bounds.append(self._larger.get(name))
        return min((bound for bound in bounds if bound), default=None)

    def _within(self, frames: Frames, name: str, spec: RenditionSpec, most: int | None) -> bytes:
        """The file in at most `most` bytes, for which lossy formats lower their quality; the lightest if none fits."""
        if not (WRITTEN[name].animated and spec.animated):
            frames = frames[:1]
        wanted = spec.quality_of(name)
        content = lightest = self._saved(frames, name, spec, wanted)
        if most is None or len(content) <= most:
            return content
        if wanted is None and len(frames) > 1:
            return min(self._with_fewer_colours(frames, name, spec, most), content, key=len)
        if wanted is None:
            return content

        # The largest quality that fits, by halving: size grows with quality.
        low, high, fitting = min(LOWEST_QUALITY, wanted), wanted - 1, None
        while low <= high:
            quality = (low + high) // 2
            content = self._saved(frames, name, spec, quality)
            lightest = min(lightest, content, key=len)
            if len(content) <= most:
                fitting, low = content, quality + 1
            else:
                high = quality - 1
        if fitting is None and len(frames) > 1:  # drawn frames are stored without loss, whatever the quality
            lightest = min(self._with_fewer_colours(frames, name, spec, most), lightest, key=len)
        return fitting or lightest

    def _with_fewer_colours(self, frames: Frames, name: str, spec: RenditionSpec, most: int) -> bytes:
        """The animation with as many colours as fit into `most` bytes, or the fewest."""
        content = b""
        for colours in FEWER_COLOURS:
            few = tuple(_of_colours(frame, colours) for frame in frames)
            content = self._saved(few, name, spec, spec.quality_of(name))
            if len(content) <= most:
                break
        return content

    def _saved(self, frames: Sequence[Image.Image], name: str, spec: RenditionSpec, quality: int | None) -> bytes:
        (frame, options), *others = (SAVERS[name](frame, spec) for frame in frames)
        more = [other for other, _ in others]
        if quality is not None:
            options["quality"] = quality
        if more:
            options |= {"save_all": True, "append_images": more, "duration": list(self.picture.durations)}
            options |= MOVING.get(name, {})
            options |= _loop(name, self.picture.loop)
        if any((self.credits.copyright, self.credits.artist, self.credits.credit)) and WRITTEN[name].credits:
            options["exif"] = _exif(self.credits)
        know(FORMATS[name])
        file = io.BytesIO()
        with library_call():
            frame.save(file, FORMATS[name].plugin, **options)
        content = file.getvalue()
        return _with_alpha_flag(content) if more and name == "webp" and frame.mode == "RGBA" else content


def _loop(name: str, plays: int) -> Options:
    """How often an animation plays, as a saver takes it. GIF counts repetitions, and plays once when told nothing."""
    if name != "gif":
        return {"loop": plays}
    return {} if plays == 1 else {"loop": max(0, plays - 1)}


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


def _of_colours(frame: Image.Image, colours: int) -> Image.Image:
    """The frame in so many colours, without the noise by which a palette imitates more; noise is what weighs."""
    method = Image.Quantize.FASTOCTREE if frame.mode == "RGBA" else Image.Quantize.MEDIANCUT
    ready = frame if frame.mode in ("RGB", "RGBA") else frame.convert("RGBA" if frame.mode == "LA" else "RGB")
    return ready.quantize(colours, method, dither=Image.Dither.NONE).convert(ready.mode)


def _with_alpha_flag(body: bytes) -> bytes:
    """The animated WebP, marked as transparent.

    libwebp leaves the flag out where each frame's own rectangle is opaque, and readers then fill what is around it
    with black. It is bit 4 of the byte behind the head of the VP8X chunk, the first in an animation.
    """
    return body[:20] + bytes((body[20] | 0x10,)) + body[21:]


def _exif(credits: Credits) -> bytes:
    exif = Image.Exif()
    texts = {ExifTags.Base.Copyright: credits.copyright, ExifTags.Base.Artist: credits.artist or credits.credit}
    for tag, text in texts.items():
        if text:
            exif[tag] = text.encode()  # given a str, Pillow writes what is not ASCII as question marks
    return exif.tobytes()


def placeholder(picture: Picture) -> str:
    """A data URI under 1 KB to show until the picture has come: 20 pixels at most, for a page to blur."""
    uri = ""
    for side in (20, 14, 10):  # wild transparency may need the smaller ones
        buffer = io.BytesIO()
        know(FORMATS["webp"])
        thumbnail(picture.frames[0], side).save(buffer, "WEBP", quality=40, method=4)
        uri = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
        if len(uri) < LONGEST_PLACEHOLDER:
            break
    return uri
