"""recipe.toml: checked whole, and compiled to the recipe.json that the function reads."""

import os
from pathlib import Path

from imaging.recipe.recipe import Recipe
from ops.recipe.check import InvalidRecipeError, Problem, checked
from ops.recipe.compile import compiled as in_json


def load(path: Path) -> Recipe:
    """The recipe in the file at `path`, whose overlays are named relative to it; RecipeError has every problem."""
    return Recipe.from_compiled(compiled(path))


def parse(text: str, folder: Path, where: str = "recipe.toml") -> Recipe:
    """The recipe in `text`, whose overlays are named relative to `folder`; RecipeError has every problem."""
    return Recipe.from_compiled(in_json(checked(text, folder, where), text.encode()))


def compiled(path: Path) -> bytes:
    """The recipe in the file at `path` as the function reads it; RecipeError has every problem."""
    try:
        toml = path.read_bytes()
        text = toml.decode("utf-8-sig")  # Windows' editor puts a byte order mark first
    except OSError as error:
        raise InvalidRecipeError(
            [Problem(None, "", f"the file cannot be read: {error.strerror}.")], str(path)
        ) from error
    except UnicodeDecodeError as error:
        line = toml.count(b"\n", 0, error.start) + 1
        raise InvalidRecipeError([Problem(line, "", "this is no UTF-8; save the file as UTF-8.")], str(path)) from error
    return in_json(checked(text, path.parent, str(path)), toml)


def write_compiled(path: Path) -> Recipe:
    """The recipe in the file at `path`, compiled to a file beside it: recipe.json for recipe.toml.

    RecipeError has every problem. OSError tells that the folder cannot be written to.
    """
    body = compiled(path)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.json")
    try:
        unfinished.write_bytes(body)
        unfinished.replace(path.with_suffix(".json"))  # whole at once: another program may be reading it
    finally:
        unfinished.unlink(missing_ok=True)
    return Recipe.from_compiled(body)
