"""JPEGs that lack their end mark, and JPEGs that lack pixels: the first are shown, the second never are."""

import io

import pytest
from PIL import Image

from imaging.errors import Rejection
from imaging.pictures import jpeg
from imaging.recipe.spec import RenditionSpec
from tests.builders import decoded, rejection_of, saved, scene, worst_difference

WHOLE = RenditionSpec("whole", formats=("png",))
SMALL = RenditionSpec("small", width=80)
END = b"\xff\xd9"
TRAILERS = {
    "a video": b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40,
    "zeros": bytes(5000),
    "another JPEG": saved(scene(40, 30), "jpeg"),
}


def photo(*, progressive: bool) -> bytes:
    return saved(scene(640, 480), "jpeg", quality=90, progressive=progressive)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("trailer", "end"),
    # Where the first of two JPEGs ends without a mark, the second is part of it.
    [(trailer, end) for trailer in ("", *TRAILERS) for end in (b"", END) if end or trailer != "another JPEG"],
)
def test_a_jpeg_whose_pixels_are_all_there_is_published(progressive: bool, trailer: str, end: bytes) -> None:
    body = photo(progressive=progressive)
    other = body.removesuffix(END) + end + TRAILERS.get(trailer, b"")
    picture = decoded(other, WHOLE)
    assert worst_difference(picture.frames[0], decoded(body, WHOLE).frames[0], "RGB") == 0
    assert picture.warnings == ()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("end", [b"", END])
@pytest.mark.parametrize("spec", [WHOLE, SMALL])
@pytest.mark.parametrize("part", range(2, 39, 4))
def test_a_jpeg_that_was_cut_is_truncated_with_and_without_an_end_mark(
    progressive: bool, end: bytes, spec: RenditionSpec, part: int
) -> None:
    body = photo(progressive=progressive)
    try:
        picture = decoded(body[: len(body) * part // 39].rstrip(b"\xff") + end, spec)
    except Rejection as rejection:
        code = rejection.code
    else:  # the last scans of a progressive picture bring detail that a small rendition hardly has
        same = worst_difference(picture.frames[0], decoded(body, spec).frames[0], "RGB") <= 6
        code = "truncated" if progressive and end and spec is SMALL and same else "published"
    assert code == "truncated"


@pytest.mark.parametrize("spec", [WHOLE, SMALL])
@pytest.mark.parametrize("at", [0.3, 0.5, 0.8])
def test_a_hole_in_the_middle_shifts_the_picture_and_is_truncated(spec: RenditionSpec, at: float) -> None:
    body = photo(progressive=False)
    start = int(len(body) * at)
    with pytest.raises(Rejection) as rejected:
        decoded(body[:start] + body[start + 800 :], spec)
    assert rejected.value.code == "truncated"


def test_a_picture_with_a_corner_of_one_colour_is_whole() -> None:
    image = Image.new("RGB", (400, 300), "white")
    image.paste(scene(100, 100), (20, 20))
    for progressive in (False, True):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", progressive=progressive)
        assert decoded(buffer.getvalue(), SMALL).warnings == ()


def test_a_healthy_photo_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decodes: list[str] = []
    filled = jpeg._filled
    monkeypatch.setattr(jpeg, "_filled", lambda body: decodes.append("again") or filled(body))
    photo_with_detail = scene(640, 480)
    photo_with_detail.paste(Image.effect_noise((64, 64), 80).convert("RGB"), (576, 416))
    decoded(saved(photo_with_detail, "jpeg", quality=90), SMALL)
    assert decodes == []


def test_a_progressive_jpeg_of_one_rough_scan_is_truncated() -> None:
    body = photo(progressive=True)
    first, second, *_ = jpeg.scans(body)
    assert rejection_of(body[: first.end] + END).code == "truncated"
    assert rejection_of(body[: second.end] + END).code == "truncated"
    assert not jpeg.lacks_scans(body)
    assert not jpeg.lacks_scans(photo(progressive=False))


@pytest.mark.parametrize("cut", range(60))
def test_any_beginning_of_a_jpeg_is_walked_without_an_error(cut: int) -> None:
    body = photo(progressive=True)
    start = next(jpeg.scans(body)).start
    jpeg.lacks_scans(body[: start + cut])
    list(jpeg.scans(body[: start + cut]))
