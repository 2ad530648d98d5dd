"""The command `ops schema`: the recipe's fields as JSON Schema, for completion in editors, and as tables for the page.

Both come from the types that check a recipe. What no single field can tell is left to `ops check`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ops.manifest_schema import write_manifest_schema
from ops.recipe.kinds import TAKES
from ops.recipe.words import Node, fields_of, node_of, number, takes, tree

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "recipe.schema.json"
PAGE = ROOT / "docs" / "recipe.md"
TABLES = re.compile(r"(?<=<!-- the fields -->\n).*(?=<!-- end of the fields -->)", re.DOTALL)
"""What this command writes of the page."""


@click.command()
@click.option("--write", is_flag=True, help="Refresh both schemas and the tables in docs/recipe.md.")
def schema(write: bool) -> None:
    """Print the JSON Schema of recipe.toml, or write it, its page and the manifest's schema."""
    text = json.dumps(json_schema(), indent=1)
    if not write:
        click.echo(text)
        return
    SCHEMA.write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    written = write_manifest_schema()
    click.echo(", ".join(str(path.relative_to(ROOT)) for path in (SCHEMA, PAGE, written)) + " are up to date")


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of recipe.toml. Each description says what the field takes."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {**_described(tree()), "$schema": dialect, "title": "recipe.toml", "description": tree()["description"]}


def _described(node: Any) -> Any:
    if isinstance(node, list):
        return [_described(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _described(value) for key, value in node.items() if key != TAKES}
    if isinstance(node.get("description"), str):
        plain["description"] = f"{node['description']} Write {takes(node)}."
    return plain


def with_tables(page: str) -> str:
    """The page with tables of the fields as they are."""
    return TABLES.sub(lambda _: "\n".join(_tables()), page)


def _tables() -> Iterator[str]:
    sections: Mapping[str, Node] = {
        "Top level": tree(),
        "[[rendition]]": node_of(["rendition", 0]),
        "overlay": node_of(["rendition", 0, "overlay"]),
        "[[rule]]": node_of(["rule", 0]),
        "quality": node_of(["quality"]),
        "effort": node_of(["effort"]),
        "limits": node_of(["limits"]),
    }
    for title, table in sections.items():
        yield from ("", f"### {title}", "", "| field | takes | default | |", "|---|---|---|---|")
        for name, field in fields_of(table).items():
            default = "required" if name in table.get("required", ()) else _default(field)
            yield f"| `{name}` | {takes(field)} | {default} | {field['description']} |"
    yield "\n"


def _default(field: Node) -> str:
    if "default" not in field:
        return ""
    return number(field["default"]) if field["type"] == "integer" else json.dumps(field["default"])
