"""The recipes that are shown: recipe.toml with the examples in its comments, its page, and its schema."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from PIL import Image

from ops import manifest_schema
from ops import schema as schema_module
from ops.recipe import parse
from ops.recipe.check import InvalidRecipeError
from ops.schema import PAGE, SCHEMA, json_schema, schema, with_tables

ROOT = Path(__file__).parent.parent.parent
RECIPE = (ROOT / "recipe.toml").read_text(encoding="utf-8")
TEXT = PAGE.read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
THUMB = '[[rendition]]\nname = "thumb"\n'
STALE = "run `npm run ops -- schema --write`"


def examples() -> list[str]:
    """recipe.toml with one of its examples taken out of the comments, for each of them; a table is one example."""
    lines = RECIPE.split("\n")
    commented = [number for number, line in enumerate(lines) if re.match(r"#[^#: ]", line)]
    blocks: list[list[int]] = []
    for number in commented:
        follows = blocks and number == blocks[-1][-1] + 1 and lines[blocks[-1][0]].startswith("#[")
        blocks = [*blocks[:-1], [*blocks[-1], number]] if follows else [*blocks, [number]]
    return ["\n".join(line[1:] if number in block else line for number, line in enumerate(lines)) for block in blocks]


@pytest.mark.parametrize("text", examples())
def test_each_example_in_recipe_toml_works_where_it_stands(text: str) -> None:
    recipe, plain = parse(text, ROOT), parse(RECIPE, ROOT)
    changed = [name for name in recipe.__dataclass_fields__ if getattr(recipe, name) != getattr(plain, name)]
    assert set(changed) - {"toml_sha256"}, "an example that changes nothing shows nothing"


def test_all_examples_in_recipe_toml_work_together() -> None:
    assert len(examples()) == 4
    assert parse(re.sub(r"(?m)^#(?=[^#: ])", "", RECIPE), ROOT).rules[0].match == "avatars/**"


@pytest.mark.parametrize("text", SNIPPETS)
def test_every_recipe_on_the_page_is_valid(text: str, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "watermark.png")
    assert parse(text, tmp_path).rules


def test_there_are_three_recipes_on_the_page() -> None:
    assert len(SNIPPETS) == 3


def test_the_problems_on_the_page_are_told_in_these_words() -> None:
    text = "\n" * 5 + '[[rendition]]\nname = "hero"\nfit = "cover"\nbase_url = "https://images.example.com/"\n'
    with pytest.raises(InvalidRecipeError) as raised:
        parse(text, ROOT)
    assert str(raised.value) in TEXT


def test_the_page_has_every_field_in_the_words_of_its_type() -> None:
    assert with_tables(TEXT) == TEXT, STALE
    assert TEXT.count("\n| `") > 40


def test_the_committed_schema_is_the_one_that_the_types_give() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == json.dumps(json_schema(), indent=1) + "\n", STALE


def test_the_schema_is_a_valid_schema_without_references_that_editors_may_not_follow() -> None:
    Draft202012Validator.check_schema(json_schema())
    text = json.dumps(json_schema())
    assert "$ref" not in text
    assert "null" not in text, "TOML has no null"
    assert '"takes"' not in text


@pytest.mark.parametrize("text", [RECIPE, *SNIPPETS])
def test_the_schema_takes_the_recipes_that_are_shown(text: str) -> None:
    Draft202012Validator(json_schema()).validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        *("", "rendition = []", '[rendition]\nname = "x"', "[[rendition]]\nwidth = 3"),
        *(THUMB + wrong for wrong in ("width = 0", 'width = "3"', 'fit = "cover"', "widht = 3", "formats = []")),
        *(THUMB + wrong for wrong in ("quality = 101", "quality.jpg = 5", "sharpen = true", 'background = "red"')),
        *(THUMB + wrong for wrong in ('formats = ["gif", "gif"]', "effort.png = 10", "base_url = '/'")),
        *(wrong + THUMB for wrong in ('base_url = "x"\n', 'key_template = "{name}"\n', "limits.pixels = 0\n")),
        *(THUMB.replace("thumb", wrong) for wrong in ("manifest", "Thumb")),
        *(THUMB + wrong for wrong in ("[[rule]]", "overlay = {}", "overlay = { file = 'x', scale = 2 }")),
    ],
)
def test_the_schema_refuses_clear_mistakes_and_so_does_the_check(text: str) -> None:
    assert not Draft202012Validator(json_schema()).is_valid(tomllib.loads(text))
    with pytest.raises(InvalidRecipeError):
        parse(text, ROOT)


def test_the_schema_describes_every_field_with_its_default_and_what_it_takes() -> None:
    rendition = json_schema()["properties"]["rendition"]["items"]["properties"]
    assert rendition["width"] == {
        "description": "Width of the box in pixels. Any, when left out. Write a whole number 1 to 16383.",
        "maximum": 16383,
        "minimum": 1,
        "type": "integer",
    }
    assert (rendition["fit"]["default"], rendition["fit"]["enum"][0]) == ("limit", "limit")
    assert rendition["formats"]["default"] == ["webp", "auto"]


def test_the_command_prints_the_schema() -> None:
    result = CliRunner().invoke(schema)
    assert result.exit_code == 0
    assert json.loads(result.output) == json_schema()


def test_the_command_refreshes_a_stale_schema_and_a_stale_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_module, "ROOT", tmp_path)
    monkeypatch.setattr(schema_module, "SCHEMA", tmp_path / "recipe.schema.json")
    monkeypatch.setattr(schema_module, "PAGE", tmp_path / "recipe.md")
    monkeypatch.setattr(manifest_schema, "FILE", tmp_path / "manifest.schema.json")
    stale = TEXT.replace("| `width` |", "| `breadth` |")
    (tmp_path / "recipe.md").write_text(stale, encoding="utf-8")
    result = CliRunner().invoke(schema, ["--write"])
    assert result.output == "recipe.schema.json, recipe.md, manifest.schema.json are up to date\n"
    assert (tmp_path / "manifest.schema.json").exists()
    assert (tmp_path / "recipe.schema.json").read_bytes() == SCHEMA.read_bytes()
    assert (tmp_path / "recipe.md").read_text(encoding="utf-8") == TEXT
    assert stale != TEXT
