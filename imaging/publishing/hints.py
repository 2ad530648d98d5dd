"""What an editor says about one upload, in S3 user metadata: focal point, alt text, credit, which renditions.

People type metadata and tools pass it on. So a hint that cannot be understood becomes a warning in the manifest, never
a failure.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header

from imaging.exchange import one_line
from imaging.recipe.geometry import Point


@dataclass(frozen=True, slots=True)
class Hints:
    """The hints of one source; None and empty where the editor gave none."""

    focal_point: Point | None = None
    alt: str = ""
    credit: str = ""
    renditions: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()


def read_hints(metadata: Mapping[str, str], known: Sequence[str]) -> Hints:
    """The hints in `metadata`; `known` are the names of the renditions that the source's rule makes."""
    warnings: list[str] = []
    texts = {name: _text(value) for name, value in metadata.items()}
    return Hints(
        _focal_point(texts.get("focal-point", ""), warnings),
        texts.get("alt", ""),
        texts.get("credit", ""),
        _renditions(texts.get("renditions", ""), known, warnings),
        tuple(warnings),
    )


def _focal_point(text: str, warnings: list[str]) -> Point | None:
    if not text:
        return None
    with suppress(ValueError):
        x, y = (float(part) for part in text.split(","))
        if 0 <= x <= 1 and 0 <= y <= 1:
            return x, y
    warnings.append(
        f'The hint focal-point "{_short(text)}" was ignored: write two numbers from 0 to 1, across and down, such as '
        '"0.3,0.4".'
    )
    return None


def _renditions(text: str, known: Sequence[str], warnings: list[str]) -> tuple[str, ...] | None:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        warnings.append(
            f'The hint renditions names "{_short(", ".join(unknown))}", which the recipe does not make for this key. '
            f"It makes {', '.join(known)}."
        )
    return tuple(name for name in known if name in names) or None


def _text(value: str) -> str:
    """One line of readable text. S3 returns metadata that is not ASCII as RFC 2047; clients send it in many forms."""
    with suppress(MessageError, LookupError, ValueError):  # what is no RFC 2047 is taken as it was typed
        value = str(make_header(decode_header(value)))
    with suppress(UnicodeError):  # UTF-8 bytes that HTTP read as Latin-1
        value = value.encode("latin-1").decode("utf-8")
    return one_line(value)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
