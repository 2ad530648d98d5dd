"""Memory foretold from the header, and what is refused because of it."""

import io
from typing import Any

import pytest
from PIL import Image

from imaging.decoding import decode
from imaging.errors import Rejection
from imaging.memory import BASE, foretell, foretell_renditions, refuse_over
from imaging.model import FORMATS, Limits, RenditionSpec

LARGE = (1920, 1440)


def budget(megabytes: int) -> int:
    """What a function of this size leaves for a picture."""
    return megabytes * 2**20 - BASE


def test_a_baseline_jpeg_of_200_megapixels_fits_the_function() -> None:
    assert foretell("jpeg", "RGB", (2040, 1530), LARGE) < budget(512)  # an eighth of 16,320 x 12,240


def test_a_progressive_jpeg_of_the_same_size_keeps_its_coefficients() -> None:
    coefficients = 3 * 16320 * 12240
    assert foretell("jpeg", "RGB", (2040, 1530), LARGE, coefficients=coefficients) > coefficients


def test_a_webp_of_50_megapixels_is_refused_where_it_does_not_fit() -> None:
    needed = foretell("webp", "RGB", (7071, 7071), LARGE)
    assert budget(512) < needed < budget(1769)


def test_a_colour_that_stands_for_transparency_costs_an_alpha_channel() -> None:
    for mode in ("L", "P", "RGB", "I;16"):
        assert foretell("png", f"{mode}+", (7000, 5000), LARGE) >= foretell("png", mode, (7000, 5000), LARGE) + 4 * 35e6


def test_every_format_that_a_recipe_can_name_has_its_price() -> None:
    for name in (*FORMATS, "auto"):
        spec = RenditionSpec("a", 100, formats=(name,))
        assert foretell_renditions([spec], (100, 100), (100, 100), frames=1, alpha=False) > 4 * 100 * 100


def test_an_animation_costs_its_frames_again_for_each_size_that_stands_beside_another() -> None:
    def of(*widths: int, **more: Any) -> int:
        specs = [RenditionSpec(str(width), width, formats=("png",), **more) for width in widths]
        return foretell_renditions(specs, (400, 400), (400, 400), frames=100, alpha=True)

    frames = 4 * 100 * 400 * 400
    assert of(400) == pytest.approx(frames, rel=0.05)
    assert of(400, 200) == pytest.approx(frames * 1.25, rel=0.05)
    assert of(400, sharpen=10) == pytest.approx(frames * 2, rel=0.05)
    assert of(400, height=800, fit="pad") == pytest.approx(frames * 3, rel=0.05)


@pytest.mark.parametrize("length", [0, 1_000_000])
def test_the_file_itself_counts(length: int) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (900, 700), "teal").save(buffer, "JPEG")
    body = buffer.getvalue() + bytes(length)
    with pytest.raises(Rejection) as caught:
        decode(body, [RenditionSpec("small", 640)], Limits(), 1_000_000)
    needed = int(caught.value.reason.partition("needs ")[2].partition(" MB")[0])
    with pytest.raises(Rejection) as caught:
        decode(body + bytes(10_000_000), [RenditionSpec("small", 640)], Limits(), 1_000_000)
    assert f"needs {needed + 10} MB" in caught.value.reason


def test_what_fits_exactly_is_taken_and_one_byte_more_is_not() -> None:
    refuse_over(1000, 1000, "PNG", (10, 10))
    refuse_over(None, 10**12, "PNG", (10, 10))
    with pytest.raises(Rejection) as caught:
        refuse_over(1000, 1001, "PNG", (10, 10))
    assert caught.value.code == "needs-too-much-memory"


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
def test_every_format_is_refused_before_its_pixels_are_decoded(fmt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (900, 700), "teal").save(buffer, fmt)
    specs = [RenditionSpec("small", 640)]
    assert decode(buffer.getvalue(), specs, Limits(), 100_000_000).width == 900

    def decoded(*_: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    with pytest.raises(Rejection) as caught:
        decode(buffer.getvalue(), specs, Limits(), 1_000_000)
    assert caught.value.code == "needs-too-much-memory"
    assert "900 x 700 pixels needs" in caught.value.reason
    assert "and there are 1." in caught.value.reason


def test_the_coefficients_of_a_progressive_jpeg_count_by_its_sampling() -> None:
    def least(**options: object) -> int:
        buffer = io.BytesIO()
        Image.effect_noise((1024, 1024), 50).convert("RGB").save(buffer, "JPEG", **options)
        for memory in range(1_000_000, 16_000_000, 250_000):
            try:
                decode(buffer.getvalue(), [RenditionSpec("tiny", 100)], Limits(), memory)
            except Rejection:
                continue
            return memory
        raise AssertionError("never decoded")

    fine, coarse = (least(progressive=True, subsampling=s) for s in ("4:4:4", "4:2:0"))
    assert fine - coarse == pytest.approx(3 * 1024 * 1024, abs=500_000)
