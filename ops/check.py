"""The command `ops check`: validates a recipe, and compiles it for whatever starts the function."""

import json
from pathlib import Path

import click

from imaging.recipe.recipe import Recipe
from ops.files import caller_path
from ops.recipe import load, write_compiled
from ops.recipe.check import InvalidRecipeError

OWN = Path(__file__).resolve().parent.parent / "recipe.toml"


@click.command(epilog="Example: npm run ops -- check --recipe drafts/recipe.toml")
@click.option(
    "--recipe", "path", type=click.Path(path_type=Path), help="Another recipe than the project's recipe.toml."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.option("--write", is_flag=True, help="Compile another recipe, too: photos.toml to photos.json beside it.")
def check(path: Path | None, as_json: bool, write: bool) -> None:
    """Validate the recipe, tell every problem at once, and compile recipe.toml to recipe.json.

    Exits with 1 when there is a problem. recipe.json is what `npm start`, `sls invoke local` and the package read.
    """
    file = caller_path(path) if path else OWN
    try:
        recipe = write_compiled(file) if write or file.resolve() == OWN else load(file)
    except InvalidRecipeError as error:
        if not as_json:
            raise click.ClickException(str(error)) from None
        click.echo(json.dumps({"valid": False, "problems": [each._asdict() for each in error.mistakes]}))
        raise SystemExit(1) from None
    except OSError as error:
        raise click.ClickException(f"the compiled recipe cannot be written: {error.strerror}") from None
    click.echo(json.dumps({"valid": True, **_plain(recipe)}) if as_json else _told(file.name, recipe))


def _plain(recipe: Recipe) -> dict[str, object]:
    rules = [{"match": rule.match, "renditions": [spec.name for spec in rule.specs]} for rule in recipe.rules]
    return {"renditions": _names(recipe), "rules": rules}


def _told(file: str, recipe: Recipe) -> str:
    counted = f"{_count(len(_names(recipe)), 'rendition')}, {_count(len(recipe.rules), 'rule')}"
    rules = [f"  {rule.match}  {', '.join(spec.name for spec in rule.specs)}" for rule in recipe.rules]
    return "\n".join([f"{file} is valid: {counted}", *rules])


def _names(recipe: Recipe) -> list[str]:
    return list(dict.fromkeys(spec.name for rule in recipe.rules for spec in rule.specs))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
