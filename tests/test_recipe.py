import json
import re
import time
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from imaging import recipe as recipe_module
from imaging.errors import RecipeError
from imaging.model import LONGEST_KEY, Limits, RenditionSpec
from imaging.recipe import FIELDS, LIMITS, Field, Recipe, Rule, load, parse
from ops.schema import SCHEMA_FILE, reference, schema

ROOT = Path(__file__).parent.parent
SNIPPETS = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/recipe.md").read_text(encoding="utf-8"), re.DOTALL)
THUMB = '[[rendition]]\nname = "thumb"\n'
PNG = b"\x89PNG\r\n\x1a\n"


def read(text: str, folder: Path = ROOT) -> Recipe:
    return parse(text, folder)


def problems_of(text: str, folder: Path = ROOT) -> list[str]:
    with pytest.raises(RecipeError) as raised:
        parse(text, folder)
    return list(raised.value.problems)


def fingerprint(text: str, key: str = "a.jpg", folder: Path = ROOT) -> str:
    rule = read(text, folder).rule_for(key)
    assert rule
    return rule.fingerprint


# --- What a good recipe becomes


def test_the_recipe_in_the_repository_makes_four_renditions_of_every_key() -> None:
    recipe = load(ROOT / "recipe.toml")
    rule = recipe.rule_for("news/2026/cat.jpg")
    assert rule
    assert [(s.name, s.width, s.height, s.fit, s.formats) for s in rule.specs] == [
        ("thumb", 320, 320, "fill", ("webp", "auto")),
        ("small", 640, None, "limit", ("webp", "auto")),
        ("medium", 1280, None, "limit", ("webp", "auto")),
        ("large", 1920, None, "limit", ("webp", "auto")),
    ]
    assert recipe.cache_control == "no-cache"
    assert recipe.limits == Limits()


def test_what_is_left_out_is_what_the_model_says() -> None:
    quality, effort = {"jpeg": 80, "webp": 80, "avif": 60}, {"png": 6, "webp": 2, "avif": 3}
    recipe = read(THUMB)
    assert recipe.rules[0].specs == (RenditionSpec("thumb", quality=quality, effort=effort),)
    assert {field.name: field.default for field in LIMITS} == {
        name: getattr(Limits(), name) for name in Limits.__dataclass_fields__
    }


def test_a_renditions_own_quality_goes_before_the_recipes_and_that_before_the_default() -> None:
    text = "quality = { jpeg = 70, webp = 71 }\neffort = 5\n" + THUMB + "quality = { webp = 50 }\n"
    spec = read(text).rules[0].specs[0]
    assert spec.quality == {"jpeg": 70, "webp": 50, "avif": 60}
    assert spec.effort == {"png": 5, "webp": 5, "avif": 5}
    assert set(read(THUMB + "quality = 33\n").rules[0].specs[0].quality.values()) == {33}


def test_names_with_a_digest_are_cached_for_a_year_unless_the_recipe_says_otherwise() -> None:
    template = 'key_template = "{key}/{name}.{digest}.{ext}"\n'
    immutable = read(template + THUMB)
    assert immutable.cache_control == "public, max-age=31536000, immutable"
    assert immutable.rendition_key("a b.jpg", "thumb", "webp", "0123456789abcdef" * 4) == (
        "a b.jpg/thumb.0123456789abcdef.webp"
    )
    assert read(template + 'cache_control = "no-store"\n' + THUMB).cache_control == "no-store"
    assert read(THUMB).rendition_key("a.jpg", "thumb", "jpg", "ff") == "a.jpg/thumb.jpg"


def test_an_overlay_is_found_beside_the_recipe_and_brings_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    (tmp_path / "art/mark.png").write_bytes(PNG)
    path = tmp_path / "recipe.toml"
    path.write_text(THUMB + 'overlay = { file = "art/mark.png", scale = 1 }\n', encoding="utf-8-sig")
    overlay = load(path).rules[0].specs[0].overlay
    assert overlay
    assert (overlay.content, overlay.scale, overlay.position) == (PNG, 1.0, "south-east")


