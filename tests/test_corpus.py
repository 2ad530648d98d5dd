"""The pipeline over a folder of real pictures: `IMAGING_CORPUS`, or `../shared/corpus` beside the project.

`FILES.tsv` in that folder says of each file how it shall end.
"""

import csv
import os
import sys
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from imaging.errors import Rejection
from imaging.exchange import Made, Order
from imaging.recipe.spec import RenditionSpec
from imaging.sandbox.sandbox import Sandbox
from tests.builders import decoded, mean_difference, opened, renditions_of

ROOT = Path(__file__).parent.parent
CORPUS = (ROOT / os.environ.get("IMAGING_CORPUS", "../shared/corpus")).resolve()
LIST = CORPUS / "FILES.tsv"
MEMORY = 1769 * 2**20
"""Bytes that a function of one whole processor has."""

SPECS = (
    RenditionSpec("thumb", 160, 160, "fill", gravity="smart"),
    RenditionSpec("small", 320, formats=("webp", "auto")),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LIST.exists(), reason="no corpus here: set IMAGING_CORPUS to a folder with FILES.tsv"),
]


def listed(*, hostile: bool) -> dict[str, str]:
    """Each file of the corpus and how it shall end."""
    if not LIST.exists():
        return {}
    with LIST.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return {row["file"]: row["expect"] for row in rows if row["file"].startswith("hostile/") == hostile}


def readable(made: Made) -> None:
    """Read every rendition back."""
    for file in made.files:
        assert opened(file.content).size == (file.width, file.height)
        assert b"<?php" not in file.content


@cache
def small(file: str) -> Image.Image:
    """The first frame at the size of the spec, without what an encoder loses."""
    return decoded((CORPUS / file).read_bytes(), SPECS[1]).frames[0]


@pytest.mark.parametrize("file", listed(hostile=False))
def test_every_file_of_the_corpus_is_published(file: str) -> None:
    made = renditions_of((CORPUS / file).read_bytes(), *SPECS)
    readable(made)
    assert {each.name for each in made.files} == {"thumb", "small"}
    assert min(made.header.width, made.header.height) >= 1


def without_number(file: str) -> Image.Image:
    """The photo small, and black where the file's own number is written on it."""
    frame = small(file).copy()
    width, height = frame.size
    frame.paste("black", (width * 42 // 100, height * 36 // 100, width * 60 // 100, height * 64 // 100))
    return frame.resize((64, 64 * height // width), Image.Resampling.BOX)


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("scene", ["landscape", "portrait"])
def test_a_photo_in_every_orientation_is_its_upright_twin(scene: str, number: int) -> None:
    one, other = (without_number(f"orientation/{scene}_{n}.jpg") for n in (number, 2))
    # The first of each set was saved by another program, in sRGB; the rest carry a profile.
    assert mean_difference(one, other) < (4 if number == 1 else 1)


def test_a_chart_in_eci_rgb_is_its_twin_in_srgb() -> None:
    assert mean_difference(small("colour/colorchecker-eci-rgb-v2.jpg"), small("colour/colorchecker-srgb.jpg")) < 3


def test_the_red_of_a_press_is_the_red_it_prints() -> None:
    frame = small("colour/fogra-0-100-100-0.tif")
    pixel = frame.getpixel((frame.width // 2, frame.height // 2))
    assert isinstance(pixel, tuple)
    assert max(abs(a - b) for a, b in zip(pixel, (227, 6, 20), strict=True)) <= 6


@pytest.mark.parametrize("file", ["bmp", "png", "tiff", "lossless.webp", "jpeg"])
def test_one_picture_in_many_containers_is_one_picture(file: str) -> None:
    one, other = small(f"formats/bricks-color.{file}"), small("formats/bricks-color.png")
    assert mean_difference(one, other) < (6 if file == "jpeg" else 0.5)


def test_an_animation_shows_the_same_at_every_moment_as_gif_and_as_webp() -> None:
    def moments(end: str) -> list[Image.Image]:
        picture = decoded((CORPUS / f"modes/rotating-squares.{end}").read_bytes(), *SPECS)
        shown = zip(picture.frames, picture.durations, strict=True)
        return [frame.convert("RGBa") for frame, duration in shown for _ in range(duration // 30)]

    one, other = moments("gif"), moments("webp")
    assert len(one) == len(other) == 30
    assert all(mean_difference(a, b, "RGBa") < 8 for a, b in zip(one, other, strict=True))


def test_broken_metadata_is_no_reason_to_reject() -> None:
    for file in ("metadata/broken_exif_dpi.jpg", "metadata/icc-after-sof.jpg", "metadata/invalid-exif.jpg"):
        assert decoded((CORPUS / file).read_bytes(), *SPECS).frames


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory as Lambda does")
def test_hostile_files_end_as_they_shall_and_within_the_memory_and_time_of_a_function() -> None:
    expected = listed(hostile=True)
    with Sandbox(MEMORY, seconds=10) as sandbox:
        ended = {file: ending(sandbox, (CORPUS / file).read_bytes()) for file in expected}
        assert sandbox.crashes == 0
    wrong = {file: end for file, end in ended.items() if ("ok" if end == "ok" else "rejected") not in expected[file]}
    assert not wrong
    assert "took-too-long" not in ended.values()


def ending(sandbox: Sandbox, body: bytes) -> str:
    """How a file ends: `ok`, or the code of its rejection."""
    try:
        readable(sandbox.make(body, Order(SPECS)))
    except Rejection as rejection:
        return rejection.code
    return "ok"
