"""The manifest's fields as JSON Schema, made of the classes that read and write it."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

from imaging.publishing.entry import bare, stored_fields
from imaging.publishing.manifest import REJECTED, VERSION, Manifest

FILE = Path(__file__).resolve().parent.parent / "docs" / "manifest.schema.json"
PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of manifest.json."""
    manifest = _described(Manifest)
    version = {"const": VERSION, "description": "Version of this shape."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "manifest.json: the state of one source",
        "description": "<key>/manifest.json in the renditions bucket. Fields may be added; empty ones are left out.",
        "type": "object",
        "required": ["manifest", *manifest["required"]],
        "properties": {"manifest": version, **manifest["properties"]},
        "if": {"properties": {"status": {"const": REJECTED}}},
        "then": {"required": ["rejection", "recipe"]},
        "else": {"not": {"required": ["rejection"]}},
    }


def write_manifest_schema() -> Path:
    """Bring docs/manifest.schema.json up to date; answers where it stands."""
    FILE.write_text(json.dumps(manifest_schema(), indent=1) + "\n", encoding="utf-8")
    return FILE


def _schema(kind: Any) -> dict[str, Any]:
    """The schema of a field's type, with the keywords that its annotation adds."""
    if get_origin(kind) is Annotated:
        inner, keywords = get_args(kind)
        return {**_schema(inner), **keywords}
    if isinstance(kind, UnionType):
        return _schema(bare(kind))  # a field that is None is left out
    if is_dataclass(kind):
        return _described(kind)
    if get_origin(kind) is tuple:
        return _array(get_args(kind))
    if get_origin(kind) is Mapping:
        return {"type": "object", "additionalProperties": _schema(get_args(kind)[1])}
    return {"type": "string", "format": "date-time"} if kind is datetime else {"type": PLAIN[kind]}


def _array(kinds: tuple[Any, ...]) -> dict[str, Any]:
    if kinds[1:] == (...,):
        return {"type": "array", "items": _schema(kinds[0])}
    length = len(kinds)
    return {"type": "array", "prefixItems": [*map(_schema, kinds)], "minItems": length, "maxItems": length}


def _described(kind: Any) -> dict[str, Any]:
    kinds = stored_fields(kind)
    has_default = {each.name for each in fields(kind) if (each.default, each.default_factory) != (MISSING, MISSING)}
    return {
        "description": inspect.cleandoc(kind.__doc__).partition("\n\n")[0],
        "type": "object",
        "required": [name for name in kinds if name not in has_default],
        "properties": {name: _schema(each) for name, each in kinds.items()},
    }