# --- Rules and patterns


def test_the_first_rule_that_matches_wins_and_the_default_takes_the_rest() -> None:
    avatars = '[[rule]]\nmatch = "avatars/**"\nrenditions = ["thumb"]\n'
    gifs = '[[rule]]\nmatch = "**/*.gif"\nrenditions = ["large"]\n'
    recipe = read(THUMB + '[[rendition]]\nname = "large"\n' + avatars + gifs)

    def names(key: str) -> list[str]:
        rule = recipe.rule_for(key)
        return [spec.name for spec in rule.specs] if rule else []

    assert names("avatars/x/y.gif") == ["thumb"]
    assert names("y.gif") == names("x/y.gif") == ["large"]
    assert names("y.jpg") == ["thumb", "large"]
    assert [rule.match for rule in recipe.rules] == ["avatars/**", "**/*.gif", "**"]


def test_a_catch_all_of_the_recipe_takes_the_place_of_the_default_rule() -> None:
    assert [rule.match for rule in read(THUMB + '[[rule]]\nmatch = "**/*"\n').rules] == ["**/*"]


@pytest.mark.parametrize("key", ["news/", ".DS_Store", "a/b/.DS_Store", "a/Thumbs.db", "a/._cat.jpg"])
def test_nothing_is_made_of_folder_keys_and_ignored_ones(key: str) -> None:
    assert read(THUMB).rule_for(key) is None


def test_the_recipes_own_ignore_list_replaces_the_default() -> None:
    recipe = read('ignore = ["drafts/**"]\n' + THUMB)
    assert recipe.rule_for("drafts/a.jpg") is None
    assert recipe.rule_for(".DS_Store") is not None


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("*.jpg", "a.jpg", True),
        ("*.jpg", "a/b.jpg", False),
        ("*.jpg", "a.JPG", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a?c", "a\nc", True),
        ("*", "new\nline\n", True),
        ("**", "new\nline\n", True),
        ("**/x", "a\n/x", True),
        ("a/**", "a/b/c", True),
        ("a/**", "ab", False),
        ("**/x", "x", True),
        ("**/x", "a/b/x", True),
        ("**/x", "ax", False),
        ("a/**/z", "a/z", True),
        ("[a].(b)+", "[a].(b)+", True),
        ("[a]", "a", False),
    ],
)
def test_patterns_mean_what_the_page_says(pattern: str, key: str, matches: bool) -> None:
    assert bool(recipe_module._regex(pattern).fullmatch(key)) is matches


def slow_match(pattern: str, key: str) -> bool:
    """The meaning of patterns, tried out exhaustively."""

    @cache
    def at(p: int, k: int) -> bool:
        if p == len(pattern):
            return k == len(key)
        if pattern.startswith("**/", p):
            return at(p + 3, k) or any(key[i] == "/" and at(p + 3, i + 1) for i in range(k, len(key)))
        if pattern.startswith("**", p):
            return any(at(p + 2, i) for i in range(k, len(key) + 1))
        if pattern[p] == "*":
            return at(p + 1, k) or (k < len(key) and key[k] != "/" and at(p, k + 1))
        same = k < len(key) and (key[k] == pattern[p] or (pattern[p] == "?" and key[k] != "/"))
        return same and at(p + 1, k + 1)

    return at(0, 0)


@given(st.text("ab/*?", max_size=10), st.text("ab/", max_size=12))
@example("**a*b", "a/ab")
def test_patterns_match_exactly_what_trying_everything_finds(pattern: str, key: str) -> None:
    assert bool(recipe_module._regex(pattern).fullmatch(key)) is slow_match(pattern, key)


@pytest.mark.parametrize("pattern", ["**a**a**b", "*a*a*b", "**/a**/a*b", "**a*a**b"])
@pytest.mark.parametrize("key", ["a" * 1024, "a/" * 511 + "a"])
def test_a_hostile_key_cannot_make_a_pattern_slow(pattern: str, key: str) -> None:
    begun = time.process_time()
    assert not recipe_module._regex(pattern).fullmatch(key)
    assert time.process_time() - begun < 0.25


