"""The fields of recipe.toml in words: what each takes, how a value is shown, and what was probably meant."""

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from imaging.keys import visible
from ops.recipe.kinds import TAKES
from ops.recipe.lines import Path
from ops.recipe.model import RecipeTable

Node = Mapping[str, Any]
"""A part of the JSON Schema: a field, a table, or what stands in a list."""

LONGEST_SHOWN = 100
"""Characters of a value that are shown."""

ELSEWHERE = {
    "fit": {"cover": "fill", "crop": "fill", "contain": "limit", "scale-down": "limit", "inside": "limit"},
    "gravity": {
        "top": "north",
        "bottom": "south",
        "left": "west",
        "right": "east",
        "attention": "smart",
        "entropy": "smart",
    },
}
"""What CSS and other programs call our words, by field."""


class _WithoutNull(GenerateJsonSchema):
    """TOML has no null: a field that may be missing is left out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


@cache
def tree() -> Node:
    """The JSON Schema of the recipe, its parts where they are used, for editors follow no references."""
    whole = RecipeTable.model_json_schema(schema_generator=_WithoutNull)
    tables = whole.pop("$defs")

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            node = tables[node["$ref"].rpartition("/")[2]] | {key: node[key] for key in node if key != "$ref"}
        return {key: inlined(value) for key, value in node.items() if key != "title" or not isinstance(value, str)}

    inline: Node = inlined(whole)
    return inline


def node_of(path: Path) -> Node:
    """The part of the schema at `path`."""
    node = tree()
    for step in path:
        node = node["items"] if isinstance(step, int) else fields_of(node)[step]
    return node


def fields_of(node: Node) -> Mapping[str, Node]:
    """The fields of a table, by name; of something else, none."""
    fields: Mapping[str, Node] = node.get("properties", {})
    return fields or next((inner for each in node.get("anyOf", ()) if (inner := fields_of(each))), {})


def takes(node: Node) -> str:
    """What to write there."""
    if TAKES in node:
        return str(node[TAKES])
    if "anyOf" in node:
        return ", or ".join(map(takes, node["anyOf"]))
    if "enum" in node:
        return f"one of {', '.join(map(shown, node['enum']))}"
    match node["type"]:
        case "boolean":
            return "true or false"
        case "array":
            return f"a list, each {takes(node['items'])}"
        case "object":
            return f"a table with {', '.join(fields_of(node))}"
        case kind:
            noun = {"integer": "a whole number", "number": "a number"}[kind]
            return f"{noun} {number(node['minimum'])} to {number(node['maximum'])}"


def number(value: float) -> str:
    """A number as TOML takes it, in groups of three digits where it is long."""
    return f"{value:_}" if value >= 1_000_000 else str(value)


def shown(value: Any) -> str:
    """The value in a form that prints; a table or a list by its kind alone, and what is long by its beginning."""
    if isinstance(value, dict | list):
        return f"{'a' if value else 'an empty'} {'table' if isinstance(value, dict) else 'list'}"
    try:
        text = visible(json.dumps(value, ensure_ascii=False, default=str))
    except ValueError:  # Python prints no integer of more than 4,300 digits
        return "a huge number"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, whatever its case; None when all are far."""
    return next(iter(difflib.get_close_matches(name.lower(), list(known), 1)), None)
