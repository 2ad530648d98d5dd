"""Files of every format: their pixels, their quality and weight, their animation, and nothing else in them."""

import base64
import io
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from PIL import ExifTags, Image

from imaging.exchange import Credits, File
from imaging.formats import FORMATS, WRITTEN
from imaging.pictures.encoding import Encoder, placeholder
from imaging.pictures.libraries import LibraryError
from imaging.pictures.picture import Picture
from imaging.pictures.plan import Plan, Target
from imaging.pictures.rendering import render
from imaging.recipe.spec import RenditionSpec
from tests.builders import (
    SOURCES,
    WHOLE,
    decoded,
    gif,
    marked,
    mean_difference,
    opened,
    renditions_of,
    saved,
    scene,
    see_through,
    worst_difference,
)
from tests.profiles import MARK

CREDITS = Credits("© 2026 Die Zeitung", "Jörg Lens", "Agentur")
LOSSY = [name for name, writing in WRITTEN.items() if writing.quality]
LOSSLESS = [name for name in WRITTEN if name not in LOSSY]
ANIMATED = [name for name, writing in WRITTEN.items() if writing.animated]
STILL = [name for name in WRITTEN if name not in ANIMATED]


def picture_of(*frames: Image.Image, durations: tuple[int, ...] | None = None, loop: int = 0) -> Picture:
    """A picture of a format that is not written, so that its weight binds no file."""
    return Picture(FORMATS["tiff"], frames[0].size, frames, durations or (40,) * len(frames), loop)


def file_of(picture: Picture, name: str, spec: RenditionSpec = WHOLE, credits: Credits | None = None) -> bytes:
    """The picture as it is, as a file of format `name`."""
    target = Target(spec, spec.shape(*picture.frames[0].size))
    return Encoder(picture, credits or Credits()).file(picture.frames, name, target, 0)


def encoded(image: Image.Image, name: str, spec: RenditionSpec = WHOLE, at_most: int | None = None) -> bytes:
    return file_of(picture_of(image), name, replace(spec, max_bytes=at_most))


def animated(name: str, *frames: Image.Image, durations: tuple[int, ...], loop: int = 0) -> Image.Image:
    return Image.open(io.BytesIO(file_of(picture_of(*frames, durations=durations, loop=loop), name)))


def noise(size: tuple[int, int] = (96, 64), mode: str = "RGB") -> Image.Image:
    return Image.merge(mode, [Image.effect_noise(size, 120) for _ in mode])


# -- formats -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_mode_becomes_a_picture_of_every_format(name: str, mode: str) -> None:
    image = see_through().convert(mode)
    back = opened(encoded(image, name))
    assert (back.format, back.size) == (name.upper(), image.size)
    if not mode.endswith("A"):
        assert mean_difference(back, image) < (12 if name == "gif" else 7)


