"""Animations as browsers show them: what is undone, what shows through, and what no frame covers."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as any_of
from PIL import Image

from imaging.errors import Rejection
from imaging.pictures.animation import Animation, gif_animation, png_animation
from tests.builders import decoded, png_chunk, rejection_of

RED, GREEN, CLEAR_COLOUR = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 0, 0)
HALF_BLUE = (0, 0, 255, 128)
SIZE = (4, 4)
NONE, BACKGROUND, PREVIOUS = range(3)


def pixels(colour: tuple[int, int, int, int], size: tuple[int, int]) -> bytes:
    """The compressed rows of a PNG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGBA", size, colour).save(buffer, "PNG")
    body, at, data = buffer.getvalue(), 8, b""
    while at < len(body):
        length = int.from_bytes(body[at : at + 4], "big")
        data += body[at + 8 : at + 8 + length] if body[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length
    return data


def apng(*frames: tuple[tuple[int, int, int, int], tuple[int, int, int, int], int, int]) -> bytes:
    """An animated PNG: for each frame its left, top, width and height, its colour, its disposal and its blending."""
    body = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE, 8, 6, 0, 0, 0))
    body += png_chunk(b"acTL", struct.pack(">II", len(frames), 3))
    number = 0
    for place, ((left, top, width, height), colour, disposal, blend) in enumerate(frames):
        control = struct.pack(">5I2H2B", number, width, height, left, top, 1, 10, disposal, blend)
        body += png_chunk(b"fcTL", control)
        number += 1
        data = pixels(colour, (width, height))
        if place:
            body += png_chunk(b"fdAT", struct.pack(">I", number) + data)
            number += 1
        else:
            body += png_chunk(b"IDAT", data)
    return body + png_chunk(b"IEND", b"")


def shown(animation: Animation | None) -> list[tuple[tuple[int, int, int, int], ...]]:
    """The pixel at the upper left and the one at the lower right, frame by frame."""
    assert animation is not None
    return [(frame.getpixel((0, 0)), frame.getpixel((3, 3))) for frame, _ in animation.shown(animation.count)]  # type: ignore[misc]


WHOLE, CORNER = (0, 0, 4, 4), (0, 0, 2, 2)


@pytest.mark.parametrize(
    ("disposal", "third"),
    [(NONE, (GREEN, RED)), (BACKGROUND, (CLEAR_COLOUR, RED)), (PREVIOUS, (RED, RED))],
)
def test_a_frame_is_undone_as_it_says(disposal: int, third: tuple[tuple[int, int, int, int], ...]) -> None:
    body = apng((WHOLE, RED, NONE, 0), (CORNER, GREEN, disposal, 0), ((2, 0, 1, 1), RED, NONE, 0))
    assert shown(png_animation(body, 99)) == [(RED, RED), (GREEN, RED), third]


def test_what_is_blended_over_lets_the_frame_below_shine_through() -> None:
    over, instead = (
        shown(png_animation(apng((WHOLE, RED, 0, 0), (CORNER, HALF_BLUE, 0, blend)), 9)) for blend in (1, 0)
    )
    assert over[1][0] == (127, 0, 128, 255)
    assert instead[1][0] == HALF_BLUE


def test_before_the_first_frame_there_is_nothing_to_go_back_to() -> None:
    body = apng((CORNER, RED, PREVIOUS, 0), ((2, 2, 1, 1), GREEN, NONE, 0))
    assert shown(png_animation(body, 99)) == [(RED, CLEAR_COLOUR), (CLEAR_COLOUR, CLEAR_COLOUR)]


def test_durations_and_plays_are_those_of_the_file() -> None:
    animation = png_animation(apng((WHOLE, RED, 0, 0), (WHOLE, GREEN, 0, 0)), 99)
    assert animation is not None
    assert ([frame.duration for frame in animation.frames], animation.plays) == ([100, 100], 3)


@pytest.mark.parametrize("where", [(1, 0, 4, 4), (0, 1, 4, 4), (2**31, 0, 1, 1), (0, 2**32 - 1, 1, 1)])
def test_a_frame_that_reaches_over_its_canvas_is_damaged(where: tuple[int, int, int, int]) -> None:
    body = apng((WHOLE, RED, 0, 0), ((0, 0, 1, 1), GREEN, 0, 0))
    small = struct.pack(">4I", 1, 1, 0, 0)
    placed = struct.pack(">4I", where[2], where[3], where[0], where[1])
    moved = body.replace(struct.pack(">I", 1) + small, struct.pack(">I", 1) + placed)
    assert moved != body
    with pytest.raises(Rejection, match="damaged"):
        png_animation(moved, 99)


def test_an_animation_of_fewer_frames_than_it_announces_is_damaged_and_truncated_where_it_ends() -> None:
    body = apng((WHOLE, RED, 0, 0), (WHOLE, GREEN, 0, 0))
    lying = body.replace(struct.pack(">II", 2, 3), struct.pack(">II", 5, 3))
    with pytest.raises(Rejection, match="damaged"):
        png_animation(lying, 99)
    assert rejection_of(body[:-70]).code == "truncated"


@given(any_of.binary(max_size=200), any_of.sampled_from([b"GIF89a\x04\0\x04\0\x80\0\0", b"GIF89a"]))
def test_any_bytes_are_a_gif_or_a_rejection(body: bytes, head: bytes) -> None:
    try:
        animation = gif_animation(head + body, 5)
    except Rejection:
        return
    assert animation.count >= 1
    assert len(animation.frames) <= 5


def test_a_still_png_is_no_animation() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", SIZE, "red").save(buffer, "PNG")
    assert png_animation(buffer.getvalue(), 9) is None
    assert len(decoded(buffer.getvalue()).frames) == 1


def test_a_gif_without_a_palette_is_shades_of_grey_and_may_hide_one() -> None:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((16, 16)).save(buffer, "GIF")
    plain = bytearray(buffer.getvalue())
    colours = 3 << (plain[10] & 7) + 1
    control = b"!\xf9\x04\x01\0\0\x05\0"  # the sixth shade is hidden
    image = plain.index(b",", 13 + colours)
    body = bytes(plain[:10]) + bytes((plain[10] & 0x7F,)) + bytes(plain[11:13]) + control + bytes(plain[image:])
    frame = decoded(body).frames[0]
    assert frame.mode == "RGBA"
    hidden = frame.getchannel("A").tobytes().count(0)
    assert 0 < hidden < 256
