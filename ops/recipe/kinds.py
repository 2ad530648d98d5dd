"""The kinds of values in recipe.toml that pydantic has no type for: a name of a few, a text, one number a format."""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

TAKES = "takes"
"""The keyword by which a schema puts in words what a field takes. No editor knows it, so it does not leave `ops`."""


@dataclass(frozen=True)
class OneOf:
    """A text that is one of these names."""

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(list(self.names))


@dataclass(frozen=True)
class Matching:
    """A text that is the whole of `pattern`; `words` put the pattern plainly."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._refuse_others, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.pattern}$", TAKES: self.words}

    def _refuse_others(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise PydanticCustomError("pattern", "does not match")
        return text


class Level(NamedTuple):
    """The number that one format takes: its default, and its range."""

    format: str
    help: str
    default: int
    least: int
    most: int


@dataclass(frozen=True)
class ByFormat:
    """One whole number for all formats, or a table with a number for each. It is read as the table."""

    levels: tuple[Level, ...]

    @property
    def least(self) -> int:
        """The least number that every format takes."""
        return max(level.least for level in self.levels)

    @property
    def most(self) -> int:
        """The highest number that every format takes."""
        return min(level.most for level in self.levels)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        numbers = {
            level.format: core_schema.int_schema(strict=True, ge=level.least, le=level.most) for level in self.levels
        }
        fields = {name: core_schema.typed_dict_field(number, required=False) for name, number in numbers.items()}
        table = core_schema.typed_dict_schema(fields, extra_behavior="forbid")
        return core_schema.no_info_before_validator_function(self._as_table, table)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        fields = {
            level.format: {
                "description": level.help,
                "default": level.default,
                "type": "integer",
                "minimum": level.least,
                "maximum": level.most,
            }
            for level in self.levels
        }
        number = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return {"anyOf": [number, {"type": "object", "properties": fields, "additionalProperties": False}]}

    def _as_table(self, value: Any) -> Any:
        if type(value) is not int:  # Python takes True for the number 1
            return value
        if not self.least <= value <= self.most:
            raise PydanticCustomError("range", "is out of range")
        return {level.format: value for level in self.levels}


def without_twins(values: list[str]) -> list[str]:
    """The list, when each of its values is there once; tells the second of the first two that are equal."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise PydanticCustomError("twice", "is there twice", {"index": index})
    return values
