"""The recipe's fields as JSON Schema, for completion in editors, and as tables for docs/recipe.md.

`python -m ops.schema` writes recipe.schema.json. Both come from `imaging.recipe.FIELDS`, which also reads
recipes. What no single field can tell is left to `ops check`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imaging.recipe import EFFORT, FIELDS, LIMITS, OVERLAY, QUALITY, RENDITION, RULE, Field

SCHEMA_FILE = Path(__file__).parent.parent / "recipe.schema.json"
_TABLES = {
    "Top level": FIELDS,
    "[[rendition]]": RENDITION,
    "overlay": OVERLAY,
    "[[rule]]": RULE,
    "quality": QUALITY,
    "effort": EFFORT,
    "[limits]": LIMITS,
}


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of recipe.toml."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, "title": "recipe.toml", **_table(FIELDS)}


def _table(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {field.name: _described(field) for field in fields},
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }


def _described(field: Field) -> dict[str, Any]:
    default = {} if field.default is None else {"default": field.default}
    return {"description": f"{field.help} {field.expects()}", **default, **_value(field)}


def _value(field: Field) -> dict[str, Any]:
    if field.kind == "list":
        item = _table(field.fields) if field.fields else _text(field)
        return {"type": "array", "minItems": field.least, "uniqueItems": True, "items": item}
    if field.kind == "table":
        number = {"type": "integer", "minimum": field.least, "maximum": field.most}
        return _table(field.fields) if field.least is None else {"anyOf": [number, _table(field.fields)]}
    if field.kind == "text":
        return {"type": "string", **_text(field)}
    bounds = {"minimum": field.least, "maximum": field.most}
    return {"type": field.kind, **{name: bound for name, bound in bounds.items() if bound is not None}}


def _text(field: Field) -> dict[str, Any]:
    return {"enum": list(field.choices)} if field.choices else {"type": "string", "pattern": field.pattern}


def reference() -> Iterator[str]:
    """The lines of the tables in docs/recipe.md."""
    for title, fields in _TABLES.items():
        yield from (f"### {title}", "", "| field | takes | default | |", "|---|---|---|---|")
        for field in fields:
            default = "required" if field.required else json.dumps(field.default) if field.default else ""
            if field.default in (False, 0) and field.kind in ("boolean", "integer"):
                default = json.dumps(field.default)
            yield f"| `{field.name}` | {field.expects()} | {default} | {field.help} |"
        yield ""


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
