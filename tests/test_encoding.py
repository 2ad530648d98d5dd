import base64
import io
import itertools
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import ExifTags, Image

from imaging import encoding
from imaging.decoding import Credits, Picture
from imaging.encoding import encode, encode_all, formats_of, placeholder
from imaging.model import FORMATS, RenditionSpec
from imaging.rendering import render
from tests.pictures import (
    MARK,
    WHOLE,
    decoded,
    gif,
    marked,
    mean_difference,
    opened,
    saved,
    scene,
    see_through,
    worst_difference,
)

SOURCES = ("jpeg", "png", "gif", "tiff", "bmp", "webp", "avif")
CREDITS = Credits("© 2026 Die Zeitung", "Jörg Lens", "Agentur")


def picture_of(*frames: Image.Image, durations: tuple[int, ...] | None = None, loop: int = 0) -> Picture:
    return Picture("png", *frames[0].size, frames, durations or (40,) * len(frames), loop)


def made(image: Image.Image, name: str, spec: RenditionSpec = WHOLE, at_most: int | None = None) -> bytes:
    return encode([image], name, spec, picture_of(image), at_most=at_most)


def animated(name: str, *frames: Image.Image, durations: tuple[int, ...], loop: int = 0) -> Image.Image:
    picture = picture_of(*frames, durations=durations, loop=loop)
    return Image.open(io.BytesIO(encode(frames, name, WHOLE, picture)))


def noise(size: tuple[int, int] = (96, 64), mode: str = "RGB") -> Image.Image:
    return Image.merge(mode, [Image.effect_noise(size, 120) for _ in mode])


# -- formats -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_mode_becomes_a_picture_of_every_format(name: str, mode: str) -> None:
    image = see_through().convert(mode)
    back = opened(made(image, name))
    assert (back.format, back.size) == (name.upper(), image.size)
    if not mode.endswith("A"):
        assert mean_difference(back, image) < (12 if name == "gif" else 7)


