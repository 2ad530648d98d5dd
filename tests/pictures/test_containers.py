"""What a file's bytes say before a library opens it; what opening makes of that is in test_opening.py."""

import struct
import zlib

import pytest

from imaging.pictures.containers import (
    boxes_are_whole,
    heif_sizes,
    item_names_are_text,
    png_without_extras,
)
from imaging.pictures.jpeg import scans
from tests.builders import jpeg_of_scans, jpeg_segment, jpeg_with, png_chunk, saved, scene


def test_scans_of_a_thumbnail_do_not_count() -> None:
    body = jpeg_with(jpeg_of_scans(3), jpeg_segment(0xE1, b"Exif\0\0" + jpeg_of_scans(200)))
    assert len(list(scans(body))) == 3


def test_a_baseline_jpeg_has_one_scan_and_a_progressive_one_has_ten() -> None:
    assert len(list(scans(saved(scene(), "jpeg", restart_marker_blocks=2)))) == 1
    assert len(list(scans(saved(scene(), "jpeg", progressive=True)))) == 10


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_every_size_that_a_heic_tells_is_found() -> None:
    sizes = [(17_000, 12), (2**32 - 1, 1)]
    body = b"".join(box(b"ispe", bytes(4) + struct.pack(">II", *size)) for size in sizes)
    assert list(heif_sizes(box(b"ftyp") + body)) == sizes


@pytest.mark.parametrize("last", [box(b"mdat", b"12345"), struct.pack(">I4sQ", 1, b"mdat", 21) + b"12345"])
def test_a_heic_ends_where_its_last_box_ends(last: bytes) -> None:
    body = box(b"ftyp", b"heic") + last
    assert boxes_are_whole(body)
    assert not boxes_are_whole(body[:-1])


def test_a_box_that_goes_on_to_the_end_of_the_file_may_have_any_length() -> None:
    for length in (0, 5):
        assert boxes_are_whole(box(b"ftyp") + struct.pack(">I4s", 0, b"mdat") + bytes(length))


def test_a_million_boxes_are_not_all_looked_at() -> None:
    assert boxes_are_whole(box(b"free") * 100 + box(b"mdat", b"cut")[:-1])


def infe(version: int, name: bytes) -> bytes:
    return box(b"infe", bytes([version, 0, 0, 0]) + bytes(4 if version == 2 else 6) + b"hvc1" + name + b"\0")


@pytest.mark.parametrize("version", [2, 3])
def test_the_names_of_items_are_utf_8(version: int) -> None:
    assert item_names_are_text(infe(version, "Größe".encode()))
    assert not item_names_are_text(infe(version, b"\xff"))


def test_a_png_keeps_its_pixels_its_transparency_and_its_animation() -> None:
    body = saved(scene(), "png")
    kept = png_chunk(b"tRNS", b"\0\1\0\2\0\3") + png_chunk(b"fcTL", bytes(26)) + png_chunk(b"eXIf", b"MM")
    colours = png_chunk(b"gAMA", bytes(4)) + png_chunk(b"iCCP", b"a\0\0" + zlib.compress(b"b"))
    text = png_chunk(b"tEXt", b"a\0b")
    full = body[:33] + kept + colours + text + body[33:]
    assert png_without_extras(full, texts=True) == body[:33] + kept + text + body[33:]
    assert png_without_extras(full, texts=False) == body[:33] + kept + body[33:]


def test_a_png_that_is_bare_already_or_not_whole_gives_nothing() -> None:
    body = saved(scene(), "png")
    assert png_without_extras(body, texts=False) == b""
    assert png_without_extras(body[:33] + png_chunk(b"gAMA", bytes(4)) + body[33:-5], texts=False) == b""
