import time
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imaging.recipe.patterns import EVERY_KEY, matches


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
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
def test_patterns_mean_what_the_page_says(pattern: str, key: str, expected: bool) -> None:
    assert matches(pattern, key) is expected


@pytest.mark.parametrize("pattern", EVERY_KEY)
@pytest.mark.parametrize("key", ["a", "a/b", "a/b/c", "a//b", "\n"])
def test_the_patterns_of_every_key_take_every_key(pattern: str, key: str) -> None:
    assert matches(pattern, key)


def tried_out(pattern: str, key: str) -> bool:
    """The meaning of patterns, by trying everything."""

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
@example("a*b*a", "aba")
@example("a*b*a", "aa")
def test_patterns_match_exactly_what_trying_everything_finds(pattern: str, key: str) -> None:
    assert matches(pattern, key) is tried_out(pattern, key)


@pytest.mark.parametrize("pattern", ["**a**a**b", "*a*a*b", "**/a**/a*b", "**a*a**b"])
@pytest.mark.parametrize("key", ["a" * 1024, "a/" * 511 + "a"])
def test_a_hostile_key_cannot_make_a_pattern_slow(pattern: str, key: str) -> None:
    before = time.process_time()
    assert not matches(pattern, key)
    assert time.process_time() - before < 0.25