DEFAULT = load(ROOT / "recipe.toml")


@given(st.text(max_size=1024))
def test_any_key_has_a_rule_or_none_and_never_an_error(key: str) -> None:
    rule = DEFAULT.rule_for(key)
    assert rule is None or isinstance(rule, Rule)


@given(st.text(min_size=1, max_size=300), st.booleans())
def test_no_key_that_can_be_written_is_longer_than_foretold(key: str, digest_names: bool) -> None:
    template = 'key_template = "{key}/{digest}-{name}.{ext}"\n' if digest_names else ""
    recipe = read(template + THUMB + 'formats = ["webp", "auto"]\n')
    longest = recipe.longest_output_key(key, recipe.rules[0])
    written = [recipe.rendition_key(key, "thumb", ext, "f" * 64) for ext in ("webp", "jpg", "png")]
    assert longest == max(len(each.encode()) for each in [*written, f"{key}/manifest.json"])


def test_a_key_too_long_for_its_manifest_is_told_to_be_too_long() -> None:
    recipe = read(THUMB)
    assert recipe.longest_output_key("é" * 505, recipe.rules[0]) == LONGEST_KEY
    assert recipe.longest_output_key("é" * 512, recipe.rules[0]) > LONGEST_KEY


# --- Fingerprints

PAIR = THUMB + 'width = 320\n[[rendition]]\nname = "large"\nwidth = 1920\n'


def test_a_fingerprint_does_not_change_with_comments_order_of_fields_or_other_rules() -> None:
    same = '# hello\n[[rendition]]\nwidth = 320\nname = "thumb"\n[[rendition]]\nwidth = 1920\nname = "large"\n'
    other_rule = '[[rule]]\nmatch = "avatars/**"\nrenditions = ["thumb"]\n'
    assert fingerprint(PAIR) == fingerprint(same) == fingerprint(PAIR + other_rule)
    assert fingerprint(PAIR) != fingerprint(PAIR + other_rule, "avatars/a.jpg")
    assert re.fullmatch("[0-9a-f]{16}", fingerprint(PAIR))


def test_a_fingerprint_does_not_change_with_the_quality_of_a_format_that_is_not_made() -> None:
    assert fingerprint("quality = { avif = 10 }\n" + PAIR) == fingerprint(PAIR)
    assert fingerprint("quality = { jpeg = 10 }\n" + PAIR) != fingerprint(PAIR)


@pytest.mark.parametrize(
    "change",
    [
        'key_template = "{key}/{name}.{digest}.{ext}"\n',
        'cache_control = "no-store"\n',
        'base_url = "https://images.example.com/"\n',
        "embed_credit = true\n",
        "limits = { pixels = 1000 }\n",
        "effort = 5\n",
    ],
)
def test_a_fingerprint_changes_with_whatever_changes_what_is_published(change: str) -> None:
    assert fingerprint(change + PAIR) != fingerprint(PAIR)


@pytest.mark.parametrize(
    "change",
    [
        *("width = 99", "height = 99", 'width = 9\nheight = 9\nfit = "fill"', "width = 9\nenlarge = true"),
        *('background = "#000000"', "sharpen = 50", 'formats = ["webp"]', 'formats = ["auto", "webp"]'),
        *("quality = 50", "effort = 2", 'subsampling = "4:4:4"', "max_bytes = 9000", "animated = false"),
    ],
)
def test_a_fingerprint_changes_with_every_field_of_a_rendition(change: str) -> None:
    assert fingerprint(THUMB + change) != fingerprint(THUMB)


