"""What goes through the pipes: frames of a length, a small JSON object, and bytes.

The sandbox believes the loop. The loop believes nothing: a frame is bounded before it is read, and an answer becomes a
frozen value that refuses what no picture can lead to. Nothing is unpickled.
"""

import base64
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

from imaging.errors import Rejection
from imaging.exchange import Credits, File, Header, Measure, Order
from imaging.recipe.spec import Limits, Overlay, RenditionSpec

HEAD = struct.Struct(">4sIQ")
"""A mark, the bytes of the JSON, and the bytes behind it."""
MARK = b"IMG1"
LONGEST_JSON = 1 << 20
LONGEST_SENTENCE = 2000
"""Characters of a reason, an advice or a cause."""


class BrokenFrameError(Exception):
    """What came through the pipe is no frame, or none that can come now."""


def write_frame(pipe: BinaryIO, plain: Mapping[str, Any], body: bytes = b"") -> None:
    """Write one frame, and let it go."""
    head = json.dumps(plain).encode()
    pipe.write(HEAD.pack(MARK, len(head), len(body)))
    pipe.write(head)
    pipe.write(body)
    pipe.flush()


def read_frame(pipe: BinaryIO, longest_json: int, longest_body: int) -> tuple[dict[str, Any], bytes]:
    """The next frame. EOFError where the pipe ends, `BrokenFrameError` for what is no frame or over these bytes."""
    mark, json_size, body_size = HEAD.unpack(_exactly(pipe, HEAD.size))
    if mark != MARK or json_size > longest_json or body_size > longest_body:
        raise BrokenFrameError(f"a frame of {json_size:,} and {body_size:,} bytes, marked {mark!r}")
    try:
        plain = json.loads(_exactly(pipe, json_size))
    except (ValueError, RecursionError) as error:
        raise BrokenFrameError(f"its JSON cannot be read: {error}") from error
    if not isinstance(plain, dict) or len(plain) == 0:
        raise BrokenFrameError("its JSON is no object")
    return plain, _exactly(pipe, body_size)


def _exactly(pipe: BinaryIO, size: int) -> bytes:
    content = pipe.read(size)
    if len(content) < size:
        raise EOFError
    return content


# -- what the loop asks ------------------------------------------------------------------------------------


def plain_order(order: Order) -> dict[str, Any]:
    """The order as JSON; an overlay's file stands in base64."""
    plain = asdict(order)
    for spec in plain["specs"]:
        if spec["overlay"]:
            spec["overlay"]["content"] = base64.b64encode(spec["overlay"]["content"]).decode("ascii")
    return plain


def order_of(plain: Mapping[str, Any]) -> Order:
    """The order that `plain_order` made this of."""
    specs = []
    for each in plain["specs"]:
        placed = each["overlay"]
        overlay = Overlay(**{**placed, "content": base64.b64decode(placed["content"])}) if placed else None
        specs.append(RenditionSpec.from_plain(each, overlay))
    focal_point = (plain["focal_point"][0], plain["focal_point"][1]) if plain["focal_point"] else None
    return Order(tuple(specs), Limits(**plain["limits"]), focal_point, plain["credit"], plain["embed_credit"])


# -- what the sandbox answers ------------------------------------------------------------------------------


def plain_answer(answer: Measure | Header | File | Rejection) -> tuple[dict[str, Any], bytes]:
    """An answer as the JSON and the bytes of a frame."""
    match answer:
        case Measure():
            return {"measure": asdict(answer)}, b""
        case Header():
            return {"header": asdict(answer)}, b""
        case File():
            plain = {"name": answer.name, "format": answer.format, "width": answer.width, "height": answer.height}
            return {"file": plain}, answer.content
        case Rejection():
            names = ("code", "reason", "advice", "cause")
            return {"rejection": {name: getattr(answer, name) for name in names}}, b""


def answer_of(plain: Mapping[str, Any], body: bytes) -> Measure | Header | File | Rejection:
    """The answer in a frame; `BrokenFrameError` for one that no picture can lead to."""
    ((kind, content),) = plain.items()
    try:
        match kind:
            case "measure":
                return Measure(**content)
            case "header":
                credits = Credits(**content.pop("credits"))
                return Header(credits=credits, warnings=tuple(content.pop("warnings")), **content)
            case "file":
                return File(content=body, **content)
            case "rejection":
                for sentence in (content["reason"], content["advice"]):
                    if not sentence.isprintable():
                        raise ValueError(f"{sentence!r:.100} is no sentence")
                return Rejection(**{name: str(text)[:LONGEST_SENTENCE] for name, text in content.items()})
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BrokenFrameError(f"{kind}: {error}") from error
    raise BrokenFrameError(f"{kind!r:.100} is nothing that the sandbox says here")