@pytest.mark.parametrize("name", ["png", "webp", "avif"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_kept_by_formats_that_have_it(name: str, mode: str) -> None:
    back = opened(encoded(see_through().convert(mode), name))
    assert mean_difference(back.convert("RGBA").getchannel("A"), see_through().getchannel("A"), "L") < 2


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_gif_keeps_what_is_wholly_transparent(mode: str) -> None:
    image = Image.new(mode, (16, 16), (255, 255) if mode == "LA" else (255, 255, 255, 255))
    image.paste((0, 0) if mode == "LA" else (0, 0, 0, 0), (0, 0, 8, 16))
    back = opened(encoded(image, "gif")).convert("RGBA")
    assert (back.getpixel((4, 8))[3], back.getpixel((12, 8))) == (0, (255, 255, 255, 255))


def test_a_jpeg_is_flattened_on_the_background_of_its_spec() -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((255, 0, 0, 128), (0, 0, 16, 32))
    back = opened(encoded(image, "jpeg", replace(WHOLE, background="#0000ff", subsampling="4:4:4")))
    assert back.mode == "RGB"
    for at, wanted in ((4, (128, 0, 127)), (28, (0, 0, 255))):
        assert max(abs(a - b) for a, b in zip(back.getpixel((at, 16)), wanted, strict=True)) <= 4
    assert opened(encoded(Image.new("LA", (8, 8), (0, 0)), "jpeg")).getpixel((4, 4)) in {255, (255, 255, 255)}


def test_a_jpeg_is_progressive_and_subsampled_unless_the_spec_says_otherwise() -> None:
    plain = encoded(scene(), "jpeg")
    assert opened(plain).info["progressive"]
    assert sampling(plain) == (2, 2)
    assert sampling(encoded(scene(), "jpeg", replace(WHOLE, subsampling="4:4:4"))) == (1, 1)


def sampling(body: bytes) -> tuple[int, int]:
    """The sampling factors of the first component, across and down."""
    at = body.index(b"\xff\xc2")
    return body[at + 11] >> 4, body[at + 11] & 15


def test_a_png_has_a_palette_where_that_loses_nothing_and_only_there() -> None:
    few = scene().quantize(40).convert("RGB")
    content = encoded(few, "png")
    assert opened(content).mode == "P"
    assert worst_difference(opened(content), few) == 0
    assert len(content) < len(saved(few, "png", optimize=True))
    assert opened(encoded(noise(), "png")).mode == "RGB"
    assert worst_difference(opened(encoded(see_through(), "png")), see_through(), "RGBA") == 0


def test_a_png_of_few_colours_with_alpha_is_the_same_picture() -> None:
    few = Image.new("RGBA", (32, 32), (255, 0, 0, 77))
    few.paste((0, 0, 255, 255), (0, 0, 16, 16))
    few.paste((9, 9, 9, 0), (16, 16, 32, 32))
    assert worst_difference(opened(encoded(few, "png")), few, "RGBA") == 0


def test_a_palette_that_would_lose_a_colour_is_not_taken() -> None:
    near = Image.new("RGBA", (16, 15))
    near.putdata([(100 + at // 16, 100 + at % 16, 100, 100 + at % 7) for at in range(240)])
    assert worst_difference(opened(encoded(near, "png")), near, "RGBA") == 0


# -- quality and bytes -------------------------------------------------------------------------------------


def at_quality(image: Image.Image, name: str, quality: int) -> bytes:
    return encoded(image, name, replace(WHOLE, quality={name: quality}))


@pytest.mark.parametrize("name", LOSSY)
def test_quality_is_the_formats_own_or_what_the_spec_says_for_it(name: str) -> None:
    other = LOSSY[LOSSY.index(name) - 1]
    plain, low = encoded(scene(), name), encoded(scene(), name, replace(WHOLE, quality={name: 35, other: 99}))
    assert plain == at_quality(scene(), name, WRITTEN[name].quality or 0)
    assert len(low) < len(plain)


@pytest.mark.parametrize("name", [name for name, writing in WRITTEN.items() if writing.effort])
def test_effort_is_the_formats_own_or_what_the_spec_says_for_it(name: str) -> None:
    effort = WRITTEN[name].effort
    assert effort
    image = noise()
    of_effort = {
        each: encoded(image, name, replace(WHOLE, effort={name: each})) for each in (effort.least, effort.most)
    }
    assert encoded(image, name) == encoded(image, name, replace(WHOLE, effort={name: effort.default}))
    assert of_effort[effort.least] != of_effort[effort.most]


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_have_no_quality(name: str) -> None:
    assert encoded(scene(), name) == at_quality(scene(), name, 5)


@pytest.mark.parametrize("name", LOSSY)
def test_a_byte_budget_is_met_with_the_highest_quality_that_meets_it(name: str) -> None:
    pixels = random.Random(7).randbytes(96 * 64 * 3)  # noqa: S311  the same noise each time
    image, wanted = Image.frombytes("RGB", (96, 64), pixels), WRITTEN[name].quality or 0
    sizes = {quality: len(at_quality(image, name, quality)) for quality in range(20, wanted + 1)}
    for quality in (20, 21, 35, 50, wanted - 1, wanted):
        fitting = encoded(image, name, at_most=sizes[quality])
        best = max(each for each, size in sizes.items() if size <= sizes[quality])
        assert fitting == at_quality(image, name, best)


def test_a_budget_that_is_met_anyway_changes_nothing() -> None:
    plain = encoded(scene(), "jpeg")
    assert encoded(scene(), "jpeg", at_most=len(plain)) == plain


@pytest.mark.parametrize("name", LOSSY)
@pytest.mark.parametrize("wanted", [80, 20, 10])
def test_a_budget_that_cannot_be_met_gives_the_lightest(name: str, wanted: int) -> None:
    image = noise()
    lightest = encoded(image, name, replace(WHOLE, quality={name: wanted}), at_most=10)
    assert lightest == at_quality(image, name, min(20, wanted))


def test_a_png_over_its_budget_stays_as_it_is() -> None:
    image = noise()
    assert encoded(image, "png", at_most=10) == encoded(image, "png")


# -- animation ---------------------------------------------------------------------------------------------

COLOURS = tuple(Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue"))


def frames_of(image: Image.Image) -> list[tuple[Image.Image, int]]:
    frames = []
    for index in range(image.n_frames):
        image.seek(index)
        image.load()
        frames.append((image.convert("RGBA"), image.info["duration"]))
    return frames


@pytest.mark.parametrize("name", [name for name, writing in WRITTEN.items() if writing.longest < 100_000])
def test_a_side_as_long_as_its_format_can_have_is_encoded(name: str) -> None:
    most = WRITTEN[name].longest
    for size in ((1, most), (most, 1)):
        assert opened(encoded(Image.new("L", size), name)).size == size


@pytest.mark.parametrize("name", ANIMATED)
def test_an_animation_keeps_its_frames_and_durations(name: str) -> None:
    back = frames_of(animated(name, *COLOURS, durations=(70, 120, 30)))
    assert [duration for _, duration in back] == [70, 120, 30]
    assert [mean_difference(a, b) < 4 for (a, _), b in zip(back, COLOURS, strict=True)] == [True] * 3


@pytest.mark.parametrize("name", ANIMATED)
def test_frames_that_are_alike_last_as_long_as_both(name: str) -> None:
    back = frames_of(animated(name, COLOURS[0], COLOURS[0], COLOURS[1], durations=(70, 120, 30)))
    assert sum(duration for _, duration in back) == 220
    assert mean_difference(back[-1][0], COLOURS[1]) < 4


@pytest.mark.parametrize("plays", [0, 1, 2, 7])
@pytest.mark.parametrize("name", ANIMATED)
def test_an_animation_plays_as_often_as_its_source(name: str, plays: int) -> None:
    back = animated(name, *COLOURS, durations=(40, 40, 40), loop=plays)
    back.fp.seek(0)  # type: ignore[union-attr]
    assert decoded(back.fp.read()).loop == plays  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ANIMATED)
def test_what_was_seen_through_a_frame_is_not_covered_by_the_one_before(name: str) -> None:
    frames = []
    for box in ((0, 0, 16, 32), (16, 0, 32, 32)):
        frame = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
        frame.paste((255, 0, 0, 255), box)
        frames.append(frame)
    back = [frame for frame, _ in frames_of(animated(name, *frames, durations=(40, 40)))]
    assert [(f.getpixel((8, 16))[3], f.getpixel((24, 16))[3]) for f in back] == [(255, 0), (0, 255)]


def test_a_gif_without_durations_keeps_all_its_frames() -> None:
    body = gif((6, 4), [((0, 0, 6, 4), 1 + at, 1, 0) for at in range(3)], 0)
    picture = decoded(body)
    for name in ANIMATED:
        assert opened(file_of(picture, name)).n_frames == 3


@pytest.mark.parametrize("name", STILL)
def test_formats_for_stills_take_the_first_frame(name: str) -> None:
    back = animated(name, *COLOURS, durations=(40, 40, 40))
    assert getattr(back, "n_frames", 1) == 1
    assert mean_difference(back, COLOURS[0]) < 4


@pytest.mark.parametrize("name", ANIMATED)
def test_a_spec_can_ask_for_the_first_frame(name: str) -> None:
    content = file_of(picture_of(*COLOURS), name, replace(WHOLE, animated=False))
    assert opened(content).n_frames == 1


# -- metadata ----------------------------------------------------------------------------------------------


def parts_of(body: bytes) -> set[bytes]:
    """What a file is built of: the kinds of its segments, chunks or extensions."""
    match body[:4]:
        case b"\x89PNG":
            return set(re.findall(rb"[A-Za-z]{4}", b" ".join(png_kinds(body))))
        case b"RIFF":
            return set(riff_kinds(body))
        case b"GIF8":
            return {body[at + 3 : at + 14] for at in range(len(body)) if body[at : at + 3] == b"\x21\xff\x0b"} | (
                {b"comment"} if opened(body).info.get("comment") else set()
            )
        case _ if body.startswith(b"\xff\xd8"):
            return set(jpeg_kinds(body))
    return {kind for kind in (b"Exif", b"mime", b"prof", b"rICC", b"xml", b"uuid") if kind in body}


def png_kinds(body: bytes) -> list[bytes]:
    kinds, at = [], 8
    while at < len(body):
        kinds.append(body[at + 4 : at + 8])
        at += 12 + int.from_bytes(body[at : at + 4], "big")
    return kinds


def riff_kinds(body: bytes) -> list[bytes]:
    kinds, at = [], 12
    while at < len(body):
        kinds.append(body[at : at + 4])
        size = int.from_bytes(body[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return kinds


def jpeg_kinds(body: bytes) -> list[bytes]:
    kinds, at = [], 2
    while body[at + 1] != 0xDA:
        kinds.append(body[at + 1 : at + 2])
        at += 2 + int.from_bytes(body[at + 2 : at + 4], "big")
    return kinds


PIXELS_ONLY = {
    "jpeg": {b"\xe0", b"\xdb", b"\xc2", b"\xc4"},
    "png": {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"},
    "webp": {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"},
    "gif": {b"NETSCAPE2.0"},
}
"""What files of pixels alone are built of; of other formats, `parts_of` names what would hold metadata."""


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "heic"])
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_not_one_mark_of_a_source_is_in_any_rendition(source: str, alpha: bool) -> None:
    body = marked(source, see_through() if alpha and source not in {"jpeg", "bmp"} else scene())
    assert MARK in body
    every = replace(WHOLE, formats=tuple(WRITTEN))
    pad = RenditionSpec("pad", 40, 40, "pad", formats=tuple(WRITTEN))
    fill = RenditionSpec("fill", 20, 20, "fill", sharpen=50, formats=tuple(WRITTEN))
    picture = renditions_of(body, every, pad, fill)
    assert len(picture.files) == 3 * len(WRITTEN)
    for file in picture.files:
        assert MARK not in file.content
        assert parts_of(file.content) <= PIXELS_ONLY.get(file.format, set())
        assert not {"exif", "xmp", "icc_profile", "photoshop"} & opened(file.content).info.keys()
    assert MARK not in base64.b64decode(picture.header.placeholder.partition(",")[2])


@pytest.mark.parametrize("name", ANIMATED)
def test_not_one_mark_of_an_animation_is_in_an_animation(name: str) -> None:
    body = saved(
        scene(),
        "webp",
        save_all=True,
        append_images=[see_through()],
        xmp=MARK,
        exif=b"Exif\0\0" + MARK,
        icc_profile=MARK,
    )
    assert body.count(MARK) == 3
    (file,) = renditions_of(body, replace(WHOLE, formats=(name,))).files
    content = file.content
    assert opened(content).n_frames == 2
    assert MARK not in content
    assert parts_of(content) <= PIXELS_ONLY.get(name, set())


@pytest.mark.parametrize("name", [name for name, writing in WRITTEN.items() if writing.credits])
@pytest.mark.parametrize("frames", [COLOURS[:1], COLOURS], ids=["still", "animation"])
def test_credits_are_embedded_where_asked_and_nothing_else(name: str, frames: tuple[Image.Image, ...]) -> None:
    content = file_of(picture_of(*frames), name, credits=CREDITS)
    back = Image.open(io.BytesIO(content))
    exif = back.getexif()
    assert set(exif) == {ExifTags.Base.Copyright, ExifTags.Base.Artist}, (
        f"the register says credits=True of {name}, and its files carry none"
    )
    assert not {"xmp", "icc_profile", "photoshop"} & back.info.keys()
    assert decoded(content).credits == Credits("© 2026 Die Zeitung", "Jörg Lens")


def test_a_credit_stands_in_for_an_artist_nobody_named() -> None:
    content = file_of(picture_of(COLOURS[0]), "jpeg", credits=Credits(credit="Agentur"))
    assert dict(opened(content).getexif()) == {ExifTags.Base.Artist: "Agentur"}


@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_is_embedded_where_nobody_is_credited(name: str) -> None:
    assert parts_of(encoded(scene(), name)) <= PIXELS_ONLY.get(name, set())


@pytest.mark.parametrize("name", WRITTEN)
def test_the_same_pixels_become_the_same_bytes(name: str) -> None:
    assert encoded(see_through(), name) == encoded(see_through(), name)


# -- the placeholder ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "image",
    [
        scene(),
        see_through(),
        noise((400, 400)),
        noise((400, 400), "RGBA"),
        Image.new("L", (1, 5000)),
        noise((20, 20), "RGBA"),
    ],
)
def test_a_placeholder_is_a_tiny_picture_in_less_than_a_kilobyte(image: Image.Image) -> None:
    uri = placeholder(picture_of(image))
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    assert len(uri) < 1024
    assert max(opened(base64.b64decode(data)).size) <= 20
    assert image.size == picture_of(image).frames[0].size


def test_a_placeholder_looks_like_its_picture() -> None:
    small = opened(base64.b64decode(placeholder(picture_of(scene())).partition(",")[2]))
    assert mean_difference(small, scene().resize(small.size, Image.Resampling.BOX)) < 20


# -- all files of one picture ------------------------------------------------------------------------------

WIDTHS = tuple(RenditionSpec(f"w{width}", width=width, formats=("jpeg", "webp")) for width in (90, 60, 30))


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The format and the spec's name of whatever was encoded."""
    noted: list[tuple[str, str]] = []
    within = Encoder._within

    def noting(self: Encoder, frames: Any, name: str, spec: RenditionSpec, most: int | None) -> bytes:
        noted.append((name, spec.name))
        return within(self, frames, name, spec, most)

    monkeypatch.setattr(Encoder, "_within", noting)
    return noted


def files_of(picture: Picture, specs: Sequence[RenditionSpec]) -> list[File]:
    """Every file of the picture, as `make` has one encoder make them."""
    encoder = Encoder(picture)
    return [
        File(target.spec.name, name, *frames[0].size, encoder.file(frames, name, target, 10**9))
        for target, frames in render(picture, Plan.of(specs, picture.size))
        for name in target.spec.formats
    ]


def test_each_file_has_the_bytes_it_would_have_alone() -> None:
    picture = picture_of(scene())
    alone = [file for spec in WIDTHS for file in files_of(picture, [spec])]
    together = files_of(picture, WIDTHS)
    assert [(file.name, file.format, file.width) for file in together] == [
        (file.name, file.format, file.width) for file in alone
    ]
    assert together[:2] == alone[:2]  # the others are made from larger renditions, not from the source


def test_equal_renditions_of_a_small_source_are_encoded_once(encodings: list[tuple[str, str]]) -> None:
    files = files_of(picture_of(scene(40, 30)), WIDTHS)
    assert [(file.name, file.format) for file in files] == [
        (spec.name, name) for spec in sorted(WIDTHS, key=lambda spec: spec.width != 90) for name in spec.formats
    ]
    assert sorted(encodings) == [("jpeg", "w30"), ("jpeg", "w90"), ("webp", "w30"), ("webp", "w90")]
    assert files[0].content is files[2].content


def test_no_rendition_is_taken_for_another_whose_pixels_are_gone() -> None:
    specs = [RenditionSpec(f"w{width}", width=width, formats=("png",)) for width in range(95, 20, -1)]
    for file, spec in zip(files_of(picture_of(scene()), specs), specs, strict=True):
        assert opened(file.content).size == (file.width, file.height) == spec.shape(96, 64).size


def test_a_frame_that_takes_the_place_of_another_in_memory_is_not_mistaken_for_it() -> None:
    shades = range(0, 250, 10)
    encoder, target = Encoder(picture_of(Image.new("L", (9, 9)))), Target(WHOLE, WHOLE.shape(9, 9))
    files = [encoder.file((Image.new("L", (9, 9), shade),), "png", target, 0) for shade in shades]
    assert [opened(content).convert("L").getpixel((0, 0)) for content in files] == list(shades)


@pytest.mark.parametrize(
    "other",
    [
        {"quality": {"jpeg": 40}},
        {"subsampling": "4:4:4"},
        {"sharpen": 80},
        {"background": "#000000"},
        {"max_bytes": 900},
    ],
    ids=lambda other: next(iter(other)),
)
def test_renditions_of_one_size_that_differ_otherwise_are_encoded_each(
    other: dict[str, Any], encodings: list[tuple[str, str]]
) -> None:
    first = RenditionSpec("first", formats=("jpeg",))
    files = files_of(picture_of(see_through()), [first, replace(first, name="second", **other)])
    assert sorted(encodings) == [("jpeg", "first"), ("jpeg", "second")]
    assert files[0].content != files[1].content


def test_an_effort_of_its_own_and_a_still_of_an_animation_are_encoded_each(encodings: list[tuple[str, str]]) -> None:
    first = RenditionSpec("first", formats=("webp",))
    others = [replace(first, name="effort", effort={"webp": 6}), replace(first, name="still", animated=False)]
    files = files_of(picture_of(*COLOURS), [first, *others])
    assert len(encodings) == 3
    assert [opened(file.content).n_frames for file in files] == [3, 3, 1]


def test_a_file_of_the_sources_format_and_size_is_no_heavier_than_the_source() -> None:
    body = saved(noise(), "jpeg", quality=30)
    of_format = {file.format: file for file in renditions_of(body, replace(WHOLE, formats=("jpeg", "webp"))).files}
    assert len(of_format["jpeg"].content) <= len(body)
    assert of_format["webp"].content == file_of(decoded(body), "webp")


def test_formats_of_one_frame_do_not_learn_of_each_others_options() -> None:
    spec = replace(WHOLE, formats=("jpeg", "webp", "png", "avif"), quality={"jpeg": 30, "webp": 90, "avif": 50})
    image = noise((400, 300))
    files = {file.format: file.content for file in files_of(picture_of(image), [spec])}
    assert files == {name: encoded(image.copy(), name, spec) for name in spec.formats}


def test_what_an_encoder_raises_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", failing)
    with pytest.raises(OSError, match="No space left"):
        encoded(scene(), "png")


def test_a_fault_of_ours_in_an_encoder_is_told_with_what_the_library_said(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = ValueError("Option 'speed' is too large")

    def failing(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(Image.Image, "save", failing)
    with pytest.raises(LibraryError, match="speed") as raised:
        encoded(scene(), "webp")
    assert raised.value.__cause__ is fault
