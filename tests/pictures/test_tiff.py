"""TIFF by layouts: everything that an editor's program writes is right, and nothing is wrong without a word."""

import io
import itertools
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from imaging.errors import Rejection
from imaging.exchange import File, Order
from imaging.pictures.making import make
from imaging.pictures.tiff import pages
from imaging.recipe.spec import RenditionSpec
from tests.builders import tiff

WIDTH, HEIGHT = 70, 37
ORDER = Order((RenditionSpec("all", formats=("png",)),))


@dataclass(frozen=True)
class Kind:
    """One layout to write: the meaning of samples, their depth, and how they are laid down."""

    meaning: str
    dtype: str
    extra: str
    planar: bool
    order: str
    compression: str | None
    predictor: bool
    tiled: bool


def card() -> Any:
    """Eight-bit RGB: a gradient across, another down, and a step of blue."""
    across = np.linspace(10, 245, WIDTH)[None, :].repeat(HEIGHT, 0)
    down = np.linspace(240, 20, HEIGHT)[:, None].repeat(WIDTH, 1)
    blue = np.where(across > 128, 200.0, 60.0)
    return np.stack([across, down, blue], axis=-1).round().astype("uint8")


RGB = card()
GREY = RGB[..., 0]
ALPHA = np.linspace(255, 64, HEIGHT)[:, None].repeat(WIDTH, 1).round().astype("uint8")
INKS = np.concatenate([255 - RGB, np.zeros((HEIGHT, WIDTH, 1), "uint8")], axis=-1)
LAB = np.asarray(Image.fromarray(RGB).resize((WIDTH, HEIGHT)))


def colours_of(kind: Kind) -> tuple[Any, str]:
    """The samples of the card in eight bits, and what tifffile calls their meaning."""
    match kind.meaning:
        case "grey":
            return GREY[..., None], "minisblack"
        case "inverted":
            return (255 - GREY)[..., None], "miniswhite"
        case "rgb":
            return RGB, "rgb"
        case "cmyk":
            return INKS, "separated"
        case _:
            lightness, sign = GREY[..., None], np.zeros((HEIGHT, WIDTH, 2), "uint8")
            return np.concatenate([lightness, sign], axis=-1), "cielab"


def written(kind: Kind) -> bytes:
    """The card in this layout."""
    colours, photometric = colours_of(kind)
    extras: list[str] = []
    if kind.extra != "none":
        alpha = ALPHA[..., None]
        if kind.extra == "assocalpha":
            colours = (colours.astype("float") * alpha / 255).round().astype("uint8")
        colours = np.concatenate([colours, alpha if kind.extra != "unspecified" else 255 - alpha], axis=-1)
        extras = [kind.extra]
    samples: Any = colours
    if kind.dtype == "uint16":
        samples = colours.astype("uint16") * 257
    elif kind.dtype == "uint32":
        samples = colours.astype("uint32") * 16843009
    elif kind.dtype.startswith("float"):
        samples = (colours.astype("float64") / 255).astype(kind.dtype)
    elif kind.dtype == "int16":
        samples = colours.astype("int16")
    if samples.shape[-1] == 1:
        samples = samples[..., 0]
    elif kind.planar:
        samples = np.moveaxis(samples, -1, 0)
    file = io.BytesIO()
    options: dict[str, Any] = {"tile": (16, 32)} if kind.tiled else {"rowsperstrip": 10}
    if kind.planar and samples.ndim == 3:
        options["planarconfig"] = "separate"
    elif samples.ndim == 3:
        options["planarconfig"] = "contig"
    tifffile.imwrite(
        file,
        samples,
        photometric=photometric,
        byteorder=kind.order,  # type: ignore[arg-type]
        compression=kind.compression,
        predictor=kind.predictor or None,
        extrasamples=extras or None,
        metadata=None,
        **options,
    )
    return file.getvalue()


def kinds() -> Iterator[Kind]:
    packings: list[tuple[str | None, bool]] = [
        *[(None, False), ("lzw", False), ("lzw", True), ("deflate", False), ("deflate", True), ("packbits", False)]
    ]
    for meaning, dtype, extra, planar, order, (compression, predictor), tiled in itertools.product(
        ("grey", "inverted", "rgb", "cmyk", "lab"),
        ("uint8", "uint16", "uint32", "int16", "float16", "float32", "float64"),
        ("none", "unassalpha", "assocalpha", "unspecified"),
        (False, True),
        ("<", ">"),
        packings,
        (False, True),
    ):
        if planar and meaning in ("grey", "inverted") and extra == "none":
            continue  # one sample has no planes
        if dtype not in ("uint8", "uint16") and (order, predictor, compression in (None, "lzw")) != ("<", False, True):
            continue  # of depths that are refused, a part is enough
        yield Kind(meaning, dtype, extra, planar, order, compression, predictor, tiled)


def as_seen(body: bytes) -> Any:
    """The rendition's pixels, RGBA."""
    *_, file = make(body, ORDER)
    assert isinstance(file, File)
    return np.asarray(Image.open(io.BytesIO(file.content)).convert("RGBA"), dtype="int32")


