"""The whole way of a picture: every file of an order, or one rejection."""

import contextlib
import io
import random
import struct
import warnings
import zlib
from functools import cache

import pytest
from PIL import Image

from imaging.errors import Rejection
from imaging.exchange import File, Header, Measure, Order
from imaging.pictures.making import make
from imaging.pictures.opening import NO_END
from imaging.recipe.spec import Limits, RenditionSpec
from tests.builders import (
    CANVAS,
    CORNER,
    HALF,
    SOURCES,
    decoded,
    deep,
    gif,
    marked,
    mutants,
    opened,
    oriented,
    png,
    png_chunk,
    png_with,
    rejection_of,
    renditions_of,
    saved,
    scene,
    see_through,
    still,
    tiff,
    worst_difference,
)
from tests.profiles import cmyk_profile, p3_profile

SMALL = RenditionSpec("small", width=24)


# -- the way of a picture ----------------------------------------------------------------------------------


def test_the_size_comes_before_the_header_and_the_header_before_every_file() -> None:
    specs = (RenditionSpec("small", 24, formats=("webp", "auto")), RenditionSpec("large", 48, formats=("gif",)))
    measure, header, *files = make(saved(see_through(), "png"), Order(specs))
    assert measure == Measure("png", 96, 64)
    assert isinstance(header, Header)
    assert (header.format, header.width, header.height, header.frames) == ("png", 96, 64, 1)
    sizes = [(file.name, file.format, file.width, file.height) for file in files if isinstance(file, File)]
    assert sizes == [("large", "gif", 48, 32), ("small", "webp", 24, 16), ("small", "png", 24, 16)]
    assert [opened(file.content).size for file in files if isinstance(file, File)] == [(48, 32), (24, 16), (24, 16)]


def test_a_size_is_told_upright_and_of_the_whole_source() -> None:
    for answer in list(make(oriented(scene(), 6, "jpeg"), Order((SMALL,))))[:2]:
        assert isinstance(answer, Measure | Header)
        assert (answer.width, answer.height) == (96, 64)


def test_a_size_is_told_before_a_pixel_is_decoded_and_a_fault_in_the_pixels_comes_after_it() -> None:
    answers = make(saved(scene(), "jpeg")[:-400], Order((SMALL,)))
    assert next(answers) == Measure("jpeg", 96, 64)
    with pytest.raises(Rejection, match="truncated"):
        next(answers)


def test_the_focal_point_of_the_order_is_what_a_crop_keeps() -> None:
    spec = RenditionSpec("one", 16, 64, "fill", gravity="focal", formats=("png",))
    for focal_point, left in (((0.0, 0.5), 0), ((1.0, 0.5), 80)):
        (file,) = renditions_of(saved(scene(), "png"), spec, focal_point=focal_point).files
        assert worst_difference(opened(file.content), scene().crop((left, 0, left + 16, 64))) == 0


def test_nothing_is_left_of_a_warning_that_pillow_gives() -> None:
    before = list(warnings.filters)
    for body in (saved(scene(), "tiff"), saved(scene(), "tiff")[:-9]):
        with contextlib.suppress(Rejection):
            for _ in make(body, Order((SMALL,))):
                assert list(warnings.filters) == before
        assert list(warnings.filters) == before


def test_what_is_made_of_one_picture_is_not_changed_by_the_one_before() -> None:
    bodies = [source() for source in SOURCES.values()]
    alone = [renditions_of(body, SMALL).files for body in bodies]
    assert [renditions_of(body, SMALL).files for body in reversed(bodies)] == alone[::-1]


@pytest.mark.slow
def test_a_canvas_of_144_megapixels_around_a_dot_is_made() -> None:
    spec = RenditionSpec("canvas", 12_000, 12_000, "pad", background="#102030", formats=("jpeg",))
    (file,) = renditions_of(saved(Image.new("RGB", (10, 10), "red"), "png"), spec).files
    assert (file.width, file.height) == (12_000, 12_000)
    head = Image.open(io.BytesIO(file.content))
    assert head.size == (12_000, 12_000)
    head.draft("RGB", (1500, 1500))
    assert max(abs(a - b) for a, b in zip(head.getpixel((9, 9)), (0x10, 0x20, 0x30), strict=True)) <= 3  # type: ignore[arg-type]


# -- a PNG whose pixels are whole --------------------------------------------------------------------------


def test_a_chunk_that_nobody_needs_between_two_frames_does_no_harm() -> None:
    body = saved(scene(), "png", save_all=True, append_images=[see_through(), scene()], duration=40)
    at = body.rindex(b"fdAT") - 4
    answers = list(make(body[:at] + png_chunk(b"pHYs", b"") + body[at:], Order((SMALL,))))
    assert answers[0] == Measure("png", 96, 64)
    assert isinstance(answers[1], Header)
    assert (answers[1].frames, answers[1].warnings) == (3, ())


