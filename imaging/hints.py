"""What an editor says of one upload, in S3 user metadata: focal point, alt text, credit, which renditions.

Metadata is typed by people and passed on by tools, so a hint that cannot be understood becomes a warning in
the manifest, never a failure.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header

LONGEST_TEXT = 1000
"""Characters of alt or credit that are kept; S3 allows 2 KB of user metadata in all."""


@dataclass(frozen=True, slots=True)
class Hints:
    """The hints of one source; None and empty where the editor said nothing."""

    focal_point: tuple[float, float] | None = None
    alt: str = ""
    credit: str = ""
    renditions: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()


def read_hints(metadata: Mapping[str, str], known: Collection[str]) -> Hints:
    """The hints in `metadata`; `known` are the names of the renditions that the source's rule makes."""
    warnings: list[str] = []
    texts = {name: _text(value) for name, value in metadata.items()}

    focal_point = None
    if said := texts.get("focal-point", ""):
        try:
            x, y = (float(part) for part in said.split(","))
        except ValueError:
            x = y = -1.0
        if 0 <= x <= 1 and 0 <= y <= 1:
            focal_point = (x, y)
        else:
            warnings.append(
                f'The hint focal-point "{_short(said)}" was ignored: say two numbers from 0 to 1, '
                'across and down, such as "0.3,0.4".'
            )

    renditions = None
    if said := texts.get("renditions", ""):
        named = [name.strip() for name in said.split(",") if name.strip()]
        unknown = [name for name in named if name not in known]
        if unknown:
            warnings.append(
                f'The hint renditions names "{_short(", ".join(unknown))}", which the recipe does not make '
                f"for this key; it makes {', '.join(known)}."
            )
        renditions = tuple(name for name in known if name in named) or None

    return Hints(focal_point, texts.get("alt", ""), texts.get("credit", ""), renditions, tuple(warnings))


def _text(value: str) -> str:
    """One line of readable text: S3 hands non-ASCII metadata back as RFC 2047, clients send it in both forms."""
    with suppress(MessageError, LookupError, ValueError):  # else it is taken as it was typed
        value = str(make_header(decode_header(value)))
    with suppress(UnicodeError):  # UTF-8 bytes that HTTP read as Latin-1, where they are that
        value = value.encode("latin-1").decode("utf-8")
    printable = "".join(c if c.isprintable() else " " for c in value)
    return " ".join(printable.split())[:LONGEST_TEXT]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
