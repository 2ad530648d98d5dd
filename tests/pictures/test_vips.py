"""libvips at work on pixels that Pillow holds."""

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imaging.pictures import decoding, vips
from imaging.pictures.pixels import Pixels
from imaging.pictures.scaling import scaled
from imaging.pictures.vips import Pipeline, VipsError
from imaging.sandbox import inside
from tests.builders import scene

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="The memory and the threads of a process, by /proc")


def told(name: str) -> int:
    """What the kernel tells of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name)))


def held() -> int:
    """Bytes that libvips holds for pixels."""
    bytes_held = vips.library().vips_tracked_get_mem
    bytes_held.restype, bytes_held.argtypes = ctypes.c_size_t, ()
    return int(bytes_held())


@pytest.fixture
def pieces() -> Iterator[None]:
    """Pillow breaks pictures into pieces, as it does where memory is short."""
    usual = Image.core.get_block_size()  # type: ignore[attr-defined]
    Image.core.set_block_size(4096)  # type: ignore[attr-defined]
    yield
    Image.core.set_block_size(usual)  # type: ignore[attr-defined]


def test_pixels_are_where_pillow_has_them() -> None:
    for mode, bands in (("L", 1), ("LA", 4), ("RGB", 4), ("RGBa", 4), ("CMYK", 4), ("LAB", 4)):
        pixels = Pixels.of(Image.new(mode, (3, 2)))
        assert (pixels.width, pixels.height, pixels.bands) == (3, 2, bands)
    image = Image.merge("RGB", [Image.linear_gradient("L")] * 3)
    pixels = Pixels.of(image)
    assert ctypes.string_at(pixels.address, 256 * 256 * 4) == image.tobytes("raw", "RGBX")
    ctypes.memset(pixels.address, 7, 4)
    assert image.getpixel((0, 0)) == (7, 7, 7)


def test_a_picture_of_any_size_lies_in_one_piece() -> None:
    assert Pixels.of(Image.new("L", (7000, 5000))).bands == 1


def test_pixels_stay_while_somebody_holds_them() -> None:
    pixels = Pixels.of(Image.new("L", (1000, 1000), 77))
    others = [Image.new("L", (1000, 1000), 1) for _ in range(9)]
    assert ctypes.string_at(pixels.address, 1_000_000) == b"M" * 1_000_000
    assert others


@pytest.mark.usefixtures("pieces")
def test_a_picture_in_pieces_is_a_want_of_memory() -> None:
    with pytest.raises(MemoryError, match="no room for 100 x 100 pixels"):
        scaled(Image.new("RGB", (100, 100)), (10, 10))


@ON_LINUX
def test_no_thread_is_started() -> None:
    before = told("Threads:")
    scaled(scene(), (10, 10))
    scaled(scene(), (10, 10), (1.2, 1.2, 33.4, 33.4))
    scaled(scene(), (10, 200))
    scaled(scene(), (200, 200))
    assert told("Threads:") == before


@ON_LINUX
def test_nothing_is_left_behind() -> None:
    image = scene(400, 300)
    for _ in range(50):
        scaled(image, (40, 30))
    before = told("VmRSS:")
    for _ in range(1000):
        scaled(image, (41, 33), (1.1, 1.1, 301.3, 222.2))
    assert held() == 0
    assert vips.library().vips_cache_get_size() == 0
    assert told("VmRSS:") < before + 2000


def test_what_cannot_be_done_is_no_fault_of_a_file() -> None:
    pipeline = Pipeline(Pixels.of(scene()))
    with pytest.raises(VipsError, match="does not say why"):
        pipeline.write(Pixels.of(Image.new("RGB", (97, 64))), (0, 0))
    with pytest.raises(VipsError, match="reduce factor too large"):
        pipeline.reduce((1.0, 1000.0), 2.0)
    vips.library().vips_error(b"vips_tracked", b"out of memory")
    with pytest.raises(MemoryError, match="out of memory"):
        pipeline.reduce((1.0, 1000.0), 2.0)


def test_the_sandbox_scales_a_picture_before_it_gets_its_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Image.Image:
        raise VipsError("a lock keeps libvips from working")

    inside.try_out()
    monkeypatch.setattr(decoding, "scaled", refused)
    with pytest.raises(VipsError, match="a lock"):
        inside.try_out()
