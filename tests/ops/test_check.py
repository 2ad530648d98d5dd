import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imaging.recipe.recipe import Recipe
from ops import check as check_module
from ops.check import check
from ops.recipe import load

GOOD = (
    '[[rendition]]\nname = "thumb"\n[[rendition]]\nname = "large"\n[[rule]]\nmatch = "a/**"\nrenditions = ["large"]\n'
)
BAD = '[[rendition]]\nname = "thumb"\nwidth = true\nfit = "pad"\n'


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, in which the command is run from another folder."""
    monkeypatch.setattr(check_module, "OWN", tmp_path / "recipe.toml")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("INIT_CWD", str(tmp_path / "elsewhere"))
    (tmp_path / "recipe.toml").write_text(GOOD)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check, arguments)


def test_the_projects_own_recipe_is_recipe_toml_beside_the_handler() -> None:
    assert check_module.OWN.with_name("handler.py").exists()
    assert check_module.OWN.name == "recipe.toml"


@pytest.mark.usefixtures("own")
def test_a_valid_recipe_is_told_with_its_counts_and_every_rule() -> None:
    result = run()
    assert (result.exit_code, result.output) == (
        0,
        "recipe.toml is valid: 2 renditions, 2 rules\n  a/**  large\n  **  thumb, large\n",
    )


def test_one_rendition_and_one_rule_are_told_as_one(own: Path) -> None:
    (own / "recipe.toml").write_text('[[rendition]]\nname = "thumb"\n')
    assert run().output == "recipe.toml is valid: 1 rendition, 1 rule\n  **  thumb\n"


def test_the_projects_own_recipe_is_compiled_beside_it(own: Path) -> None:
    run()
    assert Recipe.from_compiled((own / "recipe.json").read_bytes()) == load(own / "recipe.toml")


def test_the_projects_own_recipe_is_compiled_by_its_path_as_well(own: Path) -> None:
    run("--recipe", "../recipe.toml")
    assert (own / "recipe.json").exists()


def test_another_recipe_is_the_callers_and_compiled_only_when_that_is_asked_for(own: Path) -> None:
    path = own / "elsewhere/photos.toml"
    path.write_text(GOOD)
    assert run("--recipe", "photos.toml").output.startswith("photos.toml is valid: 2 renditions")
    assert not path.with_suffix(".json").exists()
    assert run("--recipe", "photos.toml", "--write").exit_code == 0
    assert Recipe.from_compiled(path.with_suffix(".json").read_bytes()) == load(path)
    assert not (own / "recipe.json").exists()


def test_a_recipe_with_problems_ends_with_1_all_of_them_and_no_traceback(own: Path) -> None:
    (own / "recipe.toml").write_text(BAD)
    result = run()
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"Error: {own / 'recipe.toml'} has 2 problems:\n"
        '  - line 3: rendition "thumb", width: found true; write a whole number 1 to 16383.\n'
        "      width = true\n"
        '  - line 4: rendition "thumb", fit: "pad" needs a width and a height; add height.\n'
        '      fit = "pad"\n'
    )
    assert not (own / "recipe.json").exists()


@pytest.mark.usefixtures("own")
def test_a_recipe_that_is_not_there_is_one_sentence() -> None:
    result = run("--recipe", "none.toml")
    assert result.exit_code == 1
    assert result.stderr.endswith("none.toml has 1 problem:\n  - the file cannot be read: No such file or directory.\n")


def test_a_file_that_cannot_be_written_is_one_sentence_and_leaves_nothing_behind(own: Path) -> None:
    (own / "recipe.json").mkdir()
    result = run()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: the compiled recipe cannot be written: Is a directory\n"
    assert sorted(each.name for each in own.iterdir()) == ["elsewhere", "recipe.json", "recipe.toml"]


@pytest.mark.usefixtures("own")
def test_what_is_fine_is_told_in_json() -> None:
    result = run("--json")
    assert result.exit_code == 0
    assert json.loads(result.output) == {
        "valid": True,
        "renditions": ["large", "thumb"],
        "rules": [{"match": "a/**", "renditions": ["large"]}, {"match": "**", "renditions": ["thumb", "large"]}],
    }


def test_problems_are_told_in_json(own: Path) -> None:
    (own / "recipe.toml").write_text(BAD)
    result = run("--json")
    assert (result.exit_code, result.stderr) == (1, "")
    assert isinstance(result.exception, SystemExit), "no traceback"
    told = json.loads(result.stdout)
    assert told["valid"] is False
    assert told["problems"][0] == {
        "line": 3,
        "quoted": "width = true",
        "sentence": 'rendition "thumb", width: found true; write a whole number 1 to 16383.',
    }
    assert len(told["problems"]) == 2
