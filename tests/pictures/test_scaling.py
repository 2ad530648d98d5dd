"""Pictures in another size."""

import pytest
from PIL import Image, ImageDraw

from imaging.pictures.scaling import GAP, STRIP, scaled, thumbnail
from tests.builders import mean_difference, scene, see_through, worst_difference


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
def test_a_picture_keeps_its_mode_and_its_looks(mode: str) -> None:
    image = scene(400, 500).convert("RGBA").convert(mode)
    small = scaled(image, (100, 125))
    assert (small.mode, small.size) == (mode, (100, 125))
    assert mean_difference(small, scene(400, 500).convert(mode).resize((100, 125), Image.Resampling.LANCZOS)) < 1


def test_a_box_is_what_is_shown() -> None:
    image = scene(400, 500)
    box = (100.5, 50.25, 300.5, 450.25)
    one, other = scaled(image, (50, 100), box=box), image.resize((50, 100), Image.Resampling.LANCZOS, box)
    assert mean_difference(one, other) < 1


def test_a_hidden_colour_weighs_nothing() -> None:
    image = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((20, 20, 107, 107), fill=(255, 240, 20, 255))
    for mode, shown in (("RGBA", (255, 240, 20)), ("LA", (219,))):
        small = scaled(image.convert(mode), (37, 37))
        pixels = zip(*[iter(small.tobytes())] * len(mode), strict=True)
        edge = [pixel for pixel in pixels if 64 < pixel[-1] < 255]
        assert len(edge) > 10
        assert all(max(abs(a - b) for a, b in zip(pixel, shown, strict=False)) <= 12 for pixel in edge)


def test_what_is_scaled_stays_as_it_was() -> None:
    image = see_through()
    before = image.tobytes()
    scaled(image, (10, 10))
    assert image.tobytes() == before


@pytest.mark.parametrize("size", [(100, 257), (333, 500), (60, 513), (40, 1000)])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "RGBA"])
@pytest.mark.parametrize("box", [None, (10.5, 20.25, 390.0, 1180.75)], ids=["whole", "box"])
def test_scaling_in_strips_is_scaling_at_once(
    size: tuple[int, int], mode: str, box: tuple[float, float, float, float] | None
) -> None:
    image = scene(400, 1200).convert("RGBA").convert(mode)
    at_once = image.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=GAP)
    in_strips = scaled(image, size, box=box)
    assert (in_strips.mode, in_strips.size) == (mode, size)
    # Pillow begins with rows or with columns, as is cheaper, and rounds between: seen at hard edges only.
    assert worst_difference(in_strips, at_once, mode) <= 10
    for first in range(STRIP, size[1], STRIP):
        seam = (0, first - 2, size[0], first + 2)
        assert mean_difference(in_strips.crop(seam), at_once.crop(seam), mode) < 1


@pytest.mark.parametrize(
    ("size", "small"), [((400, 300), (20, 15)), ((300, 400), (15, 20)), ((9, 5), (9, 5)), ((5000, 1), (20, 1))]
)
def test_a_thumbnail_has_no_longer_side_and_the_picture_is_not_enlarged(
    size: tuple[int, int], small: tuple[int, int]
) -> None:
    assert thumbnail(Image.new("RGBA", size), 20).size == small


def test_a_pixel_of_a_thumbnail_is_the_mean_of_those_it_stands_for() -> None:
    image = Image.new("L", (4, 4))
    image.putdata([0, 40, 200, 200, 80, 120, 200, 200, *[8] * 8])
    assert list(thumbnail(image, 2).tobytes()) == [60, 200, 8, 8]
