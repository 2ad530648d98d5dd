"""A file is opened within the recipe's limits, before a pixel of it is decoded."""

import struct

import pytest
from PIL import Image

from imaging.errors import Rejection
from imaging.formats import FORMATS
from imaging.pictures.containers import refuse_many_pixels
from imaging.pictures.jpeg import scans as scans_of
from imaging.pictures.opening import opened
from imaging.recipe.spec import Limits, RenditionSpec
from tests.builders import CANVAS, DOT, decoded, exif, gif, heic, jpeg_of_scans, png_chunk, rejection_of, saved, scene

STILL = RenditionSpec("still", animated=False)


def test_a_heic_is_asked_of_its_plugin_and_a_broken_one_is_rejected() -> None:
    body = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40
    assert rejection_of(body).code in {"damaged", "truncated"}


def test_a_heic_with_an_item_that_would_end_the_process_is_rejected() -> None:
    body = heic()
    assert decoded(body).frames
    at = body.index(b"hvc1", body.index(b"infe"))
    assert rejection_of(body[:at] + b"\x45\xea\x69\x66" + body[at + 4 :]).code == "damaged"


def test_a_picture_of_exactly_the_limit_is_decoded_and_one_row_over_is_not() -> None:
    limits = Limits(pixels=96 * 64)
    assert decoded(saved(scene(), "png"), limits=limits).frames
    fault = rejection_of(saved(scene(96, 65), "png"), limits=limits)
    assert fault.code == "too-many-pixels"
    assert "96 x 65" in fault.reason


def test_the_advice_for_a_picture_too_large_is_a_size_that_fits() -> None:
    limits = Limits(pixels=20_000)
    fault = rejection_of(saved(scene(300, 100), "png"), limits=limits)
    side = int("".join(c for c in fault.advice if c.isdigit()))
    assert decoded(saved(scene(side, side // 3), "png"), limits=limits).frames
    assert side > 200


@pytest.mark.parametrize("size", [(65_000, 65_000), (2**31 - 1, 2**31 - 1)])
def test_a_header_that_lies_about_its_size_is_refused_before_a_pixel_is_decoded(size: tuple[int, int]) -> None:
    body = bytearray(saved(scene(8, 8), "png"))
    body[8:33] = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    assert rejection_of(bytes(body)).code == "too-many-pixels"


def test_an_avif_that_tells_a_size_beyond_its_decoders_own_limit_is_refused_for_its_pixels() -> None:
    body = bytearray(saved(scene(), "avif"))
    at = body.index(b"ispe") + 8
    body[at : at + 8] = struct.pack(">II", 17_000, 17_000)
    fault = rejection_of(bytes(body))
    assert fault.code == "too-many-pixels"
    assert "17,000 x 17,000" in fault.reason


@pytest.mark.parametrize("scans", [20, 64])
def test_a_jpeg_of_as_many_scans_as_allowed_is_decoded(scans: int) -> None:
    body = jpeg_of_scans(scans)
    assert len([*scans_of(body)]) == scans
    assert decoded(body).frames


def test_a_jpeg_of_one_scan_over_the_limit_is_refused() -> None:
    fault = rejection_of(jpeg_of_scans(65))
    assert fault.code == "too-many-scans"
    assert "64" in fault.reason


def test_scans_hidden_behind_fill_bytes_count() -> None:
    body = jpeg_of_scans(65).replace(b"\xff\xda", b"\xff\xff\xff\xda")
    assert rejection_of(body).code == "too-many-scans"


def test_an_animation_of_exactly_the_limit_is_decoded_and_one_frame_over_is_not() -> None:
    def of_frames(count: int) -> bytes:
        return gif(CANVAS, [(DOT, 1 + at % 3, 1, 2) for at in range(count)], 0)

    limits = Limits(animation_pixels=6 * 4 * 10)
    assert len(decoded(of_frames(10), limits=limits).frames) == 10
    fault = rejection_of(of_frames(11), limits=limits)
    assert fault.code == "too-many-frames"
    assert "11 frames" in fault.reason


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False], ids=["the first frame", "a later frame"])
def test_a_gif_does_not_outgrow_its_canvas_beyond_the_limit(first: bool) -> None:
    patches = [(DOT, 1, 2, 2), (DOT, 2, 2, 2)]
    body = bytearray(gif(CANVAS, patches, 0))
    at = body.find(b"\x2c") if first else body.rfind(b"\x2c")
    body[at + 1 : at + 9] = struct.pack("<4H", 0, 0, 65_535, 65_535)
    fault = rejection_of(bytes(body))
    assert fault.code == "too-many-pixels"
    assert Image.MAX_IMAGE_PIXELS is None


def test_the_limit_of_animations_does_not_bind_stills() -> None:
    limits = Limits(animation_pixels=10)
    assert decoded(saved(scene(), "png"), limits=limits).frames
    body = gif(CANVAS, [(DOT, 1, 1, 2)] * 3, 0)
    assert len(decoded(body, STILL, limits=limits).frames) == 1


def test_the_pages_of_a_tiff_are_not_counted() -> None:
    pages = saved(Image.new("L", (4, 4)), "tiff", save_all=True, append_images=[Image.new("L", (4, 4))] * 50)
    assert len(decoded(pages, limits=Limits(animation_pixels=16)).frames) == 1


@pytest.mark.parametrize("at", [6, 8])
def test_a_gif_whose_canvas_has_no_side_takes_the_size_of_its_first_frame(at: int) -> None:
    body = bytearray(gif(CANVAS, [((0, 0, 5, 3), 1, 1, 2)], 0))
    body[at : at + 2] = bytes(2)
    assert decoded(bytes(body)).size == (5, 3)


def test_a_picture_without_a_pixel_is_damaged_and_says_what_size_it_claims() -> None:
    with pytest.raises(Rejection, match="0 x 64 pixels") as rejected:
        refuse_many_pixels(0, 64, Limits())
    assert rejected.value.code == "damaged"


def test_a_still_that_no_spec_wants_to_move_is_not_searched_for_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(_image: Image.Image) -> int:
        raise AssertionError("its frames were counted")

    monkeypatch.setattr("PIL.GifImagePlugin.GifImageFile.n_frames", property(counted))
    assert len(decoded(gif(CANVAS, [(DOT, 1, 1, 2)] * 3, 0), STILL).frames) == 1


def test_an_upright_size_is_that_of_the_stored_one_turned() -> None:
    jpeg, specs = FORMATS["jpeg"], (STILL,)
    for orientation, size in ((1, (96, 64)), (4, (96, 64)), (5, (64, 96)), (8, (64, 96))):
        body = saved(scene(), "jpeg", exif=exif(Orientation=orientation))
        file = opened(body, jpeg, specs, Limits())
        assert (file.orientation, file.size, file.turned(file.size)) == (orientation, size, (96, 64))
