"""Pictures in another size."""

import pytest
from PIL import Image, ImageDraw

from imaging.pictures.scaling import scaled
from tests.builders import mean_difference, scene, see_through


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
