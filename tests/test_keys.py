import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.keys import LONGEST_KEY, manifest_key_of, prefix_of, visible


def test_what_is_made_of_a_source_stands_under_its_key() -> None:
    assert prefix_of("news/cat.jpg") == "news/cat.jpg/"
    assert manifest_key_of("news/cat.jpg") == "news/cat.jpg/manifest.json"


def test_even_a_source_with_the_longest_key_has_a_place_for_its_manifest() -> None:
    for length in (LONGEST_KEY - 14, LONGEST_KEY - 13, LONGEST_KEY):
        assert len(manifest_key_of("k" * length).encode()) <= LONGEST_KEY
    assert prefix_of("k" * (LONGEST_KEY - 14)) == "k" * (LONGEST_KEY - 14) + "/"
    assert prefix_of("k" * (LONGEST_KEY - 13)).startswith("/")


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30), st.sampled_from([1, 40, 500]))
def test_prefixes_differ_where_keys_do(one: str, other: str, times: int) -> None:
    assert (prefix_of(one * times) == prefix_of(other * times)) == (one * times == other * times)


def test_a_key_that_prints_is_shown_as_it_is() -> None:
    assert visible("news/2026/Köln 名前 😀+%20.jpg") == "news/2026/Köln 名前 😀+%20.jpg"


@pytest.mark.parametrize("key", ["a\nb", "\x1b[31m", "\u202egpj.exe", "\ud800", "a\u2028b"])
def test_what_does_not_print_in_a_key_is_shown_as_its_escape(key: str) -> None:
    assert visible(key).isprintable()
    assert "\\" in visible(key)