def expected(kind: Kind) -> Any:
    """What the card looks like in this layout, RGBA."""
    grey = np.stack([GREY] * 3, axis=-1)
    if kind.meaning == "lab":
        lab = Image.merge("LAB", [Image.fromarray(GREY), *[Image.new("L", (WIDTH, HEIGHT), 128)] * 2])
        from PIL import ImageCms  # noqa: PLC0415

        transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
        converted = ImageCms.applyTransform(lab, transform)
        assert converted is not None
        colours = np.asarray(converted)
    else:
        colours = grey if kind.meaning in ("grey", "inverted") else RGB
    alpha = ALPHA if kind.extra in ("unassalpha", "assocalpha") else np.full_like(ALPHA, 255)
    return np.concatenate([colours, alpha[..., None]], axis=-1).astype("int32")


def outcome(kind: Kind) -> str:
    """How the layout ends: right, wrong, or the code of its rejection."""
    try:
        seen = as_seen(written(kind))
    except Rejection as rejection:
        return "refused" if rejection.code == "unsupported-format" else f"{kind}: {rejection} {rejection.cause}"
    wanted = expected(kind)
    if seen.shape != wanted.shape:
        return "wrong"
    # Colours multiplied by alpha have lost bits where they are see-through.
    tolerance = 8 if kind.extra == "assocalpha" else 3
    return "right" if np.abs(seen - wanted).max() <= tolerance else "wrong"


def an_editor_writes(kind: Kind) -> bool:
    """Whether Photoshop and its like write such files: eight and sixteen bits, but no premultiplied inks."""
    premultiplied = kind.extra == "assocalpha" and kind.meaning not in ("grey", "rgb")
    return kind.dtype in ("uint8", "uint16") and not premultiplied


@pytest.mark.slow
def test_every_layout_is_right_or_refused(counted: Callable[[str], None]) -> None:
    ends = Counter[str]()
    missed: list[Kind] = []
    wrong: list[tuple[Kind, str]] = []
    for kind in kinds():
        end = outcome(kind)
        ends[end] += 1
        if end not in ("right", "refused"):
            wrong.append((kind, end))
        elif end == "refused" and an_editor_writes(kind):
            missed.append(kind)
    counted(f"TIFF layouts: {ends.total():,}, of them {ends['right']:,} right and {ends['refused']:,} refused")
    assert wrong == []
    assert missed == []


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_depth_between_is_refused_by_its_number(bits: int) -> None:
    file = io.BytesIO()
    samples = (GREY.astype("uint16") * (2**bits - 1) // 255).astype("uint16")
    tifffile.imwrite(file, samples, photometric="minisblack", bitspersample=bits, metadata=None)
    with pytest.raises(Rejection, match=f"stores {bits} bits per channel"):
        as_seen(file.getvalue())


def test_a_reduced_copy_that_comes_first_is_not_the_picture() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        tiff.write(RGB[::8, ::8], photometric="rgb", subfiletype=1, metadata=None)
        tiff.write(RGB, photometric="rgb", metadata=None)
    assert as_seen(file.getvalue()).shape == (HEIGHT, WIDTH, 4)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("planar", [False, True])
def test_a_picture_that_is_put_together_is_upright(orientation: int, planar: bool) -> None:
    file = io.BytesIO()
    samples = RGB.astype("uint16") * 257
    samples = np.moveaxis(samples, -1, 0) if planar else samples
    tifffile.imwrite(
        file,
        samples,
        photometric="rgb",
        planarconfig="separate" if planar else "contig",
        metadata=None,
        extratags=[(274, 3, 1, orientation, True)],
    )
    turned = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1),
        7: RGB[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(RGB),
    }[orientation]
    seen = as_seen(file.getvalue())[..., :3]
    assert seen.shape == turned.shape
    assert np.abs(seen - turned.astype("int32")).max() <= 3


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "packbits"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("planar", [False, True])
def test_a_file_cut_anywhere_is_truncated_or_damaged_and_never_wrong(
    compression: str | None, dtype: str, planar: bool
) -> None:
    kind = Kind("rgb", dtype, "none", planar, "<", compression, predictor=False, tiled=False)
    body = written(kind)
    for part in range(1, 39):
        with pytest.raises(Rejection) as rejected:
            as_seen(body[: len(body) * part // 39])
        assert rejected.value.code == "truncated", (part, str(rejected.value), rejected.value.cause)


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("inverted", [False, True])
def test_few_bits_of_grey_are_shades_of_grey(bits: int, inverted: bool) -> None:
    levels = (1 << bits) - 1
    shades = np.array([[0, 1, levels - 1, levels]], "uint8")
    packed = bytes(np.packbits(np.unpackbits(shades.reshape(-1, 1), axis=1)[:, 8 - bits :].reshape(-1)))
    body = tiff((4, 1), 1, bits, 0 if inverted else 1, packed)
    wanted = (levels - shades if inverted else shades).astype("int32") * 255 // levels
    assert np.abs(as_seen(body)[..., 0] - wanted).max() <= 1


def test_a_strip_of_plain_rows_may_say_that_it_is_longer_than_the_file() -> None:
    body = tiff((4, 4), 3, 8, 2, bytes(48))
    at = body.index(struct.pack("<HHI", 279, 4, 1)) + 8
    assert as_seen(body[:at] + struct.pack("<I", 35_711_440) + body[at + 4 :]).shape == (4, 4, 4)


def test_more_depths_than_samples_are_ignored() -> None:
    page = next(pages(tiff((4, 4), 3, 8, 2, bytes(48))))
    assert page.bits == (8, 8, 8)
    assert replace(page, tags={**page.tags, 258: (8, 8, 8, 1)}).bits == (8, 8, 8)
