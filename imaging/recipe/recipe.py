"""The recipe in the function: what is made of which source, read from the compiled form of recipe.toml.

recipe.toml is checked and compiled on a person's machine (`npm run ops -- check`, and whatever packages or starts the
function). So nothing here explains a mistake: what is wrong in a compiled recipe is our own fault.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from imaging.errors import SetupError
from imaging.formats import WRITTEN, possible
from imaging.keys import MANIFEST, prefix_of
from imaging.recipe.patterns import matches
from imaging.recipe.spec import Limits, Overlay, RenditionSpec

COMPILED = 1
"""Version of the compiled form. The function reads no other."""
PIXELS = 3
"""Raise it when the code makes other pixels of the same recipe: everything published is then made again."""
WORDS = 1
"""Raise it when the code writes other markup of the same renditions: every manifest is then written again."""
DIGEST_LENGTH = 16
"""Hexadecimal digits that `{digest}` puts into a rendition's key."""


def has_digest(file_name: str) -> bool:
    """Whether `{digest}` may have been put into the name of this file."""
    return re.search(f"[0-9a-f]{{{DIGEST_LENGTH}}}", file_name) is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """The renditions of keys that `match`, and two fingerprints of what the recipe makes of them.

    `pixels` changes with all that changes a file. `words` changes with what only the manifest says, such as addresses.
    """

    match: str
    specs: tuple[RenditionSpec, ...]
    pixels: str
    words: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is made of which source, and under which keys. `toml_sha256` is that of the recipe.toml it came from."""

    rules: tuple[Rule, ...]
    ignore: tuple[str, ...]
    key_template: str
    cache_control: str
    base_url: str
    embed_credit: bool
    limits: Limits
    toml_sha256: str = ""

    def rule_for(self, key: str) -> Rule | None:
        """The first rule that matches `key`; None for folder keys and ignored ones."""
        if key.endswith("/") or any(matches(pattern, key) for pattern in self.ignore):
            return None
        return next((rule for rule in self.rules if matches(rule.match, key)), None)

    def rendition_key(self, key: str, name: str, extension: str, digest: str) -> str:
        """Where a rendition stands; `digest` is its SHA-256 in hexadecimal, cut to DIGEST_LENGTH."""
        return prefix_of(key) + self._file_name(name, extension, digest)

    def longest_output_key(self, key: str, rule: Rule) -> int:
        """Bytes of the longest key that could be written for `key`, its manifest's included."""
        names = (
            self._file_name(spec.name, WRITTEN[name].extension, "0" * DIGEST_LENGTH)
            for spec in rule.specs
            for name in possible(spec.formats)
        )
        return len(f"{key}/".encode()) + max(map(len, (MANIFEST, *names)))

    def _file_name(self, name: str, extension: str, digest: str) -> str:
        template = self.key_template.removeprefix("{key}/")
        return template.format(name=name, ext=extension, digest=digest[:DIGEST_LENGTH])

    @classmethod
    def from_compiled(cls, body: bytes) -> Self:
        """The recipe in its compiled form; `SetupError` for what this function cannot read."""
        try:
            plain = json.loads(body)
            if plain.pop("compiled") != COMPILED:
                raise SetupError("recipe.json was compiled by another version: run `npm run ops -- check`, then deploy")
            overlays = {name: base64.b64decode(content) for name, content in plain.pop("overlays").items()}
            specs = {each["name"]: _spec(each, overlays) for each in plain.pop("renditions")}
            rules = tuple(
                Rule(each["match"], tuple(specs[name] for name in each["renditions"]), each["pixels"], each["words"])
                for each in plain.pop("rules")
            )
            limits = Limits(**plain.pop("limits"))
            return cls(rules=rules, limits=limits, **{**plain, "ignore": tuple(plain["ignore"])})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SetupError(
                f"recipe.json cannot be read ({error}): run `npm run ops -- check`, then deploy"
            ) from error


def _spec(plain: Mapping[str, Any], overlays: Mapping[str, bytes]) -> RenditionSpec:
    placed = plain["overlay"]
    overlay = Overlay(**{**placed, "content": overlays[placed["content"]]}) if placed else None
    return RenditionSpec.from_plain(plain, overlay)
