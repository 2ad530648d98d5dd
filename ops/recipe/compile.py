"""A checked recipe as plain JSON, which `imaging.recipe.recipe.Recipe` reads back in the function."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from imaging.formats import possible
from imaging.recipe import recipe as reading
from imaging.recipe.patterns import EVERY_KEY
from ops.recipe.check import Checked
from ops.recipe.kinds import ByFormat
from ops.recipe.model import EFFORTS, QUALITIES, RecipeTable, RenditionTable

FINGERPRINT_LENGTH = 16
"""Hexadecimal digits of a SHA-256 that tell two recipes apart."""


def compiled(checked: Checked, toml: bytes) -> bytes:
    """The recipe in JSON; `toml` is the very content of the file that it was written in."""
    recipe = checked.recipe
    digests = {file: hashlib.sha256(content).hexdigest() for file, content in checked.overlays.items()}
    common = {
        "key_template": recipe.key_template,
        "cache_control": recipe.cache_control or _cache_control(recipe.key_template),
        "embed_credit": recipe.embed_credit,
        "limits": recipe.limits.model_dump(),
    }
    renditions = {each.name: _spec(each, recipe, digests) for each in recipe.rendition}
    words = _fingerprint({"base_url": recipe.base_url, "words": reading.WORDS})
    rules = []
    for match, names in _rules(recipe):
        specs = [renditions[name] for name in names]
        pixels = _fingerprint({**common, "renditions": specs, "pixels": reading.PIXELS})
        rules.append({"match": match, "renditions": names, "pixels": pixels, "words": words})
    plain = {
        "compiled": reading.COMPILED,
        "toml_sha256": hashlib.sha256(toml).hexdigest(),
        **common,
        "base_url": recipe.base_url,
        "ignore": recipe.ignore,
        "renditions": list(renditions.values()),
        "rules": rules,
        "overlays": {digests[file]: base64.b64encode(each).decode() for file, each in checked.overlays.items()},
    }
    return json.dumps(plain, indent=1).encode() + b"\n"


def _cache_control(key_template: str) -> str:
    return "public, max-age=31536000, immutable" if "{digest}" in key_template else "no-cache"


def _spec(rendition: RenditionTable, recipe: RecipeTable, digests: Mapping[str, str]) -> dict[str, Any]:
    formats = possible(rendition.formats)
    overlay = rendition.overlay
    return {
        **rendition.model_dump(),
        "quality": _numbers(QUALITIES, formats, recipe.quality, rendition.quality),
        "effort": _numbers(EFFORTS, formats, recipe.effort, rendition.effort),
        "overlay": overlay and {"content": digests[overlay.file], **overlay.model_dump(exclude={"file"})},
    }


def _numbers(kind: ByFormat, formats: tuple[str, ...], *tables: Mapping[str, int]) -> dict[str, int]:
    """The number of each format that can be made and takes one: the last in `tables`, or else its default."""
    numbers = {level.format: level.default for level in kind.levels if level.format in formats}
    for table in tables:
        numbers |= {name: number for name, number in table.items() if name in numbers}
    return numbers


def _rules(recipe: RecipeTable) -> list[tuple[str, list[str]]]:
    """Every rule with the names of its renditions. A last one takes the keys that no other does."""
    every = [each.name for each in recipe.rendition]
    rules = [(rule.match, rule.renditions or every) for rule in recipe.rule]
    return rules if any(match in EVERY_KEY for match, _ in rules) else [*rules, (EVERY_KEY[0], every)]


def _fingerprint(plain: Mapping[str, Any]) -> str:
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:FINGERPRINT_LENGTH]
