"""The whole way of a picture, on one page: bytes and an order -> what the source is, then every file."""

import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

from imaging.errors import Rejection, truncated
from imaging.exchange import Credits, File, Header, Measure, Order
from imaging.formats import Format, resolved
from imaging.pictures.containers import is_cut, png_without_extras
from imaging.pictures.decoding import decode
from imaging.pictures.encoding import Encoder, placeholder
from imaging.pictures.jpeg import with_its_end
from imaging.pictures.opening import opened
from imaging.pictures.picture import Picture
from imaging.pictures.plan import Plan
from imaging.pictures.rendering import dominant_colour, render
from imaging.pictures.sniffing import sniff

LEFT_OUT = "Something besides the pixels is damaged or too large and was left out; treated as sRGB."

Steps = Generator[Measure, None, tuple[Picture, Plan]]


def make(body: bytes, order: Order) -> Iterator[Measure | Header | File]:
    """How large the source in `body` is, what it shows, and every file of the order, the largest rendition first.

    Raises `Rejection` for a source at fault, MemoryError where there is too little memory for it, and nothing else
    unless we are at fault.
    """
    picture, plan = yield from _picture(body, order)
    yield Header(
        picture.format.name,
        *picture.size,
        frames=len(picture.frames),
        placeholder=placeholder(picture),
        dominant_colour=dominant_colour(picture),
        credits=picture.credits,
        warnings=picture.warnings,
        hdr=picture.hdr,
    )
    credits = replace(picture.credits, credit=order.credit or picture.credits.credit)
    encoder = Encoder(picture, credits if order.embed_credit else Credits())
    for target, frames in render(picture, plan, order.focal_point):
        for name in resolved(target.spec.formats, alpha=frames[0].mode in ("LA", "RGBA")):
            content = encoder.file(frames, name, target, len(body))
            yield File(target.spec.name, name, *frames[0].size, content)


def _picture(body: bytes, order: Order) -> Steps:
    """The decoded picture and its plan; once more, mended, where what is wrong with the file is not its pixels."""
    format = sniff(body)
    try:
        return (yield from _decoded(body, format, order))
    except Rejection as fault:
        mended, warning = _mended(body, format, fault)
        if not mended:
            raise
    picture, plan = yield from _decoded(mended, format, order)  # what the first attempt held is free again
    return replace(picture, warnings=tuple(dict.fromkeys((*warning, *picture.warnings)))), plan


def _decoded(body: bytes, format: Format, order: Order) -> Steps:
    with _warnings_of(format):
        source = opened(body, format, order.specs, order.limits)
    yield Measure(format.name, *source.size)
    plan = Plan.of(order.specs, source.size)
    with _warnings_of(format):
        return decode(source, plan, body), plan


@contextmanager
def _warnings_of(format: Format) -> Iterator[None]:
    """Pillow warns of oddities: those that matter end the block, and nobody hears of the others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if format.name == "tiff":  # it goes on without the tags behind the cut, which are its colours and alpha
            warnings.filterwarnings("error", "Truncated File Read|Tag data larger than file")
        yield


def _mended(body: bytes, format: Format, fault: Rejection) -> tuple[bytes, tuple[str, ...]]:
    """The file without the fault that made it fail, and a warning about it; empty where its pixels are at fault.

    A file that is shorter than it says is `truncated`, whatever its library says.
    """
    if fault.code not in ("damaged", "truncated"):
        return b"", ()
    if format.name == "jpeg" and is_cut(body, format):
        return with_its_end(body), ()
    if is_cut(body, format):
        raise truncated(format.spoken).because(fault.cause) from fault
    if format.name == "png":
        return png_without_extras(body, texts="MAX_TEXT_MEMORY" not in fault.cause), (LEFT_OUT,)
    return b"", ()
