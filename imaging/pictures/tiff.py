"""TIFF, which is less a format than a way to describe any: what lies in a file, and its samples where Pillow errs.

Pillow opens some layouts rightly, some wrongly without a word, and many not at all. So a file's layout is read here
first. What Pillow is known to read rightly is left to it. Of the rest, what `samples.py` can put together is. What is
in neither list is refused, and the refusal says what the file stores (TIFF 6.0; Adobe Photoshop TIFF Technical Notes).
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from imaging.errors import damaged, truncated, unsupported_layout

MOST_PAGES = 100
"""Directories that are looked at for the full picture; the one after the reduced copy is the second."""
MOST_SAMPLES = 56
"""Channels of a pixel that Photoshop writes at most; every one costs memory."""
MOST_TAGS = 1000
MOST_VALUES = 1_000_000
"""Values that a tag may have; real files have one for each strip."""

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}
CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""Bytes and codes of the types of values (TIFF 6.0, section 2; BigTIFF)."""

GREY_INVERTED, GREY, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
COLOURS = {GREY_INVERTED: 1, GREY: 1, RGB: 3, CMYK: 4, CIELAB: 3, ICCLAB: 3}
"""Samples of a pixel that are colour, by photometric interpretation; those that follow are alpha or something else."""
MODES = {GREY_INVERTED: "L", GREY: "L", RGB: "RGB", CMYK: "CMYK", CIELAB: "LAB", ICCLAB: "LAB"}

NONE, LZW, OLD_JPEG, JPEG, ZIP, OLD_ZIP, PACKBITS, LZMA = 1, 5, 6, 7, 8, 32946, 32773, 34925
UNPACKED = (NONE, LZW, ZIP, OLD_ZIP, PACKBITS, LZMA)
"""Compressions that give back the samples as they lie."""
OF_TWO_COLOURS = (NONE, 2, 3, 4, LZW, ZIP, OLD_ZIP, PACKBITS)
"""Those of pictures with one bit a pixel: the fax codes too."""
CHUNKY = ((3, RGB), (3, YCBCR), (4, CMYK))
"""Samples of a pixel and what they mean, where Pillow reads them side by side."""
ASSOCIATED, UNASSOCIATED = 1, 2
"""Kinds of alpha (tag 338): colours are multiplied by it already, or not."""

