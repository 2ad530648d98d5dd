import itertools
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.recipe.lines import LONGEST_QUOTE, Lines, NotTomlError, quoted

RECIPE = """
# a comment
base_url = "/"
quality = { jpeg = [
  70 ], webp = 71 }
ignore = [
  "a",  # one

  "b",
]

[limits]
pixels = 5

[[rendition]]
name = "one"
overlay.file = "mark.png"
overlay.scale = 1
[rendition.quality]
avif = 7

[[rule]]
match = "x"
renditions = ["one", "two"]

[[rendition]]
name = '''
two'''
animated = false

[[rule]]
match = "y"
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("base_url",), 3),
        (("quality",), 4),
        (("quality", "jpeg"), 4),
        (("quality", "webp"), 5),
        (("ignore",), 6),
        (("ignore", 0), 7),
        (("ignore", 1), 9),
        (("limits",), 12),
        (("limits", "pixels"), 13),
        (("rendition", 0), 15),
        (("rendition", 0, "name"), 16),
        (("rendition", 0, "overlay"), 17),
        (("rendition", 0, "overlay", "scale"), 18),
        (("rendition", 0, "quality"), 19),
        (("rendition", 0, "quality", "avif"), 20),
        (("rule", 0, "renditions", 1), 24),
        (("rendition", 1), 26),
        (("rendition", 1, "name"), 27),
        (("rendition", 1, "animated"), 29),
        (("rule", 1), 31),
        (("rule", 1, "match"), 32),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_value_has_the_line_on_which_it_begins(path: tuple[str | int, ...], line: int, ending: str) -> None:
    assert Lines(RECIPE.replace("\n", ending)).line_of(path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("rendition", 0, "width"), 15),
        (("rendition", 0, "overlay", "opacity"), 17),
        (("rendition", 5, "name"), 15),
        (("rendition", 0, "name", "x"), 16),
        (("base_url", 0), 3),
        (("none",), None),
        ((), None),
    ],
)
def test_what_is_not_there_has_the_line_of_the_nearest_table_around_it(
    path: tuple[str | int, ...], line: int | None
) -> None:
    assert Lines(RECIPE).line_of(path) == line


@pytest.mark.parametrize("value", ["1", "true", "[]", "{}", "1979-05-27"])
def test_a_table_of_dotted_keys_begins_with_the_first_of_them_whatever_its_value(value: str) -> None:
    assert Lines(f"a = 1\nb.c.d = {value}\n").line_of(("b", "c")) == 2


def test_the_values_are_those_that_python_reads() -> None:
    assert Lines(RECIPE).values == tomllib.loads(RECIPE)


KEYS = st.lists(st.sampled_from(["a", "b", '"c d"']), min_size=1, max_size=2).map(".".join)
GAPS = st.sampled_from(["", " ", "\n", " # a comment\n"])


def join_list(parts: tuple[list[str], str]) -> str:
    items, gap = parts
    return f"[{gap}{f',{gap}'.join(items)}{gap}]"


VALUES = st.recursive(
    st.just("NUMBER"),
    lambda inner: (
        st.tuples(st.lists(inner, max_size=3), GAPS).map(join_list)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(
            lambda fields: f"{{ {', '.join(f'{name} = {value}' for name, value in fields.items())} }}"
        )
    ),
    max_leaves=5,
)
STATEMENTS = st.one_of(
    st.tuples(KEYS, VALUES).map(" = ".join),
    KEYS.map(lambda key: f"[{key}]"),
    KEYS.map(lambda key: f"[[{key}]]"),
    st.just("# a comment"),
)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], int]]:
    if isinstance(value, int):
        yield path, value
    for step, each in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from leaves(each, (*path, step))


@given(st.lists(STATEMENTS, max_size=8))
def test_no_value_has_a_line_on_which_it_does_not_stand(statements: list[str]) -> None:
    numbers = itertools.count(1_000_000)
    text = re.sub("NUMBER", lambda _: str(next(numbers)), "\n".join(statements))
    try:
        lines = Lines(text)
    except NotTomlError:
        return
    for path, number in leaves(lines.values):
        line = lines.line_of(path)
        assert line is None or str(number) in text.split("\n")[line - 1]


def test_tables_that_tomlkit_cannot_follow_are_read_without_lines() -> None:
    text = '[b]\na.b = 1.5\n[[b.a.c]]\n["x y"]\n[[b.a.c]]\n[a.c]'
    lines = Lines(text)
    assert lines.values == tomllib.loads(text)
    assert lines.line_of(("b", "a")) is None


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a = 1\nwidth 320\n", 2, "Expected '=' after a key in a key/value pair"),
        ("a = 1\na = 2\nb = 3\n", 2, "Cannot overwrite a value"),
        ("a = 1\nb = [\n\n", 2, "Invalid value"),
        ('a = 1\nb = "x\n\n', 2, "Illegal character '\\n'"),
        ("a = " + "[" * 5000, None, "it is nested too deeply"),
        ("a = " + "9" * 5000, None, "Exceeds the limit"),
    ],
)
def test_what_is_no_toml_has_the_line_and_the_reason(text: str, line: int | None, reason: str) -> None:
    with pytest.raises(NotTomlError) as raised:
        Lines(text)
    assert raised.value.line == line
    assert str(raised.value).startswith(reason)


def test_a_line_is_quoted_without_its_indent_in_printable_characters_and_cut_when_it_is_long() -> None:
    text = 'a = 1\n\t b = "\x85"\r\nc = "' + "x" * 200
    assert quoted(text, 1) == "a = 1"
    assert quoted(text, 2) == 'b = "\\x85"'
    assert quoted(text, 3) == 'c = "' + "x" * (LONGEST_QUOTE - 5) + "..."
    assert quoted("x" * LONGEST_QUOTE, 1) == "x" * LONGEST_QUOTE
