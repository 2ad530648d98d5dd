"""Files that people reported as wrong in other programs, and what is right; found beside the project or not at all."""

import io
from pathlib import Path

import pytest
from PIL import Image

from imaging.errors import Rejection
from imaging.exchange import File, Header, Order
from imaging.pictures.making import make
from imaging.recipe.spec import RenditionSpec

REPORTS = Path(__file__).resolve().parents[2] / "shared" / "reports"
pytestmark = pytest.mark.skipif(not REPORTS.is_dir(), reason=f"the reported files are not at {REPORTS}")

ORDER = Order((RenditionSpec("all", formats=("png", "webp")),))
CARD = ((220, 30, 30), (30, 160, 40), (40, 60, 220), (240, 200, 20), (20, 180, 200), (200, 40, 180))
LINEAR = ((239, 96, 96), *CARD[1:])
"""The first patch of a file whose numbers say that its values are light itself."""

COLOURS = {
    # name: how far a patch may be off, of 255
    "adobergb-exif-r03.jpg": 9,  # one step of its red is nine of sRGB's where green is strong
    "hdr-pq.avif": 14,
    "icc-chunks-twice.jpg": 8,
    "jpeg-no-eoi.jpg": 8,
    "jpeg-no-eoi-mp4-trailer.jpg": 8,
    "p3-cicp.png": 8,
    "p3-nclx.avif": 8,
    "tiff-16bit-planar.tif": 8,
    "tiff-cmyk-alpha.tif": 8,
    "tiff-reduced-page-first.tif": 8,
}
REJECTED = {
    "avif-anim-cut.avif": "truncated",
    "bmp-rle-cut.bmp": "truncated",
    "webp-cut.webp": "truncated",
    "jpeg-really-cut-100-bytes.jpg": "truncated",
    "tiff-uint32-grey.tif": "unsupported-format",
    "tiff-grey12.tif": "unsupported-format",
}


def rendered(name: str) -> tuple[Header, Image.Image]:
    answers = list(make((REPORTS / name).read_bytes(), ORDER))
    (header,) = (answer for answer in answers if isinstance(answer, Header))
    files = [answer for answer in answers if isinstance(answer, File)]
    moving = files[-1] if header.frames > 1 else files[0]
    return header, Image.open(io.BytesIO(moving.content))


def patches(image: Image.Image) -> list[tuple[int, ...]]:
    """The mean of each of the six patches, which stand side by side in the middle third."""
    width, height = image.size
    middles = [
        image.convert("RGB").crop((width * x // 24, height * 5 // 12, width * (x + 2) // 24, height * 7 // 12))
        for x in range(1, 24, 4)
    ]
    return [middle.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)) for middle in middles]  # type: ignore[misc]


@pytest.mark.parametrize("name", COLOURS)
def test_the_card_has_its_colours(name: str) -> None:
    _, image = rendered(name)
    furthest = max(
        abs(one - other)
        for seen, wanted in zip(patches(image), CARD, strict=True)
        for one, other in zip(seen, wanted, strict=True)
    )
    assert furthest <= COLOURS[name]


def test_values_that_are_light_itself_are_brightened() -> None:
    _, image = rendered("png-gama-linear.png")
    assert max(abs(one - other) for one, other in zip(patches(image)[0], LINEAR[0], strict=True)) <= 8


def test_a_wide_range_of_brightness_is_told_of() -> None:
    header, _ = rendered("hdr-pq.avif")
    assert header.hdr
    assert any("HDR" in warning for warning in header.warnings)


@pytest.mark.parametrize("name", REJECTED)
def test_what_is_cut_or_of_another_depth_is_refused_by_name(name: str) -> None:
    with pytest.raises(Rejection) as rejected:
        rendered(name)
    assert rejected.value.code == REJECTED[name]


def test_grey_whose_least_is_white_is_no_negative() -> None:
    _, image = rendered("tiff-16bit-min-is-white.tif")
    assert image.convert("L").getpixel((60, 80)) == pytest.approx(235, abs=3)


def test_the_full_page_is_the_picture_and_not_its_reduced_copy() -> None:
    assert rendered("tiff-reduced-page-first.tif")[1].size == (240, 180)


def test_a_frame_that_is_undone_leaves_its_corner_as_it_was() -> None:
    _, image = rendered("apng-dispose-previous-blend-over.png")
    image.seek(0)
    before = image.convert("RGBA").getpixel((0, 0))
    image.seek(min(2, getattr(image, "n_frames", 1) - 1))
    assert image.convert("RGBA").getpixel((0, 0)) == before


@pytest.mark.parametrize("name", ["gif-disposal2_notrans.gif", "gif-small_first_notrans.gif"])
def test_what_no_frame_covers_is_transparent(name: str) -> None:
    _, image = rendered(name)
    alphas = []
    for frame in range(getattr(image, "n_frames", 1)):
        image.seek(frame)
        alphas.append(image.convert("RGBA").getchannel("A").getextrema()[0])
    assert 0 in alphas


@pytest.mark.parametrize("name", ["gif-no_trailer.gif", "gif-one-byte-after-trailer.gif"])
def test_a_gif_whose_frames_are_all_there_is_published(name: str) -> None:
    header, _ = rendered(name)
    assert header.frames > 1