@pytest.mark.parametrize("after", [False, True], ids=["before the pixels", "after the pixels"])
@pytest.mark.parametrize(
    ("count", "kind", "data"),
    [
        (8, b"zTXt", b"k\0\0" + zlib.compress(b"a" * 1_000_000)),
        (8, b"tEXt", b"k\0" + b"a" * 1_000_000),
        (8, b"iTXt", b"k\0\1\0\0\0" + zlib.compress(b"a" * 1_000_000)),
    ],
)
def test_texts_that_are_too_many_to_be_read_are_a_warning(count: int, kind: bytes, data: bytes, after: bool) -> None:
    body = saved(see_through(), "png")
    at = body.rindex(b"\0\0\0\0IEND") if after else 33
    picture = decoded(body[:at] + count * png_chunk(kind, data) + body[at:])
    assert worst_difference(picture.frames[0], see_through(), "RGBA") == 0
    assert "too large" in picture.warnings[0]


@pytest.mark.parametrize(("kind", "head"), [(b"iTXt", b"k\0\1\0\0\0"), (b"zTXt", b"k\0\0")])
def test_a_text_that_swells_is_rejected_in_words(kind: bytes, head: bytes) -> None:
    body = png_with(saved(scene(), "png"), kind, head + zlib.compress(b"a" * 2_000_000))
    fault = rejection_of(body)
    assert (fault.code, "swells to over 1 MB" in fault.reason) == ("damaged", True)


def test_a_colour_profile_too_large_to_be_read_is_a_warning() -> None:
    profile = png_chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(2_000_000)))
    body = saved(scene(), "png")
    picture = decoded(body[:33] + profile + body[33:])
    assert worst_difference(picture.frames[0], scene()) == 0
    assert "too large" in picture.warnings[0]


@cache
def files() -> dict[str, bytes]:
    """A small file of every kind there is: what truncation and mutation work on."""
    fax = scene().convert("1")
    animation = {"save_all": True, "append_images": [see_through(), scene()], "duration": 40}
    return {
        "jpeg": saved(scene(), "jpeg"),
        "jpeg-progressive": saved(scene(), "jpeg", progressive=True),
        "jpeg-cmyk": saved(scene().convert("CMYK"), "jpeg", icc_profile=cmyk_profile()),
        "jpeg-marked": marked("jpeg", scene()),
        "png": saved(scene(), "png"),
        "png-palette": saved(scene().quantize(16), "png"),
        "png-deep": png((96, 64), 6, 16, deep(see_through().tobytes())),
        "png-marked": marked("png", see_through()),
        "apng": saved(scene(), "png", **animation),
        "gif": marked("gif", scene()),
        "gif-animated": gif(CANVAS, [((0, 0, *CANVAS), 1, 1, 10), (HALF, 2, 2, 20), (CORNER, 3, 3, 30)], 0),
        "webp": saved(scene(), "webp"),
        "webp-lossless": saved(see_through(), "webp", lossless=True, icc_profile=p3_profile()),
        "webp-animated": saved(scene(), "webp", **animation),
        "tiff": saved(scene(), "tiff"),
        "tiff-fax": saved(fax, "tiff", compression="group4"),
        "tiff-jpeg": saved(scene(), "tiff", compression="jpeg"),
        "tiff-marked": marked("tiff", scene()),
        "bmp": saved(scene(), "bmp"),
        "avif": saved(scene(), "avif"),
    }


