"""The text of recipe.toml as plain values, and the line on which each of them stands.

tomllib says what the text means, and where it stops being TOML. Only tomlkit knows where a value stands: its parser
passes by each of them. (Its rendering would tell as well, but gathers tables that are out of order.)
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from tomlkit.container import OutOfOrderTableProxy
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Item, Key, Table
from tomlkit.parser import Parser
from tomlkit.toml_document import TOMLDocument

from imaging.keys import visible

Path = Sequence[str | int]
"""Where a value stands: the names of fields, and the numbers of list items from 0."""
LONGEST_QUOTE = 120


class NotTomlError(ValueError):
    """The text is no TOML; `line` is where it stops being so, None where nobody can say."""

    def __init__(self, reason: str, line: int | None) -> None:
        self.line = line
        super().__init__(reason)


class Lines:
    """A text in TOML: `values` is what it means."""

    def __init__(self, text: str) -> None:
        try:
            self.values: dict[str, Any] = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise _not_toml(error, text) from error
        parser = _Parser(text)
        try:
            self._document = parser.parse()
        except (TOMLKitError, RecursionError):
            # It loses its way where tables three deep are reopened in turns. Such a recipe is checked without lines.
            self._document = TOMLDocument()
        self._begun = parser.begun

    def line_of(self, path: Path) -> int | None:
        """The line from 1 on which the value at `path` begins, or the nearest table around it; None for the root."""
        here: Any = self._document
        line = None
        for step in path:
            here = _child(here, step)
            line = self._line(here) or line
        return line

    def _line(self, item: Any) -> int | None:
        # A table made by dotted keys has no line of its own: it begins with the first of its fields.
        while item is not None and id(item) not in self._begun:
            item = _first_child(item)
        return None if item is None else self._begun[id(item)][0]


def quoted(text: str, line: int) -> str:
    """One line of the text, in a form that prints."""
    shown = visible(text.split("\n")[line - 1].strip())
    return shown if len(shown) <= LONGEST_QUOTE else f"{shown[:LONGEST_QUOTE]}..."


def _not_toml(error: Exception, text: str) -> NotTomlError:
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    place = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", reason, re.DOTALL)
    if not place:
        return NotTomlError(reason, None)
    return NotTomlError(place[1], int(place[2] or text.rstrip().count("\n") + 1))


class _Parser(Parser):
    """tomlkit's parser, which keeps the line on which each value and each header of a table begins."""

    def __init__(self, text: str) -> None:
        # By identity, for equal values stand in many places; the item is kept, so that no other gets its identity.
        self.begun: dict[int, tuple[int, Item]] = {}
        super().__init__(text)

    def line(self) -> int:
        return self._src.count("\n", 0, self._src.idx) + 1

    def _parse_value(self) -> Item:
        line = self.line()
        item = super()._parse_value()
        self.begun[id(item)] = line, item
        return item

    def _parse_table(self, parent_name: Key | None = None, parent: Table | None = None) -> tuple[Key, Table | AoT]:
        line = self.line()
        key, table = super()._parse_table(parent_name, parent)
        headed = table.body[0] if isinstance(table, AoT) else table  # it has read every [[table]] that follows as well
        self.begun[id(headed)] = line, headed
        return key, table


def _child(parent: Any, step: str | int | None) -> Any:
    try:
        # item(), where there is one: indexing would give a plain bool, whose identity says nothing.
        has_no_item = isinstance(parent, AoT | OutOfOrderTableProxy)
        return parent[step] if has_no_item else parent.item(step)
    except (TOMLKitError, LookupError, TypeError, AttributeError):
        return None


def _first_child(parent: Any) -> Any:
    return _child(parent, next(iter(parent), None) if isinstance(parent, Mapping) else 0)
