"""What an AVIF or HEIC file says of its pictures: their kinds and their properties, box by box (ISO 23008-12).

No length is believed: a box that reaches over the end of what holds it ends the list, and no list is endless.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MOST = 1000
"""Boxes and items of a list that are looked at. Files have some dozens; each tile of a large picture is an item."""

LONGEST = 4 << 20
"""Bytes of a list of pictures that are looked at; thousands of tiles need a tenth of that."""

Box = tuple[bytes, bytes]
"""A box: its kind, and what is in it."""


@dataclass(frozen=True, slots=True)
class Items:
    """The pictures of a file, by number: the one to show, the kind of each, and the properties of each and of all."""

    primary: int
    kinds: Mapping[int, bytes]
    held: Mapping[int, tuple[int, ...]]
    properties: Sequence[Box]

    def of_primary(self, kind: bytes) -> list[bytes]:
        """Properties of this kind that the picture to show has; those of its tiles where it has none itself."""
        own = self.held.get(self.primary, ())
        found = [content for number, (each, content) in enumerate(self.properties, 1) if each == kind and number in own]
        return found or self.of_any(kind)

    def of_any(self, kind: bytes) -> list[bytes]:
        """All properties of this kind."""
        return [content for each, content in self.properties if each == kind]


def items_of(body: bytes) -> Items:
    """The pictures of a file; none where it does not say."""
    meta = next((span for kind, span in _spans(body) if kind == b"meta"), slice(0, 0))
    inside = dict(boxes(body[meta.start + 4 : min(meta.stop, meta.start + LONGEST)]))
    described = boxes(inside.get(b"iprp", b""))
    return Items(
        _number(inside.get(b"pitm", b""), 4, 2 if _version(inside.get(b"pitm", b"")) == 0 else 4),
        dict(_kinds(inside.get(b"iinf", b""))),
        dict(pair for kind, content in described if kind == b"ipma" for pair in _held(content)),
        boxes(next((content for kind, content in described if kind == b"ipco"), b"")),
    )


def boxes(content: bytes) -> list[Box]:
    """The boxes in `content`, one after the other."""
    return [(kind, content[span]) for kind, span in _spans(content)]


def _spans(content: bytes) -> Iterator[tuple[bytes, slice]]:
    """The kind of each box, and where its content stands (ISO 14496-12, 4.2)."""
    at = 0
    for _ in range(MOST):
        size, head = _number(content, at, 4), 8
        if size == 1:
            size, head = _number(content, at + 8, 8), 16
        end = at + size if size else len(content)
        if not at + head <= end <= len(content):
            return
        yield content[at + 4 : at + 8], slice(at + head, end)
        at = end


def _number(content: bytes, at: int, length: int) -> int:
    """A number of so many bytes; 0 where there are none."""
    return int.from_bytes(content[at : at + length], "big")


def _version(content: bytes) -> int:
    """The version of a box that has one."""
    return _number(content, 0, 1)


def _kinds(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and kind of each item (`infe`, ISO 14496-12, 8.11.6)."""
    for kind, entry in boxes(content[6 if _version(content) == 0 else 8 :]):
        if kind == b"infe":
            width = 2 if _version(entry) == 2 else 4
            yield _number(entry, 4, width), entry[6 + width : 10 + width]


def _held(content: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """For each item the numbers of its properties, from 1 on (`ipma`, ISO 23008-12, 9.3)."""
    wide, step = 2 if _version(content) == 0 else 4, 2 if _number(content, 3, 1) & 1 else 1
    number_bits, at = (1 << 8 * step - 1) - 1, 8
    for _ in range(min(MOST, _number(content, 4, 4))):
        item, count = _number(content, at, wide), _number(content, at + wide, 1)
        at += wide + 1
        # The highest bit says that a reader must know the property.
        yield item, tuple(_number(content, at + step * each, step) & number_bits for each in range(count))
        at += step * count
