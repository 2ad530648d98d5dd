"""The whole way of a picture, on one page: bytes and an order -> what the source is, then every file."""

import warnings
from collections.abc import Iterator
from dataclasses import replace

from imaging.errors import Rejection, swelling_text
from imaging.exchange import Credits, File, Header, Order
from imaging.formats import Format, resolved
from imaging.pictures.containers import png_without_extras
from imaging.pictures.decoding import decode
from imaging.pictures.encoding import Encoder, placeholder
from imaging.pictures.opening import opened
from imaging.pictures.picture import Picture
from imaging.pictures.plan import Plan
from imaging.pictures.rendering import dominant_colour, render
from imaging.pictures.sniffing import sniff

LEFT_OUT = "Something besides the pixels is damaged or too large and was left out; treated as sRGB."


def make(body: bytes, order: Order) -> Iterator[Header | File]:
    """What the source in `body` is, and then every file of the order, the largest rendition first.

    Raises `Rejection` for a source at fault, MemoryError where there is too little memory for it, and nothing else
    unless we are at fault.
    """
    picture, plan = _picture(body, sniff(body), order)
    yield Header(
        picture.format.name,
        *picture.size,
        frames=len(picture.frames),
        placeholder=placeholder(picture),
        dominant_colour=dominant_colour(picture),
        credits=picture.credits,
        warnings=picture.warnings,
    )
    credits = replace(picture.credits, credit=order.credit or picture.credits.credit)
    encoder = Encoder(picture, credits if order.embed_credit else Credits())
    for target, frames in render(picture, plan, order.focal_point):
        for name in resolved(target.spec.formats, alpha=frames[0].mode in ("LA", "RGBA")):
            content = encoder.file(frames, name, target, len(body))
            yield File(target.spec.name, name, *frames[0].size, content)


def _picture(body: bytes, format: Format, order: Order) -> tuple[Picture, Plan]:
    """The decoded picture and its plan; a PNG that is damaged besides its pixels alone is opened without its extras."""
    try:
        return _decoded(body, format, order)
    except Rejection as fault:
        if format.name != "png" or fault.code not in ("damaged", "truncated"):
            raise
        swelled = "MAX_TEXT_CHUNK" in fault.cause
        bare = b"" if swelled else png_without_extras(body, texts="MAX_TEXT_MEMORY" not in fault.cause)
        if swelled:
            raise swelling_text().because(fault.cause) from fault
        if not bare:
            raise
    picture, plan = _decoded(bare, format, order)  # what the first attempt held is free again
    return replace(picture, warnings=tuple(dict.fromkeys((LEFT_OUT, *picture.warnings)))), plan


def _decoded(body: bytes, format: Format, order: Order) -> tuple[Picture, Plan]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of oddities; what matters becomes a warning of the manifest
        if format.name == "tiff":  # and goes on without the tags behind the cut, which are its colours and alpha
            warnings.filterwarnings("error", "Truncated File Read|Tag data larger than file")
        source = opened(body, format, order.specs, order.limits)
        plan = Plan.of(order.specs, source.size)
        return decode(source, plan, body, order.limits), plan