def test_a_fingerprint_changes_with_the_overlays_bytes_and_not_with_its_name(tmp_path: Path) -> None:
    for name, content in (("a.png", PNG), ("b.png", PNG), ("c.png", PNG + b"x")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (fingerprint(f'{THUMB}overlay.file = "{n}.png"\n', folder=tmp_path) for n in "abc")
    assert a == b != c


def test_a_fingerprint_is_the_same_in_every_process_and_release() -> None:
    assert fingerprint(THUMB) == "64c17b0303c711c9", "another one makes everything again, everywhere"


def test_raising_the_pixels_constant_makes_everything_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(PAIR)
    monkeypatch.setattr(recipe_module, "PIXELS", recipe_module.PIXELS + 1)
    assert fingerprint(PAIR) != before


# --- What a bad recipe is told

TEN_MISTAKES = """
cache_contrl = "no-cache"
base_url = "https://cdn.net"
embed_credit = 1
quality = { jpeg = 101 }

[[rendition]]
name = "Thumb!"
width = true

[[rendition]]
name = "hero"
width = 1920
fit = "fill"
gravity = "center"

[[rendition]]
name = "hero"
formats = ["webp", "auto"]

[[rule]]
match = "news/**"
renditions = ["heroo"]
"""
NAME_WORDS = '1 to 40 lower-case letters, digits, - and _, but not "manifest"'
GRAVITY_WORDS = (
    'one of "focal", "smart", "centre", "north", "north-east", "east", "south-east", "south", "south-west",'
    ' "west", "north-west"'
)


def test_ten_mistakes_are_told_all_at_once_each_with_place_and_fix() -> None:
    told = problems_of(TEN_MISTAKES)
    assert sorted(told) == sorted(
        [
            "cache_contrl: there is no such field; did you mean cache_control?",
            'base_url: found "https://cdn.net"; write a URL that ends with /, without spaces, quotes and commas.',
            "embed_credit: found 1; write true or false.",
            "quality, jpeg: found 101; write a whole number 1 to 100.",
            f'rendition "Thumb!", name: found "Thumb!"; write {NAME_WORDS}.',
            'rendition "Thumb!", width: found true; write a whole number 1 to 16383.',
            f'rendition "hero", gravity: found "center"; did you mean "centre"? Write {GRAVITY_WORDS}.',
            'rendition "hero", fit: "fill" needs a width and a height; add height.',
            '[[rendition]] 3, name: "hero" is [[rendition]] 2 already; take another.',
            '[[rule]] 1, renditions: there is no "heroo"; did you mean hero?',
        ]
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "rendition: found nothing; write tables headed [[rendition]] with name"),
        ("rendition = []", "rendition: found an empty list; write tables headed [[rendition]]"),
        ('[rendition]\nname = "x"', "rendition: found a table; write tables headed [[rendition]]"),
        ("rendition = 3", "rendition: found 3; write tables"),
        ("[[rendition]]\nwidth = 3", "[[rendition]] 1, name: found nothing; write 1 to 40"),
        (THUMB.replace("thumb", "manifest"), 'rendition "manifest", name: found "manifest"'),
        (THUMB + "width = 16384", 'rendition "thumb", width: found 16384; write a whole number 1 to 16383.'),
        (THUMB + 'width = "320"', 'rendition "thumb", width: found "320"; write a whole number'),
        (THUMB + "width = 3.5", 'rendition "thumb", width: found 3.5;'),
        (THUMB + "width = 2026-01-01", 'rendition "thumb", width: found "2026-01-01";'),
        (THUMB + f"width = 0x{'f' * 6000}", 'rendition "thumb", width: found a huge number;'),
        (THUMB + "formats = 3", 'rendition "thumb", formats: found 3; write a list, each one of "jpeg"'),
        (THUMB + "formats = []", 'rendition "thumb", formats: found an empty list; write a list'),
        (THUMB + 'formats = ["jpg"]', 'rendition "thumb", formats: found "jpg"; did you mean "jpeg"? Write'),
        (THUMB + 'formats = ["gif", "gif"]', 'rendition "thumb", formats: found "gif" twice; write it once.'),
        (THUMB + 'formats = ["auto", "jpeg"]', '"auto" makes jpeg already; take one or the other out.'),
        (THUMB + 'width = 1\nfit = "pad"', 'fit: "pad" needs a width and a height; add height.'),
        (THUMB + 'gravity = "smart"', 'gravity: fit = "limit" crops nothing; write fit = "fill" or take'),
        (THUMB + "enlarge = true", "enlarge: there is no box to enlarge to; add width or height"),
        (THUMB + "quality = { avif = 50 }", "quality, avif: this rendition makes jpeg, png, webp; add"),
        (
            THUMB + 'formats = ["png"]\nquality = 50',
            "quality: it is for jpeg, webp, avif, and this rendition",
        ),
        (THUMB + 'formats = ["webp"]\nsubsampling = "4:4:4"', "subsampling: it is for jpeg and avif, and"),
        (
            THUMB + "effort = 7",
            "effort: found 7; write a whole number 1 to 6, or a table with png, webp, avif.",
        ),
        (THUMB + "quality = { jpg = 50 }", "quality, jpg: there is no such field; did you mean jpeg?"),
        (THUMB + "overlay = { scale = 0.5 }", "overlay, file: found nothing; write a path"),
        (THUMB + 'overlay.file = "none.png"', "overlay, file: it cannot be read ("),
        (THUMB + 'overlay.file = "\\u0000"', "overlay, file: it cannot be read ("),
        (THUMB + 'overlay.file = "LICENSE"', 'overlay, file: "LICENSE" is no PNG, WebP or JPEG; export it'),
        (THUMB + 'overlay.file = "/etc/hosts"', 'overlay, file: found "/etc/hosts"; write a path relative'),
        ("limits = { scans = 0 }\n" + THUMB, "limits, scans: found 0; write a whole number, at least 1."),
        ("limits = 3\n" + THUMB, "limits: found 3; write a table with source_bytes"),
        ('key_template = "{name}.{ext}"\n' + THUMB, 'key_template: found "{name}.{ext}"; write "{key}/" and'),
        ('key_template = "{key}/{name}/x.{ext}"\n' + THUMB, "key_template: found"),
        ('key_template = "{key}/{name}"\n' + THUMB, "key_template: found"),
        ('cache_control = "a\\nb"\n' + THUMB, 'cache_control: found "a\\nb"; write a Cache-Control header'),
        (THUMB + "[[rule]]", "[[rule]] 1, match: found nothing; write a pattern such as"),
        (THUMB + '[[rule]]\nmatch = "a"\nrenditions = []', "[[rule]] 1, renditions: found an empty list;"),
        (
            THUMB + '[[rule]]\nmatch = "**"\n[[rule]]\nmatch = "a"',
            "[[rule]] 2, match: [[rule]] 1 takes all its",
        ),
    ],
)
def test_each_mistake_is_one_problem_that_names_place_value_and_fix(text: str, told: str) -> None:
    found = problems_of(text)
    assert len(found) == 1, found
    assert told in found[0]


