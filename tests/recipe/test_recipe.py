import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import SetupError
from imaging.keys import LONGEST_KEY, prefix_of
from imaging.recipe.recipe import COMPILED, Recipe, Rule
from imaging.recipe.spec import Limits, Overlay, RenditionSpec

MARK = b"the bytes of a watermark"


def rendition(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "formats": ["webp", "auto"], "overlay": None, **fields}


PLAIN: dict[str, Any] = {
    "compiled": COMPILED,
    "toml_sha256": "ab" * 32,
    "key_template": "{key}/{name}.{ext}",
    "cache_control": "no-cache",
    "base_url": "/",
    "embed_credit": False,
    "ignore": ["**/.DS_Store", "drafts/**"],
    "limits": {"source_bytes": 4, "pixels": 3, "animation_pixels": 2, "scans": 1},
    "overlays": {"f00d": base64.b64encode(MARK).decode()},
    "renditions": [
        rendition("thumb", width=320, height=320, fit="fill", quality={"webp": 70}),
        rendition("large", overlay={"content": "f00d", "position": "centre", "scale": 0.5, "opacity": 0.25}),
    ],
    "rules": [
        {"match": "avatars/**", "renditions": ["thumb"], "pixels": "p1", "words": "w1"},
        {"match": "**", "renditions": ["thumb", "large"], "pixels": "p2", "words": "w2"},
    ],
}
THUMB = RenditionSpec("thumb", 320, 320, "fill", quality={"webp": 70})
LARGE = RenditionSpec("large", overlay=Overlay(MARK, "centre", 0.5, 0.25))


def read(**changes: Any) -> Recipe:
    return Recipe.from_compiled(json.dumps({**copy.deepcopy(PLAIN), **changes}).encode())


def test_a_compiled_recipe_is_read_into_rules_specs_limits_and_overlays() -> None:
    assert read() == Recipe(
        rules=(Rule("avatars/**", (THUMB,), "p1", "w1"), Rule("**", (THUMB, LARGE), "p2", "w2")),
        ignore=("**/.DS_Store", "drafts/**"),
        key_template="{key}/{name}.{ext}",
        cache_control="no-cache",
        base_url="/",
        embed_credit=False,
        limits=Limits(4, 3, 2, 1),
        toml_sha256="ab" * 32,
    )


def test_a_recipe_compiled_by_another_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        SetupError, match=r"^recipe.json was compiled by another version: run `npm run ops -- check`, then deploy$"
    ):
        read(compiled=COMPILED + 1)


@pytest.mark.parametrize("field", [name for name in PLAIN if name != "toml_sha256"])
def test_a_compiled_recipe_that_lacks_a_field_is_refused_with_what_to_do(field: str) -> None:
    plain = {name: value for name, value in PLAIN.items() if name != field}
    with pytest.raises(
        SetupError, match=r"^recipe.json cannot be read \(.*\): run `npm run ops -- check`, then deploy$"
    ):
        Recipe.from_compiled(json.dumps(plain).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"another": 1},
        {"limits": {"pixel": 1}},
        {"limits": {"pixels": 0}},
        {"renditions": [rendition("thumb", fit="cover")]},
        {"renditions": [rendition("thumb", mode="x")]},
        {"renditions": [{"name": "thumb"}]},
        {"renditions": 3},
        {"rules": [{"match": "**", "renditions": ["none"], "pixels": "p", "words": "w"}]},
        {"rules": [{"match": "**", "renditions": ["thumb"]}]},
        {"overlays": {}},
        {"overlays": {"f00d": "not base64"}},
        {"overlays": []},
        {"ignore": None},
    ],
)
def test_a_compiled_recipe_with_a_fault_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SetupError, match=r"recipe\.json cannot be read"):
        read(**changes)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b"null", b"\xff", b"{}"])
def test_what_is_no_compiled_recipe_is_refused(body: bytes) -> None:
    with pytest.raises(SetupError, match=r"recipe\.json cannot be read"):
        Recipe.from_compiled(body)


def test_the_first_rule_that_matches_wins() -> None:
    def match(key: str) -> str:
        rule = read().rule_for(key)
        assert rule
        return rule.match

    assert match("avatars/a.jpg") == "avatars/**"
    assert match("a.jpg") == "**"


@pytest.mark.parametrize("key", ["news/", "avatars/x/", ".DS_Store", "a/b/.DS_Store", "drafts/a.jpg"])
def test_nothing_is_made_of_folder_keys_and_ignored_ones(key: str) -> None:
    assert read().rule_for(key) is None


def test_a_key_that_no_rule_matches_has_none() -> None:
    assert read(rules=PLAIN["rules"][:1]).rule_for("a.jpg") is None


@given(st.text(max_size=1024))
def test_any_key_has_a_rule_or_none_and_never_an_error(key: str) -> None:
    rule = read().rule_for(key)
    assert rule is None or isinstance(rule, Rule)


def test_the_key_of_a_rendition_follows_the_template() -> None:
    assert read().rendition_key("a b.jpg", "thumb", "jpg", "ff" * 32) == "a b.jpg/thumb.jpg"
    recipe = read(key_template="{key}/{name}.{digest}.{ext}")
    assert recipe.rendition_key("a.jpg", "thumb", "webp", "0123456789abcdef" * 4) == "a.jpg/thumb.0123456789abcdef.webp"


def test_a_key_with_braces_is_no_template() -> None:
    assert read().rendition_key("{name}.jpg", "thumb", "jpg", "") == "{name}.jpg/thumb.jpg"


def test_the_renditions_of_a_key_too_long_for_a_prefix_stand_under_its_digest() -> None:
    key = "k" * LONGEST_KEY
    assert read().rendition_key(key, "thumb", "jpg", "") == f"{prefix_of(key)}thumb.jpg"


@given(st.text(min_size=1, max_size=300), st.sampled_from(["{key}/{name}.{ext}", "{key}/{digest}-{name}.{ext}"]))
def test_no_key_that_can_be_written_is_longer_than_foretold(key: str, template: str) -> None:
    recipe = read(key_template=template)
    longest = recipe.longest_output_key(key, recipe.rules[1])
    written = [
        recipe.rendition_key(key, name, extension, "f" * 64)
        for name in ("thumb", "large")
        for extension in ("webp", "jpg", "png")
    ]
    assert longest == max(len(each.encode()) for each in [*written, f"{key}/manifest.json"])


def test_a_key_too_long_for_its_manifest_is_told_to_be_too_long() -> None:
    recipe = read()
    assert recipe.longest_output_key("é" * 505, recipe.rules[0]) == LONGEST_KEY
    assert recipe.longest_output_key("é" * 512, recipe.rules[0]) > LONGEST_KEY
