import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imaging.errors import RecipeError
from imaging.formats import WRITTEN, possible
from imaging.recipe import recipe as reading
from imaging.recipe.recipe import Recipe, Rule
from imaging.recipe.spec import Limits, Overlay, RenditionSpec
from ops.recipe import compiled, load, parse, write_compiled
from ops.recipe.check import checked
from ops.recipe.compile import compiled as in_json

ROOT = Path(__file__).parent.parent.parent
THUMB = '[[rendition]]\nname = "thumb"\n'
LARGE = '[[rendition]]\nname = "large"\n'
PAIR = f"{THUMB}width = 320\n{LARGE}width = 1920\n"


def read(text: str, folder: Path = ROOT) -> Recipe:
    return parse(text, folder)


def spec_of(text: str, folder: Path = ROOT) -> RenditionSpec:
    return read(text, folder).rules[0].specs[0]


def rule_of(text: str, key: str = "a.jpg", folder: Path = ROOT) -> Rule:
    rule = read(text, folder).rule_for(key)
    assert rule
    return rule


def mark(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(buffer, "PNG")
    return buffer.getvalue()


# --- What a recipe becomes


def test_the_recipe_in_the_repository_makes_four_renditions_of_every_key() -> None:
    recipe = load(ROOT / "recipe.toml")
    rule = recipe.rule_for("news/2026/cat.jpg")
    assert rule
    assert [(spec.name, spec.width, spec.height, spec.fit, spec.formats) for spec in rule.specs] == [
        ("thumb", 320, 320, "fill", ("webp", "auto")),
        ("small", 640, None, "limit", ("webp", "auto")),
        ("medium", 1280, None, "limit", ("webp", "auto")),
        ("large", 1920, None, "limit", ("webp", "auto")),
    ]
    assert recipe.cache_control == "no-cache"


def test_what_is_left_out_is_what_the_function_has_as_its_default() -> None:
    recipe = read(THUMB)
    spec = RenditionSpec("thumb", quality={"webp": 80, "jpeg": 80}, effort={"webp": 2, "png": 6})
    assert recipe == Recipe(
        rules=(Rule("**", (spec,), recipe.rules[0].pixels, recipe.rules[0].words),),
        ignore=("**/.DS_Store", "**/Thumbs.db", "**/desktop.ini", "**/._*"),
        key_template="{key}/{name}.{ext}",
        cache_control="no-cache",
        base_url="/",
        embed_credit=False,
        limits=Limits(),
        toml_sha256=hashlib.sha256(THUMB.encode()).hexdigest(),
    )


def test_every_field_reaches_the_function(tmp_path: Path) -> None:
    (tmp_path / "mark.png").write_bytes(mark())
    text = """
    key_template = "{key}/{name}-{digest}.{ext}"
    cache_control = "no-store"
    base_url = "https://cdn.example.com/"
    ignore = ["drafts/**"]
    embed_credit = true
    limits = { source_bytes = 1, pixels = 2, animation_pixels = 3, scans = 4 }

    [[rendition]]
    name = "thumb"
    width = 10
    height = 20
    fit = "fill"
    gravity = "north-east"
    enlarge = true
    background = "#123456"
    sharpen = 50
    overlay = { file = "mark.png", position = "north", scale = 0.5, opacity = 0.25 }
    formats = ["avif", "png"]
    quality = { avif = 33 }
    effort = { png = 9 }
    subsampling = "4:4:4"
    max_bytes = 9000
    animated = false

    [[rule]]
    match = "a/**"
    renditions = ["thumb"]
    """
    recipe = read(text, tmp_path)
    spec = RenditionSpec(
        name="thumb",
        width=10,
        height=20,
        fit="fill",
        gravity="north-east",
        enlarge=True,
        background="#123456",
        sharpen=50,
        overlay=Overlay(mark(), "north", 0.5, 0.25),
        formats=("avif", "png"),
        quality={"avif": 33},
        effort={"avif": 3, "png": 9},
        subsampling="4:4:4",
        max_bytes=9000,
        animated=False,
    )
    assert [(rule.match, rule.specs) for rule in recipe.rules] == [("a/**", (spec,)), ("**", (spec,))]
    assert (recipe.key_template, recipe.cache_control) == ("{key}/{name}-{digest}.{ext}", "no-store")
    assert (recipe.base_url, recipe.ignore, recipe.embed_credit) == ("https://cdn.example.com/", ("drafts/**",), True)
    assert recipe.limits == Limits(1, 2, 3, 4)


def test_a_renditions_own_quality_goes_before_the_recipes_and_that_before_the_default() -> None:
    formats = 'formats = ["jpeg", "webp", "avif", "png", "gif"]\n'
    spec = spec_of("quality = { jpeg = 70, webp = 71 }\neffort = 5\n" + THUMB + formats + "quality = { webp = 50 }\n")
    assert spec.quality == {"jpeg": 70, "webp": 50, "avif": 60}
    assert spec.effort == {"png": 5, "webp": 5, "avif": 5}
    assert spec_of("quality.jpeg = 9\n" + THUMB + formats + "quality = 33\n").quality == {
        "jpeg": 33,
        "webp": 33,
        "avif": 33,
    }


def test_a_spec_has_numbers_of_the_formats_it_can_make_and_no_others() -> None:
    spec = spec_of("quality = 9\neffort = 3\n" + THUMB + 'formats = ["auto"]\n')
    assert (spec.quality, spec.effort) == ({"jpeg": 9}, {"png": 3})


def test_names_with_a_digest_are_cached_for_a_year_unless_the_recipe_says_otherwise() -> None:
    template = 'key_template = "{key}/{name}.{digest}.{ext}"\n'
    assert read(template + THUMB).cache_control == "public, max-age=31536000, immutable"
    assert read(template + 'cache_control = "no-store"\n' + THUMB).cache_control == "no-store"
    assert read(THUMB).cache_control == "no-cache"


def test_rules_come_in_their_order_and_a_last_one_takes_the_rest() -> None:
    avatars = '[[rule]]\nmatch = "avatars/**"\nrenditions = ["thumb"]\n'
    gifs = '[[rule]]\nmatch = "**/*.gif"\nrenditions = ["large", "thumb"]\n'
    all_of_them = '[[rule]]\nmatch = "all/**"\n'
    recipe = read(PAIR + avatars + gifs + all_of_them)
    assert [(rule.match, [spec.name for spec in rule.specs]) for rule in recipe.rules] == [
        ("avatars/**", ["thumb"]),
        ("**/*.gif", ["large", "thumb"]),
        ("all/**", ["thumb", "large"]),
        ("**", ["thumb", "large"]),
    ]


@pytest.mark.parametrize("every", ["**", "**/*", "**/**"])
def test_a_catch_all_of_the_recipe_takes_the_place_of_the_last_rule(every: str) -> None:
    recipe = read(f'{PAIR}[[rule]]\nmatch = "{every}"\nrenditions = ["large"]\n')
    assert [(rule.match, [spec.name for spec in rule.specs]) for rule in recipe.rules] == [(every, ["large"])]


def test_an_empty_ignore_list_ignores_nothing() -> None:
    assert read("ignore = []\n" + THUMB).ignore == ()


# --- The file that the function reads


def test_the_compiled_form_is_plain_json_and_has_each_overlay_once(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(mark())
    (tmp_path / "recipe.toml").write_text(f'{THUMB}overlay.file = "a.png"\n{LARGE}overlay.file = "b.png"\n')
    plain = json.loads(compiled(tmp_path / "recipe.toml"))
    digest = hashlib.sha256(mark()).hexdigest()
    assert plain["compiled"] == reading.COMPILED
    assert list(plain["overlays"]) == [digest]
    assert [each["overlay"] for each in plain["renditions"]] == [
        {"content": digest, "position": "south-east", "scale": 0.2, "opacity": 1.0}
    ] * 2
    assert [each["renditions"] for each in plain["rules"]] == [["thumb", "large"]]


@pytest.mark.parametrize("content", [THUMB.encode(), THUMB.replace("\n", "\r\n").encode(), THUMB.encode("utf-8-sig")])
def test_the_compiled_form_carries_the_hash_of_the_very_bytes_of_the_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    assert load(path).toml_sha256 == hashlib.sha256(content).hexdigest()


def test_a_recipe_is_compiled_to_a_file_beside_it_that_everybody_may_read(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(PAIR)
    recipe = write_compiled(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["recipe.json", "recipe.toml"]
    assert (tmp_path / "recipe.json").stat().st_mode == path.stat().st_mode
    assert Recipe.from_compiled((tmp_path / "recipe.json").read_bytes()) == recipe == load(path)


def test_compiling_replaces_what_was_compiled_and_a_mistake_leaves_it_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(THUMB)
    write_compiled(path)
    path.write_text(PAIR)
    recipe = write_compiled(path)
    path.write_text("mistake")
    with pytest.raises(RecipeError):
        write_compiled(path)
    assert Recipe.from_compiled((tmp_path / "recipe.json").read_bytes()) == recipe


NAMES = st.lists(st.sampled_from(["thumb", "small", "a-b_c", "x" * 40]), min_size=1, max_size=3, unique=True)
FORMATS = st.lists(st.sampled_from(sorted(WRITTEN)), min_size=1, max_size=3, unique=True)


@st.composite
def renditions(draw: st.DrawFn, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "width": draw(st.integers(1, 7000)),
        "height": draw(st.integers(1, 7000)),
        "fit": draw(st.sampled_from(["limit", "fill", "pad"])),
        "enlarge": draw(st.booleans()),
        "sharpen": draw(st.integers(0, 300)),
        "formats": draw(FORMATS | st.just(["auto"])),
        "max_bytes": draw(st.integers(1000, 10**12)),
        "animated": draw(st.booleans()),
    }


@given(st.data(), NAMES)
def test_every_recipe_reads_back_as_it_was_written(data: st.DataObject, names: list[str]) -> None:
    tables = [data.draw(renditions(name)) for name in names]
    text = "".join(
        "[[rendition]]\n" + "".join(f"{field} = {json.dumps(value)}\n" for field, value in table.items())
        for table in tables
    )
    recipe = Recipe.from_compiled(in_json(checked(text, ROOT, ""), b""))
    assert recipe.rules[0].specs == tuple(
        RenditionSpec(
            **{**table, "formats": tuple(table["formats"])},
            quality={name: each for name in possible(table["formats"]) if (each := WRITTEN[name].quality)},
            effort={name: each.default for name in possible(table["formats"]) if (each := WRITTEN[name].effort)},
        )
        for table in tables
    )


# --- Fingerprints


def test_fingerprints_do_not_change_with_comments_order_of_fields_or_other_rules() -> None:
    same = '# hello\n[[rendition]]\nwidth = 320\nname = "thumb"\n[[rendition]]\nwidth = 1920\nname = "large"\n'
    other_rule = '[[rule]]\nmatch = "avatars/**"\nrenditions = ["thumb"]\n'
    assert rule_of(PAIR) == rule_of(same) == rule_of(PAIR + other_rule)
    assert rule_of(PAIR).pixels != rule_of(PAIR + other_rule, "avatars/a.jpg").pixels
    assert re.fullmatch("[0-9a-f]{16}", rule_of(PAIR).pixels)
    assert re.fullmatch("[0-9a-f]{16}", rule_of(PAIR).words)


@pytest.mark.parametrize("change", ["quality = { avif = 10 }\n", "effort = { avif = 9 }\n", 'ignore = ["x"]\n'])
def test_fingerprints_do_not_change_with_what_changes_no_file(change: str) -> None:
    before, after = rule_of(PAIR), rule_of(change + PAIR)
    assert (before.pixels, before.words) == (after.pixels, after.words)


def test_a_base_url_changes_the_fingerprint_of_words_alone() -> None:
    before, after = rule_of(PAIR), rule_of('base_url = "https://images.example.com/"\n' + PAIR)
    assert before.pixels == after.pixels
    assert before.words != after.words


@pytest.mark.parametrize(
    "change",
    [
        'key_template = "{key}/{name}-{name}.{ext}"\n',
        'cache_control = "no-store"\n',
        "embed_credit = true\n",
        *(f"limits.{name} = 1000\n" for name in Limits.__dataclass_fields__),
        "quality = { jpeg = 10 }\n",
        "effort = 5\n",
    ],
)
def test_what_changes_every_file_changes_the_fingerprint_of_pixels_alone(change: str) -> None:
    before, after = rule_of(PAIR), rule_of(change + PAIR)
    assert before.pixels != after.pixels
    assert before.words == after.words


@pytest.mark.parametrize(
    "change",
    [
        *("width = 99", "height = 99", 'width = 9\nheight = 9\nfit = "fill"', "width = 9\nenlarge = true"),
        *('background = "#000000"', "sharpen = 50", 'formats = ["webp"]', 'formats = ["auto", "webp"]'),
        *("quality = 50", "effort = 3", 'subsampling = "4:4:4"', "max_bytes = 9000", "animated = false"),
    ],
)
def test_every_field_of_a_rendition_changes_the_fingerprint_of_pixels_alone(change: str) -> None:
    before, after = rule_of(THUMB), rule_of(THUMB + change)
    assert before.pixels != after.pixels
    assert before.words == after.words


def test_the_order_of_renditions_and_their_names_change_the_fingerprint_of_pixels() -> None:
    reversed_rule = '[[rule]]\nmatch = "**"\nrenditions = ["large", "thumb"]\n'
    assert len({rule_of(text).pixels for text in (PAIR, PAIR + reversed_rule, PAIR.replace("thumb", "tiny"))}) == 3


def test_an_overlays_bytes_place_scale_and_opacity_change_the_fingerprint_and_its_name_does_not(tmp_path: Path) -> None:
    for name, content in (("a.png", mark()), ("b.png", mark()), ("c.png", mark("blue"))):
        (tmp_path / name).write_bytes(content)

    def pixels(fields: str) -> str:
        return rule_of(f"{THUMB}overlay = {{ {fields} }}\n", folder=tmp_path).pixels

    assert pixels('file = "a.png"') == pixels('file = "b.png"')
    others = (
        'file = "c.png"',
        *(f'file = "a.png", {each}' for each in ('position = "east"', "scale = 1", "opacity = 0")),
    )
    assert len({pixels(fields) for fields in ('file = "a.png"', *others)}) == 5


def test_fingerprints_are_the_same_in_every_process_and_release() -> None:
    rule = rule_of(THUMB)
    assert (rule.pixels, rule.words) == ("fb6637ff62c10e51", "c5688be1ab0ba0d4"), (
        "others make everything again, everywhere"
    )


def test_raising_a_constant_changes_the_fingerprint_that_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rule_of(PAIR)
    monkeypatch.setattr(reading, "PIXELS", reading.PIXELS + 1)
    pixels = rule_of(PAIR)
    assert (pixels.pixels != before.pixels, pixels.words) == (True, before.words)
    monkeypatch.setattr(reading, "WORDS", reading.WORDS + 1)
    words = rule_of(PAIR)
    assert (words.pixels, words.words != before.words) == (pixels.pixels, True)
