"""Recipes that tests are about, small enough to render in a millisecond."""

from pathlib import Path

from imaging.recipe.recipe import Recipe
from ops.recipe import parse

STABLE = "{key}/{name}.{ext}"
DIGEST = "{key}/{name}.{digest}.{ext}"


def recipe(*names: str, template: str = STABLE, more: str = "") -> Recipe:
    """A recipe that makes a tiny PNG under each of these names, each a pixel wider than the one before."""
    text = f'key_template = "{template}"\n{more}\n'
    for width, name in enumerate(names or ("thumb", "large"), 4):
        text += f'[[rendition]]\nname = "{name}"\nwidth = {width}\nformats = ["png"]\n'
    return parse(text, Path())