KEPT = (301, 315, 318, 319, 700, 33432, 33723, 34665, 34675)
"""Tags whose bytes are kept: colours in numbers, artist, XMP, copyright, IPTC, EXIF, colour profile."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the samples of one page lie in the file. `tags` holds the numbers of each tag, by its number."""

    order: str
    big: bool
    tags: Mapping[int, tuple[int, ...]]
    raw: Mapping[int, tuple[int, int, bytes]]

    def number(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        values = self.tags.get(tag, ())
        return values[0] if values else default

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as stored."""
        return self.number(256, 0), self.number(257, 0)

    @property
    def samples(self) -> int:
        """Numbers for each pixel."""
        return self.number(277, 1)

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of each sample."""
        bits = self.tags.get(258, (1,))
        return bits * self.samples if len(bits) == 1 else bits[: self.samples]

    @property
    def compression(self) -> int:
        """How strips are packed."""
        return self.number(259, NONE)

    @property
    def photometric(self) -> int:
        """What the samples mean."""
        return self.number(262, GREY)

    @property
    def planar(self) -> bool:
        """Whether each sample has strips of its own."""
        return self.number(284, 1) == 2 and self.samples > 1

    @property
    def predictor(self) -> int:
        """1 where samples are stored, 2 where their differences are."""
        return self.number(317, 1)

    @property
    def is_palette_with_alpha(self) -> bool:
        """Whether a pixel is a colour of the palette and its alpha."""
        return (self.samples, self.photometric, self.number(338, 0)) == (2, PALETTE, UNASSOCIATED)

    @property
    def alpha(self) -> int:
        """The kind of alpha behind the colours, 0 for none."""
        colours = COLOURS.get(self.photometric, self.samples)
        kind = self.number(338, 0) if self.samples > colours else 0
        return kind if kind in (ASSOCIATED, UNASSOCIATED) else 0

    @property
    def strips(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Offsets and lengths of the strips, or tiles. Of plain rows no more counts than there can be."""
        offsets = self.tags.get(324) or self.tags.get(273, ())
        lengths = self.tags.get(325) or self.tags.get(279, ())
        if self.compression == NONE and not self.tile:
            width, height = self.size
            samples = 1 if self.planar else self.samples
            row = (width * samples * max(self.bits, default=8) + 7) // 8
            most = row * min(self.number(278, height), height)
            lengths = tuple(min(length, most) for length in lengths)
        return offsets, lengths

    @property
    def tile(self) -> tuple[int, int] | None:
        """Width and height of a tile; None where there are strips."""
        return (self.number(322, 0), self.number(323, 0)) if 322 in self.tags else None


def pages(body: bytes) -> Iterator[Layout]:
    """The layout of each page; a directory that is not whole ends them, and rejects the file if it is the first."""
    order = "<" if body[:1] == b"I" else ">"
    big = body[2:4] in (b"+\0", b"\0+")
    head, entry, offset = ("Q", 20, "Q") if big else ("H", 12, "I")
    (at,) = struct.unpack_from(f"{order}{offset}", body, 8 if big else 4) if len(body) >= 16 else (0,)
    for number in range(MOST_PAGES):
        size = struct.calcsize(head)
        (count,) = struct.unpack_from(f"{order}{head}", body, at) if 8 <= at <= len(body) - size else (0,)
        end = at + size + count * entry
        if not 0 < count <= MOST_TAGS or end + struct.calcsize(offset) > len(body):
            if number == 0 and at >= 8:
                raise truncated("TIFF").because(f"the first directory would end at {end:,} of {len(body):,} bytes")
            return
        yield _layout(body, order, big, range(at + size, end, entry))
        (at,) = struct.unpack_from(f"{order}{offset}", body, end)


def _layout(body: bytes, order: str, big: bool, entries: Sequence[int]) -> Layout:
    tags: dict[int, tuple[int, ...]] = {}
    raw: dict[int, tuple[int, int, bytes]] = {}
    for at in entries:
        tag, kind, count = struct.unpack_from(f"{order}HH{'Q' if big else 'I'}", body, at)
        inline, offset = (at + 12, "Q") if big else (at + 8, "I")
        length = SIZES.get(kind, 0) * count
        if length > struct.calcsize(offset):
            (inline,) = struct.unpack_from(f"{order}{offset}", body, inline)
        if inline + length > len(body):  # without its colours or its alpha a picture would be another
            raise truncated("TIFF").because(f"tag {tag} would end at {inline + length:,} of {len(body):,} bytes")
        if kind in CODES and 0 < count <= MOST_VALUES:
            tags[tag] = struct.unpack_from(f"{order}{count}{CODES[kind]}", body, inline)
        if tag in KEPT:
            raw[tag] = kind, count, body[inline : inline + length]
    return Layout(order, big, tags, raw)


def full_page(body: bytes) -> tuple[int, Layout]:
    """The number and the layout of the page to show: the first that is no reduced copy (tag 254)."""
    all_pages = list(pages(body))
    if not all_pages:
        raise damaged("TIFF").because("it has no directory")
    for number, page in enumerate(all_pages):
        if not page.number(254, 0) & 1:
            return number, page
    return 0, all_pages[0]


# -- what is opened, and by whom ---------------------------------------------------------------------------


def is_left_to_pillow(page: Layout) -> bool:
    """Whether Pillow is known to read a page of this layout rightly; `tests/pictures/test_tiff.py` sweeps them."""
    bits, meaning, packing = set(page.bits), page.photometric, page.compression
    if page.planar or set(page.tags.get(339, (1,))) - {1, 4}:
        return False
    if page.samples == 1 and bits == {1}:
        return meaning in (GREY_INVERTED, GREY, PALETTE) and packing in OF_TWO_COLOURS
    if page.samples == 1:
        few = bits <= {2, 4, 8} and meaning in (GREY_INVERTED, GREY, PALETTE) and packing in UNPACKED
        return few or (bits == {8} and meaning in (GREY_INVERTED, GREY) and packing == JPEG)
    if bits != {8}:
        return False
    if packing == JPEG:
        return (page.samples, meaning) in CHUNKY
    if packing == OLD_JPEG:
        return (page.samples, meaning) == (3, YCBCR)
    return packing in UNPACKED and ((page.samples, meaning) in CHUNKY or page.is_palette_with_alpha)


def refuse_unknown(page: Layout) -> None:
    """Reject a layout that is in no list; the words say what the file stores."""
    bits, meaning = page.bits, page.photometric
    stored = set(page.tags.get(339, (1,)))
    if 3 in stored:
        raise unsupported_layout("TIFF", f"{max(bits)}-bit floating-point numbers")
    if stored - {1, 4}:
        raise unsupported_layout("TIFF", "numbers with a sign")
    if page.samples > MOST_SAMPLES:
        raise unsupported_layout("TIFF", f"{page.samples:,} channels")
    if page.tile and not all(page.tile):
        raise damaged("TIFF").because("a tile has no side")
    if set(bits) - {8, 16} or len(set(bits)) > 1:
        raise unsupported_layout("TIFF", f"{max(bits)} bits per channel")
    if meaning not in COLOURS or page.samples < COLOURS[meaning]:
        raise unsupported_layout("TIFF", f"colours of a rare kind (photometric {meaning}, {page.samples} channels)")
    if meaning == CMYK and page.number(332, 1) != 1:
        raise unsupported_layout("TIFF", "inks that are not cyan, magenta, yellow and black")
    if page.compression not in UNPACKED or page.predictor not in (1, 2):
        raise unsupported_layout("TIFF", f"data compressed in a rare way (method {page.compression})")
    if page.alpha == ASSOCIATED and meaning not in (GREY, RGB):
        raise unsupported_layout("TIFF", "colours multiplied by their transparency")


def refuse_cut(body: bytes, page: Layout) -> None:
    """Reject a file that ends before its last strip does."""
    offsets, lengths = page.strips
    ends = [offset + length for offset, length in zip(offsets, lengths, strict=False)]
    if not ends or max(ends) > len(body):
        raise truncated("TIFF").because(f"strips end at {max(ends, default=0):,} of {len(body):,} bytes")