@pytest.mark.parametrize("name", files())
def test_a_file_cut_short_is_rejected_or_shows_whole_frames_but_never_half_ones(name: str) -> None:
    body = files()[name]
    frames = decoded(body).frames
    for share in range(1, 60):
        try:
            picture = decoded(body[: len(body) * share // 60])
        except Rejection:
            continue
        cut = picture.frames
        assert len(cut) == len(frames) or NO_END in picture.warnings, f"{name} cut at {share}/60 lost frames"
        for one, other in zip(cut, frames, strict=False):
            assert worst_difference(one, other, "RGBA") == 0, f"{name} cut at {share}/60 changed"


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "bmp", "webp", "tiff"])
def test_a_file_cut_in_the_middle_says_so(name: str) -> None:
    body = files()[name]
    fault = rejection_of(body[: len(body) // 2])
    assert fault.code in {"truncated", "damaged"}
    assert fault.reason.endswith(".")
    assert fault.advice.endswith(".")


def test_a_png_whose_extras_are_damaged_shows_its_pixels_with_a_warning() -> None:
    body = saved(see_through(), "png")
    spoiled = png_chunk(b"tEXt", b"Comment\0hello")[:-1] + b"!"
    for extra in (spoiled, png_chunk(b"iCCP", b"name\0\x7f"), png_chunk(b"cHRM", b""), png_chunk(b"pHYs", b"")):
        picture = decoded(body[:33] + extra + body[33:])
        assert worst_difference(picture.frames[0], see_through(), "RGBA") == 0
        assert [warning.partition(" is damaged")[0] for warning in picture.warnings] == ["Something besides the pixels"]


def test_what_else_is_wrong_with_such_a_png_is_said_too() -> None:
    body = saved(scene(), "png")
    picture = decoded(body[:33] + png_chunk(b"pHYs", b"") + png_chunk(b"eXIf", b"II*\0\xff") + body[33:])
    assert ["pixels" in warning for warning in picture.warnings] == [True, False]
    assert "EXIF" in picture.warnings[1]


def test_a_png_whose_animation_is_damaged_is_rejected() -> None:
    body = saved(scene(), "png", save_all=True, append_images=[see_through(), scene()], duration=40)
    for extra in (b"", png_chunk(b"pHYs", b"")):
        lying = body.replace(b"fcTL\0\0\0\1", b"fcTL\0\0\0\7")
        assert rejection_of(lying[:33] + extra + lying[33:]).code == "damaged"


def test_a_gif_cut_between_a_frame_and_what_announces_the_next_is_truncated() -> None:
    body = files()["gif-animated"]
    for at in [at for at in range(len(body)) if body[at:].startswith(b"!\xf9")][1:]:
        assert rejection_of(body[: at + 8]).code == "truncated"


def test_a_gif_cut_after_a_whole_frame_is_shown_with_a_warning() -> None:
    """It is the same as one that lacks its end mark alone, which many programs write."""
    body = files()["gif-animated"]
    starts = [at for at in range(len(body)) if body[at:].startswith(b"!\xf9")]
    for frames in (1, 2):
        picture = decoded(body[: starts[frames]])
        assert (len(picture.frames), picture.warnings) == (frames, (NO_END,))


def test_a_gif_may_be_padded_behind_its_end_and_a_still_one_need_not_have_one() -> None:
    assert len(decoded(files()["gif-animated"] + b"\0" * 9).frames) == 3
    body = saved(scene().quantize(8), "gif")
    assert worst_difference(still(body), still(body.removesuffix(b";"))) == 0


@pytest.mark.parametrize("size", [struct.pack(">I4s", 99, b"mdat"), struct.pack(">I4sQ", 1, b"mdat", 99)])
def test_a_heic_shorter_than_its_boxes_say_is_truncated_for_libheif_would_make_the_missing_tiles_green(
    size: bytes,
) -> None:
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1")
    whole = (head + size).ljust(20 + 99, b"\7")
    assert rejection_of(whole[:-1]).code == "truncated"
    assert rejection_of(whole).code == "damaged"  # for want of a picture, not of bytes
    assert rejection_of(whole + b"remark of a camera").code == "damaged"


def test_a_tiff_cut_in_what_stands_behind_its_pixels_is_truncated_for_its_colours_would_be_others() -> None:
    def tagged(at: int) -> bytes:
        return tiff((4, 4), 3, 8, 2, b"\x40" * 48, (34675, 7, len(p3_profile()), at))

    body = tagged(len(tagged(0))) + p3_profile()
    assert decoded(body).warnings == ()
    assert rejection_of(body[:-9]).code == "truncated"


def test_a_jpeg_that_breaks_off_is_truncated_in_words() -> None:
    fault = rejection_of(saved(scene(), "jpeg")[:-400])
    assert fault.code == "truncated"
    assert "breaks off" in fault.reason
    assert "Upload the original again" in fault.advice


def test_a_damaged_file_is_rejected_with_its_format_in_the_reason() -> None:
    body = bytearray(saved(scene(), "png"))
    body[60:120] = b"\0" * 60
    fault = rejection_of(bytes(body))
    assert fault.code == "damaged"
    assert "PNG" in fault.reason


@pytest.mark.parametrize("body", [b"", b"\xff", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"RIFF\0\0\0\0WEBP"])
def test_a_file_of_next_to_nothing_is_rejected(body: bytes) -> None:
    assert rejection_of(body).code in {"unsupported-format", "damaged", "truncated"}


@pytest.mark.parametrize("name", files())
def test_whatever_a_file_is_damaged_to_only_a_rejection_escapes(name: str) -> None:
    limits = Limits(pixels=400_000, animation_pixels=800_000)
    specs = (SMALL, RenditionSpec("square", width=16, height=16, fit="fill", gravity="smart"))
    rejected = []
    for mutant in mutants(files()[name], random.Random(name), 120):  # noqa: S311  damage, not a secret
        try:
            answers = list(make(mutant, Order(specs, limits)))
        except Rejection as fault:
            rejected.append(fault)
        else:
            assert len(answers) >= 2 + len(specs)
    assert rejected
    for fault in rejected:
        assert fault.reason.endswith(".")
        assert fault.advice.endswith(".")
        library = fault.cause.split(": ", 1)[-1]
        assert not library or library not in str(fault)
        assert fault.cause or fault.code not in {"damaged", "truncated"} or " 0 " in str(fault)
