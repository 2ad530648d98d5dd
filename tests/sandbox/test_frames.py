"""Frames: what goes through the pipes, and what the loop refuses to believe."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as any_of

from imaging.errors import Rejection, damaged
from imaging.exchange import Credits, File, Header, Measure, Order
from imaging.recipe.spec import Limits, Overlay, RenditionSpec
from imaging.sandbox.frames import (
    HEAD,
    MARK,
    BrokenFrameError,
    answer_of,
    order_of,
    plain_answer,
    plain_order,
    read_frame,
    write_frame,
)

HEADER = Header(
    "jpeg", 4000, 3000, 1, "data:image/webp;base64,AA==", "#102030", Credits("c", "a", "d"), ("warned",), hdr=True
)
FILE = File("thumb", "webp", 320, 240, b"bytes")


def framed(plain: dict[str, Any], body: bytes = b"") -> io.BytesIO:
    pipe = io.BytesIO()
    write_frame(pipe, plain, body)
    pipe.seek(0)
    return pipe


def test_a_frame_comes_out_as_it_went_in() -> None:
    assert read_frame(framed({"a": [1, "é"]}, b"\0" * 9), 100, 9) == ({"a": [1, "é"]}, b"\0" * 9)


@pytest.mark.parametrize("size", [0, 1, HEAD.size - 1, HEAD.size, HEAD.size + 3, HEAD.size + 11])
def test_a_frame_cut_short_is_the_end_of_the_pipe(size: int) -> None:
    whole = framed({"a": 1}, b"1234").getvalue()
    with pytest.raises(EOFError):
        read_frame(io.BytesIO(whole[:size]), 100, 100)


@pytest.mark.parametrize(
    "head",
    [HEAD.pack(b"PNG\0", 2, 0), HEAD.pack(MARK, 101, 0), HEAD.pack(MARK, 2, 11), HEAD.pack(MARK, 2**32 - 1, 2**63)],
)
def test_a_frame_over_its_bounds_is_refused_before_it_is_read(head: bytes) -> None:
    pipe = io.BytesIO(head + b"{}" * 100)
    with pytest.raises(BrokenFrameError):
        read_frame(pipe, 100, 10)
    assert pipe.tell() == HEAD.size


@pytest.mark.parametrize("text", [b"[1]", b"{}", b"7", b"nothing", b"\xff\xfe", b"[" * 5000])
def test_json_that_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(BrokenFrameError):
        read_frame(io.BytesIO(HEAD.pack(MARK, len(text), 0) + text), 1 << 20, 0)


def test_an_order_crosses_the_pipe_unchanged() -> None:
    overlay = Overlay(b"\x89PNG\0\xff", "north", 0.5, 0.25)
    specs = (
        RenditionSpec("a", 10, 20, "fill", "smart", overlay=overlay, quality={"webp": 70}, effort={"webp": 0}),
        RenditionSpec("b", formats=("avif",), max_bytes=5000, animated=False),
    )
    order = Order(specs, Limits(1, 2, 3, 4), (0.25, 1.0), "Ärger & Söhne", embed_credit=True)
    assert order_of(json.loads(json.dumps(plain_order(order)))) == order


@pytest.mark.parametrize("answer", [Measure("png", 7, 9), HEADER, FILE])
def test_an_answer_crosses_the_pipe_unchanged(answer: Measure | Header | File) -> None:
    plain, body = plain_answer(answer)
    assert answer_of(json.loads(json.dumps(plain)), body) == answer


def test_a_rejection_crosses_the_pipe_with_its_cause() -> None:
    plain, body = plain_answer(damaged("PNG").because(ValueError("bad chunk")))
    rejection = answer_of(json.loads(json.dumps(plain)), body)
    assert isinstance(rejection, Rejection)
    assert (rejection.code, rejection.cause) == ("damaged", "ValueError: bad chunk")


LIES = {
    "another kind": {"secret": {}},
    "a format that is not opened": {"measure": {"format": "svg", "width": 1, "height": 1}},
    "no side": {"measure": {"format": "png", "width": 0, "height": 1}},
    "a side that is no number": {"measure": {"format": "png", "width": "9", "height": 1}},
    "a side that is true": {"measure": {"format": "png", "width": True, "height": 1}},
    "a field too many": {"measure": {"format": "png", "width": 1, "height": 1, "owner": "me"}},
    "a field too few": {"measure": {"format": "png"}},
    "a placeholder that is a script": {"header": plain_answer(HEADER)[0]["header"] | {"placeholder": "javascript:x"}},
    "a colour that is markup": {"header": plain_answer(HEADER)[0]["header"] | {"dominant_colour": "#<b>abc"}},
    "a credit of two lines": {
        "header": plain_answer(HEADER)[0]["header"] | {"credits": {"copyright": "a\nb", "artist": "", "credit": ""}}
    },
    "a warning of a megabyte": {"header": plain_answer(HEADER)[0]["header"] | {"warnings": ["w" * 1001]}},
    "a file longer than its format": {"file": {"name": "a", "format": "webp", "width": 99_999, "height": 1}},
    "a file of an unwritten format": {"file": {"name": "a", "format": "tiff", "width": 1, "height": 1}},
    "an unknown code": {"rejection": {"code": "hacked", "reason": "r", "advice": "a", "cause": ""}},
    "an escape in a reason": {"rejection": {"code": "damaged", "reason": "\x1b[2J", "advice": "a", "cause": ""}},
    "a rejection that is a list": {"rejection": ["damaged"]},
}


@pytest.mark.parametrize("lie", LIES)
def test_what_no_picture_leads_to_is_refused(lie: str) -> None:
    with pytest.raises(BrokenFrameError):
        answer_of(json.loads(json.dumps(LIES[lie])), b"content")


JSON = any_of.recursive(
    any_of.none() | any_of.booleans() | any_of.integers() | any_of.floats(allow_nan=False) | any_of.text(max_size=9),
    lambda inner: any_of.lists(inner, max_size=4) | any_of.dictionaries(any_of.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@given(any_of.sampled_from(["measure", "header", "file", "rejection"]), JSON)
def test_any_json_is_an_answer_or_a_broken_frame(kind: str, content: Any) -> None:
    try:
        answer_of({kind: content}, b"x")
    except BrokenFrameError:
        return
