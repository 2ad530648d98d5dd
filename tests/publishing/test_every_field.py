"""Each field that a manifest can have is filled by some upload: one that is only declared helps no site."""

from collections.abc import Iterator
from typing import Any, get_args

from imaging.errors import needs_too_much_memory
from imaging.publishing.entry import Entry, bare, stored_fields
from imaging.publishing.manifest import Manifest
from imaging.publishing.reconciling import reconcile
from ops.memory import MemoryStorage
from tests.builders import exif, saved, scene
from tests.cards import cicp, png_of
from tests.making import InProcess, Instant
from tests.recipes import DIGEST, recipe

KEY = "a/cat.jpg"
HINTS = {"alt": "A cat", "credit": "Agency", "focal-point": "0.3,0.4", "renditions": "thumb, none"}


def refuse(_body: bytes) -> None:
    """Raises what a picture that is too large for the function ends in."""
    raise needs_too_much_memory(1, (4, 4), 1)


def filled(entry: Entry) -> Iterator[tuple[type, str]]:
    """The class and the name of every field that this manifest, or a value in it, stores."""
    for name in stored_fields(type(entry)):  # type: ignore[arg-type]  # mypy takes the class for its instances
        if name in entry.plain():
            yield type(entry), name
        value = getattr(entry, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Entry):
                yield from filled(each)


def declared(kind: Any) -> Iterator[tuple[type, str]]:
    """The same of every field that the class, and those of its values, declares."""
    for name, below in stored_fields(kind).items():
        yield kind, name
        for each in (bare(below), *get_args(bare(below))):
            if isinstance(each, type) and issubclass(each, Entry):
                yield from declared(each)


def test_every_field_of_a_manifest_is_filled_by_some_upload() -> None:
    storage, with_recipe = MemoryStorage(), recipe("thumb", "large", template=DIGEST)
    makers = (InProcess(), InProcess(), Instant(memory=1 << 29, refuse=refuse))
    found: set[tuple[type, str]] = set()
    for maker, colour in zip(makers, ("red", "blue", "black"), strict=True):
        image = scene()
        image.paste(colour, (0, 0, 40, 40))
        storage.upload(KEY, saved(image, "jpeg", exif=exif(Copyright="© Ada", Artist="Ada")), HINTS)
        manifest = reconcile(KEY, with_recipe, storage, maker).manifest
        assert manifest
        found |= set(filled(manifest))
    storage.upload(KEY, png_of(scene(), cicp(9, 16)))  # a high dynamic range
    bright = reconcile(KEY, with_recipe, storage, InProcess()).manifest
    assert bright
    found |= set(filled(bright))
    storage.remove(KEY)
    reconcile(KEY, with_recipe, storage, InProcess())
    storage.upload(KEY, saved(scene(), "jpeg"))
    comes_back = reconcile(KEY, with_recipe, storage, InProcess()).manifest
    assert comes_back
    found |= set(filled(comes_back))
    assert set(declared(Manifest)) - found == set(), "no upload fills these: see imaging/publishing/changing.py"