@pytest.mark.parametrize("scale", ["nan", "inf", "-inf", "0", "1.01", "true"])
def test_a_share_is_a_true_number_within_its_range(scale: str, tmp_path: Path) -> None:
    (tmp_path / "mark.png").write_bytes(PNG)
    (told,) = problems_of(f'{THUMB}overlay = {{ file = "mark.png", scale = {scale} }}', tmp_path)
    assert told.startswith('rendition "thumb", overlay, scale: found ')
    assert told.endswith("; write a number 0.01 to 1.")


def test_broken_toml_is_one_problem_with_its_line_and_column() -> None:
    told = problems_of(THUMB + "width 320\n")
    assert len(told) == 1
    assert "this is not TOML" in told[0]
    assert "line 3, column 7" in told[0]


def test_a_file_that_is_missing_or_no_text_is_a_problem_of_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load(tmp_path / "recipe.toml")
    (tmp_path / "recipe.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="cannot be read"):
        load(tmp_path / "recipe.toml")


# --- Any recipe at all


def to_toml(value: Any) -> str:
    """A JSON value as TOML; a table is written inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {to_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(to_toml, value))}]"
    return json.dumps(value).replace("\x7f", "\\u007f").replace("NaN", "nan").replace("Infinity", "inf")


GARBAGE = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "fill", "thumb", "**", "webp", "auto"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=4,
)


def nearly(fields: tuple[Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Tables that use the true names of fields, with values that mostly fit."""
    return st.fixed_dictionaries(
        {field.name: nearly_value(field) for field in fields if field.required},
        optional={field.name: nearly_value(field) for field in fields if not field.required} | {"x": GARBAGE},
    )


def nearly_value(field: Field) -> st.SearchStrategy[Any]:
    if field.fields:
        table = nearly(field.fields)
        return (st.lists(table, max_size=3) if field.kind == "list" else table) | GARBAGE
    text = st.sampled_from(field.choices or ("thumb", "large", "**", field.default or "a"))
    good: dict[str, st.SearchStrategy[Any]] = {
        "boolean": st.booleans(),
        "text": text,
        "list": st.lists(text, max_size=3),
    }
    return good.get(field.kind, st.integers(-1, 20)) | GARBAGE


@given(nearly(FIELDS))
def test_any_table_is_a_recipe_or_a_recipe_error_and_the_schema_accepts_every_recipe(
    found: dict[str, Any],
) -> None:
    text = "\n".join(f"{name} = {to_toml(value)}" for name, value in found.items())
    try:
        recipe = read(text)
    except RecipeError as error:
        told = error.problems
        assert told
    else:
        assert recipe.rule_for("a.jpg")
        assert Draft202012Validator(schema()).is_valid(tomllib.loads(text))


@given(st.text(max_size=200))
@example("a = " + "[" * 5000)
@example("rendition = [{name" + ".a" * 3000 + " = 1}]")
@example("a = " + "9" * 5000)
def test_any_text_is_a_recipe_or_a_recipe_error(text: str) -> None:
    with pytest.raises(RecipeError):
        read(text)


# --- The schema and the page


def test_the_committed_schema_is_the_one_the_fields_give() -> None:
    stale = "run `python -m ops.schema`"
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == schema(), stale


def test_the_schema_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("text", [(ROOT / "recipe.toml").read_text(encoding="utf-8"), *SNIPPETS])
def test_the_schema_accepts_the_recipes_we_show(text: str) -> None:
    Draft202012Validator(schema()).validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        *("", "rendition = []", '[rendition]\nname = "x"', "[[rendition]]\nwidth = 3"),
        *(THUMB + wrong for wrong in ("width = 0", 'width = "3"', 'fit = "cover"', "widht = 3", "formats = []")),
        *(THUMB + wrong for wrong in ("quality = 101", "quality.jpg = 5", "sharpen = true", 'background = "red"')),
        *(wrong + THUMB for wrong in ('base_url = "x"\n', 'key_template = "{name}"\n', "limits.pixels = 0\n")),
        *(THUMB.replace("thumb", wrong) for wrong in ("manifest", "Thumb")),
        *(THUMB + wrong for wrong in ("[[rule]]", "overlay = {}", "overlay = { file = 'x', scale = 2 }")),
    ],
)
def test_the_schema_refuses_clear_mistakes_and_so_does_reading(text: str) -> None:
    assert not Draft202012Validator(schema()).is_valid(tomllib.loads(text))
    assert problems_of(text)


def test_the_page_has_every_field_in_the_words_of_the_table() -> None:
    page = (ROOT / "docs/recipe.md").read_text(encoding="utf-8")
    assert "\n".join(reference()).strip() in page


@pytest.mark.parametrize("text", SNIPPETS)
def test_every_recipe_on_the_page_can_be_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "watermark.png").write_bytes(PNG)
    assert read(text, tmp_path).rules


def test_there_are_three_recipes_on_the_page() -> None:
    assert len(SNIPPETS) == 3