@pytest.mark.parametrize("name", ["png", "webp", "avif"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_kept_by_formats_that_have_it(name: str, mode: str) -> None:
    back = opened(made(see_through().convert(mode), name))
    assert mean_difference(back.convert("RGBA").getchannel("A"), see_through().getchannel("A"), "L") < 2


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_gif_keeps_what_is_wholly_transparent(mode: str) -> None:
    image = Image.new(mode, (16, 16), (255, 255) if mode == "LA" else (255, 255, 255, 255))
    image.paste((0, 0) if mode == "LA" else (0, 0, 0, 0), (0, 0, 8, 16))
    back = opened(made(image, "gif")).convert("RGBA")
    assert (back.getpixel((4, 8))[3], back.getpixel((12, 8))) == (0, (255, 255, 255, 255))


def test_a_jpeg_is_flattened_on_the_background_of_its_spec() -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((255, 0, 0, 128), (0, 0, 16, 32))
    back = opened(made(image, "jpeg", replace(WHOLE, background="#0000ff", subsampling="4:4:4")))
    assert back.mode == "RGB"
    for at, wanted in ((4, (128, 0, 127)), (28, (0, 0, 255))):
        assert max(abs(a - b) for a, b in zip(back.getpixel((at, 16)), wanted, strict=True)) <= 4
    assert opened(made(Image.new("LA", (8, 8), (0, 0)), "jpeg")).getpixel((4, 4)) in {255, (255, 255, 255)}


def test_auto_is_a_jpeg_where_nothing_shines_through_and_a_png_elsewhere() -> None:
    spec = replace(WHOLE, formats=("webp", "auto", "png"))
    assert formats_of(spec, scene()) == ["webp", "jpeg", "png"]
    assert formats_of(spec, see_through()) == ["webp", "png"]
    assert formats_of(spec, Image.new("LA", (1, 1))) == ["webp", "png"]


def test_a_jpeg_is_progressive_and_subsampled_unless_the_spec_says_otherwise() -> None:
    plain = made(scene(), "jpeg")
    assert opened(plain).info["progressive"]
    assert sampling(plain) == (2, 2)
    assert sampling(made(scene(), "jpeg", replace(WHOLE, subsampling="4:4:4"))) == (1, 1)


def sampling(body: bytes) -> tuple[int, int]:
    """The sampling factors of the first component, across and down."""
    at = body.index(b"\xff\xc2")
    return body[at + 11] >> 4, body[at + 11] & 15


def test_a_png_has_a_palette_where_that_loses_nothing_and_only_there() -> None:
    few = scene().quantize(40).convert("RGB")
    content = made(few, "png")
    assert opened(content).mode == "P"
    assert worst_difference(opened(content), few) == 0
    assert len(content) < len(saved(few, "png", optimize=True))
    assert opened(made(noise(), "png")).mode == "RGB"
    assert worst_difference(opened(made(see_through(), "png")), see_through(), "RGBA") == 0


def test_a_png_of_few_colours_with_alpha_is_the_same_picture() -> None:
    few = Image.new("RGBA", (32, 32), (255, 0, 0, 77))
    few.paste((0, 0, 255, 255), (0, 0, 16, 16))
    few.paste((9, 9, 9, 0), (16, 16, 32, 32))
    assert worst_difference(opened(made(few, "png")), few, "RGBA") == 0


def test_a_palette_that_would_lose_a_colour_is_not_taken() -> None:
    near = Image.new("RGBA", (16, 15))
    near.putdata([(100 + at // 16, 100 + at % 16, 100, 100 + at % 7) for at in range(240)])
    assert worst_difference(opened(made(near, "png")), near, "RGBA") == 0


# -- quality and bytes -------------------------------------------------------------------------------------


def at_quality(image: Image.Image, name: str, quality: int) -> bytes:
    return made(image, name, replace(WHOLE, quality={name: quality}))


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_quality_is_80_or_what_the_spec_says_for_the_format(name: str) -> None:
    plain, low = made(scene(), name), made(scene(), name, replace(WHOLE, quality={name: 35, "other": 99}))
    assert plain == at_quality(scene(), name, 80)
    assert len(low) < len(plain)


@pytest.mark.parametrize("name", ["png", "gif"])
def test_lossless_formats_have_no_quality(name: str) -> None:
    assert made(scene(), name) == at_quality(scene(), name, 5)


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_a_byte_budget_is_met_with_the_highest_quality_that_meets_it(name: str) -> None:
    image = noise()
    budget = len(at_quality(image, name, 50))
    found = made(image, name, at_most=budget)
    quality = next(quality for quality in range(79, 49, -1) if at_quality(image, name, quality) == found)
    assert len(found) <= budget < len(at_quality(image, name, quality + 1))


def test_a_budget_that_is_met_anyway_changes_nothing() -> None:
    plain = made(scene(), "jpeg")
    assert made(scene(), "jpeg", at_most=len(plain)) == plain


@pytest.mark.parametrize("name", ["jpeg", "webp"])
@pytest.mark.parametrize("wanted", [80, 20, 10])
def test_a_budget_that_cannot_be_met_gives_the_lightest(name: str, wanted: int) -> None:
    found = made(noise(), name, replace(WHOLE, quality={name: wanted}), at_most=10)
    lowest = at_quality(noise(), name, min(20, wanted))
    assert abs(len(found) - len(lowest)) < len(lowest) / 10


def test_a_png_over_its_budget_stays_as_it_is() -> None:
    image = noise()
    assert made(image, "png", at_most=10) == made(image, "png")


# -- animation ---------------------------------------------------------------------------------------------

COLOURS = tuple(Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue"))


def frames_of(image: Image.Image) -> list[tuple[Image.Image, int]]:
    found = []
    for index in range(image.n_frames):
        image.seek(index)
        image.load()
        found.append((image.convert("RGBA"), image.info["duration"]))
    return found


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", "gif"])
def test_a_side_as_long_as_its_format_can_have_is_encoded(name: str) -> None:
    most = FORMATS[name].longest
    for size in ((1, most), (most, 1)):
        assert opened(made(Image.new("L", size), name)).size == size


@pytest.mark.parametrize("name", ["webp", "gif"])
def test_an_animation_keeps_its_frames_and_durations(name: str) -> None:
    back = frames_of(animated(name, *COLOURS, durations=(70, 120, 30)))
    assert [duration for _, duration in back] == [70, 120, 30]
    assert [mean_difference(a, b) < 4 for (a, _), b in zip(back, COLOURS, strict=True)] == [True] * 3


@pytest.mark.parametrize("name", ["webp", "gif"])
def test_frames_that_are_alike_last_as_long_as_both(name: str) -> None:
    back = frames_of(animated(name, COLOURS[0], COLOURS[0], COLOURS[1], durations=(70, 120, 30)))
    assert sum(duration for _, duration in back) == 220
    assert mean_difference(back[-1][0], COLOURS[1]) < 4


@pytest.mark.parametrize("plays", [0, 1, 2, 7])
@pytest.mark.parametrize("name", ["webp", "gif"])
def test_an_animation_plays_as_often_as_its_source(name: str, plays: int) -> None:
    back = animated(name, *COLOURS, durations=(40, 40, 40), loop=plays)
    back.fp.seek(0)  # type: ignore[union-attr]
    assert decoded(back.fp.read()).loop == plays  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["webp", "gif"])
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
    for name in ("webp", "gif"):
        assert Image.open(io.BytesIO(encode(picture.frames, name, WHOLE, picture))).n_frames == 3


@pytest.mark.parametrize("name", ["jpeg", "png", "avif"])
def test_formats_for_stills_take_the_first_frame(name: str) -> None:
    back = animated(name, *COLOURS, durations=(40, 40, 40))
    assert getattr(back, "n_frames", 1) == 1
    assert mean_difference(back, COLOURS[0]) < 4


@pytest.mark.parametrize("name", ["webp", "gif"])
def test_a_spec_can_ask_for_the_first_frame(name: str) -> None:
    content = encode(COLOURS, name, replace(WHOLE, animated=False), picture_of(*COLOURS))
    assert Image.open(io.BytesIO(content)).n_frames == 1


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
    return {kind for kind in (b"Exif", b"mime", b"prof", b"rICC", b"xml") if kind in body}


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
    "avif": set(),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_not_one_mark_of_a_source_is_in_any_rendition(source: str, alpha: bool) -> None:
    body = marked(source, see_through() if alpha and source not in {"jpeg", "bmp"} else scene())
    assert MARK in body
    specs = (WHOLE, RenditionSpec("pad", 40, 40, "pad"), RenditionSpec("fill", 20, 20, "fill", sharpen=50))
    picture = decoded(body, *specs)
    for (spec, frames), name in itertools.product(render(picture, specs), FORMATS):
        content = encode(frames, name, spec, picture)
        assert MARK not in content
        assert parts_of(content) <= PIXELS_ONLY[name]
        assert not {"exif", "xmp", "icc_profile", "comment", "photoshop"} & opened(content).info.keys()
    assert MARK not in base64.b64decode(placeholder(picture).partition(",")[2])


@pytest.mark.parametrize("name", ["webp", "gif"])
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
    picture = decoded(body)
    content = encode(picture.frames, name, WHOLE, picture)
    assert MARK not in content
    assert parts_of(content) <= PIXELS_ONLY[name]


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("frames", [COLOURS[:1], COLOURS], ids=["still", "animation"])
def test_credits_are_embedded_where_asked_and_nothing_else(name: str, frames: tuple[Image.Image, ...]) -> None:
    content = encode(frames, name, WHOLE, picture_of(*frames), credits=CREDITS)
    back = Image.open(io.BytesIO(content))
    exif = back.getexif()
    assert set(exif) == {ExifTags.Base.Copyright, ExifTags.Base.Artist}
    assert not {"xmp", "icc_profile", "comment", "photoshop"} & back.info.keys()
    assert decoded(content).credits == ("© 2026 Die Zeitung", "Jörg Lens", "")


def test_a_credit_stands_in_for_an_artist_nobody_named() -> None:
    content = encode(COLOURS[:1], "jpeg", WHOLE, picture_of(*COLOURS[:1]), credits=Credits(credit="Agentur"))
    assert dict(opened(content).getexif()) == {ExifTags.Base.Artist: "Agentur"}


@pytest.mark.parametrize("name", FORMATS)
def test_credits_of_which_there_are_none_are_not_embedded(name: str) -> None:
    plain = made(scene(), name)
    assert encode([scene()], name, WHOLE, picture_of(scene()), credits=Credits()) == plain


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_pixels_become_the_same_bytes(name: str) -> None:
    assert made(see_through(), name) == made(see_through(), name)


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


# -- all of them -------------------------------------------------------------------------------------------

WIDTHS = tuple(RenditionSpec(f"w{width}", width=width, formats=("jpeg", "webp")) for width in (90, 60, 30))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What `encode` was called with: format, spec's name, bound, and whether beside the caller."""
    noted: list[tuple[Any, ...]] = []

    def noting(*arguments: Any, at_most: int | None = None, **others: Any) -> bytes:
        _, name, spec, _ = arguments
        noted.append((name, spec.name, at_most, threading.current_thread() is not threading.main_thread()))
        return encode(*arguments, at_most=at_most, **others)

    monkeypatch.setattr(encoding, "encode", noting)
    return noted


def test_all_files_come_in_the_order_rendered_with_the_bytes_each_would_have_alone() -> None:
    picture = picture_of(scene())
    expected = [
        (spec, name, frames[0].size, encode(frames, name, spec, picture))
        for spec, frames in render(picture, WIDTHS)
        for name in spec.formats
    ]
    assert [tuple(each) for each in encode_all(render(picture, WIDTHS), picture)] == expected


def test_equal_renditions_of_a_small_source_are_encoded_once(calls: list[tuple[Any, ...]]) -> None:
    picture = picture_of(scene(40, 30))
    files = list(encode_all(render(picture, WIDTHS), picture))
    assert [(each.spec.name, each.format) for each in files] == [
        (spec.name, name) for spec in sorted(WIDTHS, key=lambda spec: spec.width != 90) for name in spec.formats
    ]
    assert sorted(call[:2] for call in calls) == [("jpeg", "w30"), ("jpeg", "w90"), ("webp", "w30"), ("webp", "w90")]
    assert files[0].content is files[2].content
    assert all(call[3] for call in calls), "the caller is free meanwhile"


def test_no_rendition_is_taken_for_another_whose_pixels_are_gone() -> None:
    picture = picture_of(scene())
    specs = [RenditionSpec(f"w{width}", width=width, formats=("png",)) for width in range(95, 20, -1)]
    for each in encode_all(render(picture, specs), picture):
        assert opened(each.content).size == each.size == (each.spec.width, round((each.spec.width or 0) * 2 / 3))


@pytest.mark.parametrize(
    "other", [{"quality": {"jpeg": 40}}, {"subsampling": "4:4:4"}, {"sharpen": 80}, {"background": "#000000"}]
)
def test_renditions_of_one_size_that_differ_otherwise_are_encoded_each(
    other: dict[str, Any], calls: list[tuple[Any, ...]]
) -> None:
    picture = picture_of(see_through())
    first = RenditionSpec("first", formats=("jpeg",))
    files = list(encode_all(render(picture, [first, replace(first, name="second", **other)]), picture))
    assert len(calls) == 2
    assert files[0].content != files[1].content


def test_files_of_the_same_pixels_with_other_bounds_are_encoded_each(calls: list[tuple[Any, ...]]) -> None:
    picture = picture_of(noise())
    specs = [RenditionSpec("any", formats=("jpeg",)), RenditionSpec("light", formats=("jpeg",), max_bytes=2000)]
    files = list(encode_all(render(picture, specs), picture, lambda spec, *_: spec.max_bytes))
    assert sorted(call[1:3] for call in calls) == [("any", None), ("light", 2000)]
    assert len(files[1].content) <= 2000 < len(files[0].content)


@pytest.mark.parametrize(("widths", "ahead"), [((80, 78, 76, 74), 2), ((60, 40, 20, 10), 4), ((96, 90, 60, 30), 3)])
def test_what_waits_to_be_encoded_has_no_more_pixels_than_the_picture(widths: tuple[int, ...], ahead: int) -> None:
    picture = picture_of(scene(96, 64))
    done = []

    def rendering() -> Iterator[Any]:
        for spec, frames in render(picture, [RenditionSpec(f"w{width}", width, formats=("png",)) for width in widths]):
            done.append(spec)
            yield spec, frames

    files = encode_all(rendering(), picture)
    next(files)
    assert len(done) == ahead
    files.close()


def test_what_an_encoder_raises_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> bytes:
        raise MemoryError

    monkeypatch.setattr(encoding, "encode", full)
    picture = picture_of(scene())
    with pytest.raises(MemoryError):
        list(encode_all(render(picture, WIDTHS), picture))


def test_formats_encoded_side_by_side_from_one_frame_are_as_if_alone() -> None:
    spec = replace(WHOLE, formats=("jpeg", "webp", "png", "avif"), quality={"jpeg": 30, "webp": 90, "avif": 50})
    for _ in range(5):
        image = noise((400, 300))
        every = {one.format: one.content for one in encode_all([(spec, [image])], picture_of(image))}
        assert every == {name: made(image, name, spec) for name in spec.formats}


def test_a_frame_that_takes_the_place_of_another_in_memory_is_not_mistaken_for_it() -> None:
    shades = range(0, 250, 10)
    specs = [replace(WHOLE, name=f"s{shade}", formats=("png",)) for shade in shades]
    each = ((spec, [Image.new("L", (9, 9), shade)]) for spec, shade in zip(specs, shades, strict=True))
    every = encode_all(each, picture_of(Image.new("L", (9, 9))))
    assert [opened(one.content).convert("L").getpixel((0, 0)) for one in every] == list(shades)
