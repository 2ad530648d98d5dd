"""The pipeline over a folder of real pictures: `IMAGING_CORPUS`, or `../shared/corpus` beside the project.

`FILES.tsv` in that folder says of each file how it shall end.
"""

import csv
import json
import os
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from imaging.decoding import Picture, decode
from imaging.encoding import encode, formats_of, placeholder
from imaging.errors import Rejection
from imaging.model import Limits, RenditionSpec
from imaging.rendering import dominant_colour, render
from tests.pictures import mean_difference, opened

ROOT = Path(__file__).parent.parent
CORPUS = (ROOT / os.environ.get("IMAGING_CORPUS", "../shared/corpus")).resolve()
LIST = CORPUS / "FILES.tsv"
MEMORY = 1769 * 2**20
"""Bytes that a function of one whole processor has; all of the process, code included, must do with them."""

SPECS = (
    RenditionSpec("thumb", 160, 160, "fill", gravity="smart"),
    RenditionSpec("small", 320, formats=("webp", "auto")),
)

pytestmark = pytest.mark.skipif(
    not LIST.exists(), reason="no corpus here: set IMAGING_CORPUS to a folder with FILES.tsv"
)


def listed(*, hostile: bool) -> dict[str, str]:
    """Each file of the corpus and how it shall end."""
    if not LIST.exists():
        return {}
    with LIST.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return {row["file"]: row["expect"] for row in rows if row["file"].startswith("hostile/") == hostile}


def published(body: bytes) -> Picture:
    """The file all the way to its renditions, each of which is read back."""
    picture = decode(body, SPECS, Limits())
    for spec, frames in render(picture, SPECS):
        for name in formats_of(spec, frames[0]):
            content = encode(frames, name, spec, picture)
            assert opened(content).size == frames[0].size
            assert b"<?php" not in content
    assert len(placeholder(picture)) < 1024
    assert len(dominant_colour(picture)) == 7
    return picture


@cache
def small(file: str) -> Image.Image:
    return decode((CORPUS / file).read_bytes(), SPECS[1:], Limits()).frames[0]


@pytest.mark.parametrize("file", listed(hostile=False))
def test_every_file_of_the_corpus_is_published(file: str) -> None:
    picture = published((CORPUS / file).read_bytes())
    assert min(picture.width, picture.height) >= 1


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
        picture = decode((CORPUS / f"modes/rotating-squares.{end}").read_bytes(), SPECS, Limits())
        shown = zip(picture.frames, picture.durations, strict=True)
        return [frame.convert("RGBa") for frame, duration in shown for _ in range(duration // 30)]

    one, other = moments("gif"), moments("webp")
    assert len(one) == len(other) == 30
    assert all(mean_difference(a, b, "RGBa") < 8 for a, b in zip(one, other, strict=True))


def test_broken_metadata_is_no_reason_to_reject() -> None:
    for file in ("metadata/broken_exif_dpi.jpg", "metadata/icc-after-sof.jpg", "metadata/invalid-exif.jpg"):
        assert decode((CORPUS / file).read_bytes(), SPECS, Limits()).frames


def endings(files: list[str]) -> None:
    """Prints how each file ended, and the peak of memory, in a process that has no more than a function has."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for file in files:
        try:
            published((CORPUS / file).read_bytes())
            ending = "ok"
        except Rejection as fault:
            ending = fault.code
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps([file, ending, peak]), flush=True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory as Lambda does")
def test_hostile_files_end_as_they_shall_and_within_the_memory_of_a_function() -> None:
    expected = listed(hostile=True)
    program = "import json, sys; from tests.test_corpus import endings; endings(json.load(sys.stdin))"
    run = subprocess.run(  # noqa: S603  this very module
        [sys.executable, "-c", program],
        cwd=ROOT,
        input=json.dumps(list(expected)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    ended = {file: ending for file, ending, _ in map(json.loads, run.stdout.splitlines())}
    assert ended.keys() == expected.keys()
    wrong = {
        file: ending for file, ending in ended.items() if ("ok" if ending == "ok" else "rejected") not in expected[file]
    }
    assert not wrong
