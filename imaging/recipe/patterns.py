"""Patterns of keys in a recipe: `*` within a folder, `?` one character, `**` any folders."""

import re
from functools import cache

EVERY_KEY = ("**", "**/*", "**/**")
"""Patterns that take every key."""


def matches(pattern: str, key: str) -> bool:
    """Whether the whole key fits the pattern."""
    return _regex(pattern).fullmatch(key) is not None


@cache  # patterns come from the recipe alone, so they are few
def _regex(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression that takes at most the square of the key's length.

    Keys are hostile: `**a**a**a` as `.*a.*a.*a` would take minutes on a thousand "a". Where another wildcard follows,
    the first place that fits is as good as any later one, and an atomic group `(?>...)` stays with it.
    """
    first, *rest = re.split(r"(\*\*/?)", pattern)
    gaps = {"**/": "(?:.*?/)??", "**": ".*?"}
    parts = [gaps[gap] + _within_folder(text) for gap, text in zip(rest[::2], rest[1::2], strict=True)]
    return re.compile(_within_folder(first) + _first_place(parts), re.DOTALL)


def _within_folder(text: str) -> str:
    first, *rest = (re.escape(part).replace(r"\?", "[^/]") for part in text.split("*"))
    return first + _first_place([f"[^/]*?{part}" for part in rest])


def _first_place(parts: list[str]) -> str:
    return "".join(f"(?>{part})" for part in parts[:-1]) + "".join(parts[-1:])
