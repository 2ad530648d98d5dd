"""The check of recipe.toml: every problem at once, each with its line, what was found there and the fix."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from pydantic import ValidationError

from imaging.errors import RecipeError
from imaging.keys import visible
from ops.recipe import overlays
from ops.recipe.clashes import Mistake, clashes, tables
from ops.recipe.lines import Lines, NotTomlError, Path, quoted
from ops.recipe.model import RecipeTable, RenditionTable
from ops.recipe.overlays import OverlayError
from ops.recipe.words import ELSEWHERE, Node, fields_of, nearest, node_of, shown, takes

OF_THE_RECIPE = set(RecipeTable.model_fields) - {"rendition", "rule"}
"""Fields of the whole recipe. TOML gives what stands below a [[rendition]] to that rendition."""


class Problem(NamedTuple):
    """One mistake: its line from 1 and that line's text, where there is one; what was found, and the fix."""

    line: int | None
    quoted: str
    sentence: str

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}: "
        return place + self.sentence + (f"\n      {self.quoted}" if self.quoted else "")


class InvalidRecipeError(RecipeError):
    """The recipe is not valid; `mistakes` holds every problem, in the order of lines."""

    def __init__(self, mistakes: Iterable[Problem], where: str) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(map(str, self.mistakes), where)


@dataclass(frozen=True)
class Checked:
    """A recipe without mistakes, and the content of its overlays by the path that the recipe names."""

    recipe: RecipeTable
    overlays: Mapping[str, bytes]


def checked(text: str, folder: FilePath, where: str) -> Checked:
    """The recipe in `text`, whose overlays stand in `folder`; InvalidRecipeError for what is none."""
    try:
        lines = Lines(text)
    except NotTomlError as error:
        raise InvalidRecipeError([_problem(text, error.line, f"this is not TOML: {error}.")], where) from error
    headings = dict(_headings(lines.values))
    recipe, of_fields = _validated(lines.values)
    content, of_overlays = _read_overlays(lines.values, folder)
    mistakes = [*of_fields, *clashes(lines.values), *of_overlays]
    if recipe is None or mistakes:
        problems = [
            _problem(text, lines.line_of(path), f"{_place(path, headings)}: {sentence}") for path, sentence in mistakes
        ]
        raise InvalidRecipeError(sorted(problems, key=lambda problem: problem.line or 0), where)
    return Checked(recipe, content)


def _problem(text: str, line: int | None, sentence: str) -> Problem:
    return Problem(line, quoted(text, line) if line else "", sentence)


def _headings(values: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """How the renditions and rules are called in problems: by what they are named, or else by their number."""
    for kind, field in (("rendition", "name"), ("rule", "match")):
        tables = values.get(kind)
        for number, table in enumerate(tables if isinstance(tables, list) else ()):
            name = table.get(field) if isinstance(table, dict) else None
            yield (kind, number), f"{kind} {shown(name)}" if isinstance(name, str) else f"[[{kind}]] {number + 1}"


def _place(path: Path, headings: Mapping[Path, str]) -> str:
    heading = headings.get(path[:2])
    names = [visible(step) for step in path[2 if heading else 0 :] if isinstance(step, str)]
    return ", ".join([heading, *names] if heading else names)


def _validated(values: dict[str, Any]) -> tuple[RecipeTable | None, list[Mistake]]:
    """The recipe, or what is wrong with single fields. Wrong values become None, for TOML itself has no null."""
    try:
        return RecipeTable.model_validate(values), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    for each in errors:
        _blank(values, each["loc"])
    return None, [_mistake(each["type"], each["loc"], each["input"], each.get("ctx", {})) for each in errors]


def _blank(values: Any, path: Path) -> None:
    """Make the value at `path` None, and a whole list of texts when one of them is wrong."""
    if len(path) > 2 and isinstance(path[-1], int):
        path = path[:-1]
    for step in path[:-1]:
        values = values[step]
    values[path[-1]] = None


def _mistake(kind: str, path: Path, value: Any, context: Mapping[str, Any]) -> Mistake:
    match kind:
        case "extra_forbidden":
            return path, _unknown(path)
        case "missing":
            return path, f"found nothing; write {takes(node_of(path))}."
        case "twice":
            path = (*path, context["index"])
            return path, f"found {shown(value[context['index']])} twice; write it once."
        case _:
            node = node_of(path)
            return path, f"found {shown(value)}; {_fix(path, value, node)}."


def _unknown(path: Path) -> str:
    *around, name = path
    if around and name in OF_THE_RECIPE:
        return "it is a field of the whole recipe; move it to the top, above the first [[rendition]]."
    if name in RenditionTable.model_fields and around[:1] != ["rendition"]:
        return "it is a field of a rendition; move it below a [[rendition]]."
    known = fields_of(node_of(around))
    meant = nearest(str(name), known)
    advice = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}."
    return f"there is no such field; {advice}"


def _fix(path: Path, value: Any, node: Node) -> str:
    names = node.get("enum", ())
    if not isinstance(value, str) or not names:
        return f"write {takes(node)}"
    field = next(step for step in reversed(path) if isinstance(step, str))
    if ours := ELSEWHERE.get(field, {}).get(value.lower()):
        return f"what other programs call {shown(value)} is {shown(ours)} here; write {shown(ours)}"
    meant = nearest(value, names)
    return f"did you mean {shown(meant)}? Write {takes(node)}" if meant else f"write {takes(node)}"


def _read_overlays(values: Mapping[str, Any], folder: FilePath) -> tuple[dict[str, bytes], list[Mistake]]:
    """The content of every overlay by its path, and what is wrong with those that cannot be one."""
    content: dict[str, bytes] = {}
    mistakes: list[Mistake] = []
    for number, rendition in tables(values.get("rendition")):
        file = (rendition.get("overlay") or {}).get("file")
        if file is None:
            continue
        try:
            content[file] = overlays.read(folder / file)
        except OverlayError as error:
            mistakes.append((("rendition", number, "overlay", "file"), f"the file {shown(file)} {error}."))
    return content, mistakes
