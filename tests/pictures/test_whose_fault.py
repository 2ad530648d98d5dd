"""A fault of ours, planted into each function of imaging.pictures in turn, escapes as what it is.

Were one of our functions called within a call of a library, its faults would be blamed on the file, and an editor told
that a perfect picture is damaged.
"""

import functools
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, ModuleType
from typing import Any

import pytest
from PIL import Image

from imaging import pictures
from imaging.exchange import Order
from imaging.formats import WRITTEN
from imaging.pictures import making
from imaging.recipe.spec import Overlay, RenditionSpec
from tests.builders import (
    CANVAS,
    CORNER,
    HALF,
    deep,
    gif,
    heic,
    jpeg_of_scans,
    jpeg_segment,
    marked,
    png,
    png_with,
    saved,
    scene,
    see_through,
    tiff,
)
from tests.cards import chrm, cicp, exif_of, gama, jpeg_of, png_of, tiff_of
from tests.profiles import cmyk_profile

SPECS = (
    RenditionSpec("smart", 16, 16, "fill", gravity="smart", sharpen=50),
    RenditionSpec("still", 20, animated=False, formats=("avif", "gif"), max_bytes=300),
    RenditionSpec(
        "pad", 30, 30, "pad", overlay=Overlay(saved(see_through((8, 8)), "png")), formats=("jpeg", "png", "webp")
    ),
    RenditionSpec("whole", 40, formats=("auto", *WRITTEN)),
)
"""What is made of every file: each fit, each format, and all that a rendition can ask for."""


@functools.cache
def files() -> dict[str, bytes]:
    """Files that between them reach every function, the common ones first."""
    jpeg, palette = marked("jpeg", scene(800, 600)), scene().quantize(16)
    return {
        "a JPEG with profile, EXIF, XMP and IPTC": jpeg,
        "a PNG with a palette and transparency": saved(palette, "png", transparency=3),
        "an animated GIF": gif(CANVAS, [(HALF, 1, 1, 10), (CORNER, 2, 2, 20)], 0),
        "a GIF that breaks off": gif(CANVAS, [(HALF, 1, 1, 10), (CORNER, 2, 2, 20)], 0)[:-4],
        "an animated PNG": saved(see_through(), "png", save_all=True, append_images=[scene()], duration=40),
        "an animated WebP": saved(see_through(), "webp", save_all=True, append_images=[scene()], duration=40),
        "a deep PNG": png((4, 4), 0, 16, deep(bytes(16))),
        "an AVIF": saved(scene(), "avif"),
        "a HEIC": heic(),
        "a JPEG that XMP credits": saved(scene(), "jpeg", xmp=b"<dc:creator><b>Ada</b></dc:creator>"),
        "a TIFF": tiff((4, 4), 3, 8, 2, bytes(48)),
        "a deep TIFF with alpha": tiff((4, 4), 4, 16, 2, deep(bytes(64), "<"), (338, 3, 1, 2)),
        "a TIFF of differences": saved(see_through(), "tiff", compression="tiff_lzw", tiffinfo={317: 2}),
        "a JPEG of a printer": saved(scene().convert("CMYK"), "jpeg", icc_profile=cmyk_profile()),
        "a JPEG of a camera's own colours": jpeg_of(scene(), exif=exif_of(65_535)),
        "a JPEG with another picture": jpeg_of(scene(), jpeg_segment(0xE2, b"MPF\0")) + jpeg_of(scene(8, 8)),
        "a PNG of linear light": png_of(scene(), gama(1), chrm()),
        "a TIFF with a curve": tiff_of(scene(), table=[value * 257 for value in range(256)]),
        **{f"a PNG of curve {transfer}": png_of(scene(), cicp(9, transfer)) for transfer in (7, 17, 16, 18)},
        # Files with a fault, for the functions that put it into words:
        "a PNG with damaged extras": png_with(saved(scene(), "png"), b"pHYs", b""),
        "a JPEG that breaks off": saved(scene(), "jpeg")[:-400],
        "a WebP that breaks off": saved(scene(), "webp")[:-100],
        "a BMP that breaks off": saved(scene(), "bmp")[:-100],
        "a JPEG of many scans": jpeg_of_scans(65),
        "a PDF": b"%PDF-1.7\n",
        "an XML document": b"<?xml version='1.0'?><feed/>",
        "a video": b"\0\0\0\x14ftypisom\0\0\0\0isom",
        "a RAW photo": b"II*\0\x10\0\0\0CR\2\0",
    }


# -- every function ----------------------------------------------------------------------------------------


MODULES = [
    importlib.import_module(f"{pictures.__name__}.{each.name}") for each in pkgutil.iter_modules(pictures.__path__)
]
NOT_FOR_A_PICTURE = ("libraries.know_all", "vips._failure")
"""What runs before the first picture, and what puts a failure of libvips into words."""


