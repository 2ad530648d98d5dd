"""Mistakes that no single field has: fields that cannot stand together, names that nothing has, results too large.

These look at plain values. A value that is wrong by itself is None here, and its problem is known.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from imaging.formats import AUTO, possible
from imaging.recipe.geometry import CROP, FITS, NEED_BOTH_SIDES, Box, Size
from imaging.recipe.patterns import EVERY_KEY
from imaging.recipe.spec import LONGEST_SIDE, RenditionSpec
from ops.recipe.kinds import ByFormat
from ops.recipe.lines import Path
from ops.recipe.model import EFFORTS, QUALITIES, SUBSAMPLED
from ops.recipe.words import nearest, shown

LARGEST_RESULT = 50_000_000
"""Pixels that a rendition may have whatever its source. More would take the memory of most functions."""

Mistake = tuple[Path, str]
"""Where a mistake stands, and one sentence on it."""
Values = Mapping[str, Any]

DEFAULT = RenditionSpec("default")


def clashes(values: Values) -> Iterator[Mistake]:
    """Every clash of a recipe, in whatever order."""
    renditions = list(tables(values.get("rendition")))
    rules = list(tables(values.get("rule")))
    yield from _same_names(renditions)
    for number, rendition in renditions:
        for path, sentence in (*_of_box(rendition), *_of_formats(rendition)):
            yield ("rendition", number, *path), sentence
    yield from _of_rules(rules, [rendition["name"] for _, rendition in renditions if rendition.get("name")])


def tables(value: Any) -> Iterator[tuple[int, Values]]:
    """The tables of a list and their numbers from 0, without those that are wrong."""
    return ((number, each) for number, each in enumerate(value or ()) if each is not None)


def _same_names(renditions: Iterable[tuple[int, Values]]) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for number, rendition in renditions:
        name = rendition.get("name")
        if name and first.setdefault(name, number) != number:
            earlier = f"[[rendition]] {first[name] + 1}"
            yield ("rendition", number, "name"), f"{earlier} has the name {shown(name)} already; take another."


def _of_box(rendition: Values) -> Iterator[Mistake]:
    fit = rendition.get("fit", DEFAULT.fit)
    missing = [side for side in ("width", "height") if side not in rendition]
    if fit in NEED_BOTH_SIDES and missing:
        yield ("fit",), f"{shown(fit)} needs a width and a height; add {' and '.join(missing)}."
    if fit in FITS and fit not in CROP and rendition.get("gravity"):
        crops = " or ".join(f"fit = {shown(each)}" for each in CROP)
        yield ("gravity",), f"fit = {shown(fit)} crops nothing; write {crops}, or take gravity out."
    if rendition.get("enlarge") and len(missing) == 2:
        yield ("enlarge",), "there is no box to enlarge to; add width or height, or take enlarge out."
    width, height = _least_result(rendition)
    if width * height > LARGEST_RESULT:
        sentence = (
            f"this makes {width:,} x {height:,} pixels of the smallest source, {width * height / 1e6:,.0f} megapixels, "
            f"and {LARGEST_RESULT / 1e6:,.0f} is the limit; make the box smaller"
        )
        enlarge = rendition.get("enlarge")
        yield ("enlarge" if enlarge else "fit",), f"{sentence}{', or take enlarge out' if enlarge else ''}."


def _least_result(rendition: Values) -> Size:
    """The size that a tiny source of the box's shape becomes; 0 where the fit lacks its box, which is told already."""
    fit, width, height = rendition.get("fit", DEFAULT.fit), rendition.get("width"), rendition.get("height")
    if fit not in FITS or (fit in NEED_BOTH_SIDES and None in (width, height)):
        return 0, 0
    across, down = width or height or 1, height or width or 1
    tiny = max(1, 100 * across // max(across, down)), max(1, 100 * down // max(across, down))
    return FITS[fit](tiny, Box(width, height, bool(rendition.get("enlarge")), LONGEST_SIDE)).canvas


def _of_formats(rendition: Values) -> Iterator[Mistake]:
    formats = rendition.get("formats", DEFAULT.formats)
    if not formats:
        return
    names = possible(formats)
    these = f"this rendition makes {', '.join(names)}"
    if "auto" in formats and (twice := [name for name in formats if name in AUTO.values()]):
        yield ("formats",), f'"auto" makes {" and ".join(twice)} already; take one or the other out.'
    if rendition.get("subsampling") and not set(names).intersection(SUBSAMPLED):
        yield ("subsampling",), f"it is for {' and '.join(SUBSAMPLED)}, and {these}; take it out."
    yield from _of_numbers("quality", rendition.get("quality"), QUALITIES, names, these)
    yield from _of_numbers("effort", rendition.get("effort"), EFFORTS, names, these)


def _of_numbers(field: str, value: Any, kind: ByFormat, names: tuple[str, ...], these: str) -> Iterator[Mistake]:
    known = [level.format for level in kind.levels]
    if isinstance(value, int) and not set(known).intersection(names):
        yield (field,), f"it is for {', '.join(known)}, and {these}; take it out."
    if isinstance(value, dict):
        for name in value:
            if name in known and name not in names:
                yield (field, name), f"{these}; add {shown(name)} to formats, or take this out."


def _of_rules(rules: Iterable[tuple[int, Values]], names: list[str]) -> Iterator[Mistake]:
    earlier: dict[str, int] = {}
    for number, rule in rules:
        for index, name in enumerate(rule.get("renditions") or ()):
            if names and name not in names:
                yield (
                    ("rule", number, "renditions", index),
                    f"there is no rendition {shown(name)}; {_instead(name, names)}",
                )
        if match := rule.get("match"):
            before = next((earlier[each] for each in (match, *EVERY_KEY) if each in earlier), None)
            if before is not None:
                yield ("rule", number, "match"), f"[[rule]] {before + 1} takes all its keys; put it before that one."
            earlier.setdefault(match, number)


def _instead(name: str, names: list[str]) -> str:
    meant = nearest(name, names)
    return f"did you mean {shown(meant)}?" if meant else f"there are {', '.join(map(shown, names))}."