def functions() -> Iterator[tuple[str, ModuleType | type, str, Callable[..., Any]]]:
    """Every function and method of the package: where it stands, its owner, its name and itself."""
    for module in MODULES:
        short = module.__name__.rpartition(".")[2]
        for name, thing in list(vars(module).items()):
            if getattr(thing, "__module__", "") != module.__name__:
                continue
            if isinstance(thing, type):
                for inner, method in list(vars(thing).items()):
                    plain = function_of(method)
                    if plain and not inner.startswith("__"):
                        yield f"{short}.{name}.{inner}", thing, inner, plain
            elif plain := function_of(thing):
                yield f"{short}.{name}", module, name, plain


def function_of(thing: object) -> Callable[..., Any] | None:
    """The function in a property, a class method, a cache or a context manager; None in anything else."""
    if isinstance(thing, property):
        return thing.fget
    if isinstance(thing, classmethod):
        return thing.__func__
    inner = getattr(thing, "__wrapped__", thing)
    return inner if hasattr(inner, "__code__") else None


FUNCTIONS = {place: (owner, name, function) for place, owner, name, function in functions()}


@functools.cache
def first_to_reach() -> dict[CodeType, str]:
    """For each function that was called, the first of the files over which it was."""
    first: dict[CodeType, str] = {}
    forget()

    def note(frame: FrameType, _event: str, _argument: object, /) -> None:
        first.setdefault(frame.f_code, file)

    for file, body in files().items():  # noqa: B007  note() reads it
        before = sys.getprofile()
        sys.setprofile(note)
        try:
            outcome_of(body)
        finally:
            sys.setprofile(before)
    return first


def forget() -> None:
    """Empty the caches, so that what they keep is worked out anew."""
    for module in MODULES:
        for thing in vars(module).values():
            if hasattr(thing, "cache_clear"):
                thing.cache_clear()


def outcome_of(body: bytes) -> BaseException | None:
    """What the whole way raises over this file."""
    try:
        list(making.make(body, Order(SPECS, credit="Agency", embed_credit=True)))
    except BaseException as raised:  # noqa: BLE001  whatever it is, a test looks at it
        return raised
    return None


@pytest.mark.parametrize("kind", [RuntimeError, KeyError])
@pytest.mark.parametrize("place", [place for place in FUNCTIONS if place not in NOT_FOR_A_PICTURE])
def test_a_fault_of_ours_is_never_blamed_on_the_file(
    place: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, function = FUNCTIONS[place]
    file = first_to_reach().get(function.__code__)
    assert file, f"no file of tests/pictures/test_whose_fault.py reaches {place}: add one to files()"
    fault = kind("planted, and truncated")  # in the words of a library

    def failing(*_: Any, **__: Any) -> Any:
        raise fault

    plant(monkeypatch, owner, name, failing)
    forget()
    assert outcome_of(files()[file]) is fault
    forget()


def plant(monkeypatch: pytest.MonkeyPatch, owner: ModuleType | type, name: str, failing: Callable[..., Any]) -> None:
    """Put `failing` wherever this function stands: where it is defined, imported to, or listed in a table."""
    whole = vars(owner)[name]
    if isinstance(owner, type):
        alike = {property: property, classmethod: classmethod}.get(type(whole), lambda function: function)
        monkeypatch.setattr(owner, name, alike(failing))
        return
    for module in MODULES:
        for known, thing in list(vars(module).items()):
            if thing is whole:
                monkeypatch.setattr(module, known, failing)
            if isinstance(thing, dict) and not known.startswith("__"):
                for key, value in thing.items():
                    if value is whole:
                        monkeypatch.setitem(thing, key, failing)


def test_every_file_ends_as_it_is_meant_to_where_nothing_is_planted() -> None:
    outcomes = {file: getattr(outcome_of(body), "code", None) for file, body in files().items()}
    assert [code for code in outcomes.values() if code] == [
        *("truncated", "truncated", "truncated", "truncated", "too-many-scans", *["unsupported-format"] * 4)
    ]


def test_want_of_memory_is_never_blamed_on_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [body for body in files().values() if outcome_of(body) is None]
    for name in ("load", "convert", "resize", "crop", "copy", "filter", "paste", "save", "tobytes", "quantize"):
        with monkeypatch.context() as patch:
            want = MemoryError()

            def failing(*_: Any, _want: MemoryError = want, **__: Any) -> Any:
                raise _want

            patch.setattr(Image.Image, name, failing)
            outcomes = [outcome_of(body) for body in bodies]
            assert any(outcome is want for outcome in outcomes), name
            assert {type(outcome) for outcome in outcomes} <= {MemoryError, type(None)}, name
