from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imaging.exchange import LONGEST_TEXT
from imaging.publishing.hints import Hints, read_hints

KNOWN = ("thumb", "small", "large")


def test_an_editor_who_says_nothing_gets_everything() -> None:
    assert read_hints({}, KNOWN) == Hints()
    assert read_hints({"focal-point": "", "alt": " ", "renditions": ""}, KNOWN) == Hints()


@pytest.mark.parametrize(
    ("typed", "point"), [("0.3,0.4", (0.3, 0.4)), (" 0 , 1 ", (0.0, 1.0)), ("1,0", (1.0, 0.0)), ("3e-1,.4", (0.3, 0.4))]
)
def test_a_focal_point_is_two_numbers_from_0_to_1(typed: str, point: tuple[float, float]) -> None:
    hints = read_hints({"focal-point": typed}, KNOWN)
    assert (hints.focal_point, hints.warnings) == (point, ())


@pytest.mark.parametrize(
    "typed", ["0.3", "0.3,0.4,0.5", "left,top", "1.01,0", "-0.1,0", "0,1.01", "0,-0.1", "nan,nan", "inf,0", ","]
)
def test_any_other_focal_point_is_a_warning_that_says_what_to_write(typed: str) -> None:
    hints = read_hints({"focal-point": typed}, KNOWN)
    assert hints.focal_point is None
    (warning,) = hints.warnings
    assert f'"{typed}"' in warning
    assert '"0.3,0.4"' in warning


def test_renditions_are_a_subset_in_the_order_of_the_recipe() -> None:
    assert read_hints({"renditions": "large, thumb,,thumb"}, KNOWN).renditions == ("thumb", "large")


def test_a_rendition_that_the_recipe_does_not_make_is_a_warning() -> None:
    hints = read_hints({"renditions": "thumb, huge"}, KNOWN)
    assert hints.renditions == ("thumb",)
    (warning,) = hints.warnings
    assert '"huge"' in warning
    assert "thumb, small, large" in warning


def test_where_no_rendition_named_is_known_all_are_made() -> None:
    hints = read_hints({"renditions": "huge"}, KNOWN)
    assert hints.renditions is None
    assert len(hints.warnings) == 1


@pytest.mark.parametrize(
    "value",
    [
        "Ein Kätzchen: 猫 🐈",
        "Ein Kätzchen: 猫 🐈".encode().decode("latin-1"),
        "=?UTF-8?B?" + b64encode("Ein Kätzchen: 猫 🐈".encode()).decode() + "?=",
        "=?utf-8?Q?Ein_K=C3=A4tzchen=3A_=E7=8C=AB_=F0=9F=90=88?=",
        "=?UTF-8?Q?Ein_K=C3=A4tzchen=3A_?= =?UTF-8?Q?=E7=8C=AB_=F0=9F=90=88?=",
    ],
)
def test_text_is_read_in_every_form_that_clients_send(value: str) -> None:
    hints = read_hints({"alt": value, "credit": value}, KNOWN)
    assert (hints.alt, hints.credit) == ("Ein Kätzchen: 猫 🐈",) * 2


def test_latin_1_that_is_no_utf_8_is_kept() -> None:
    assert read_hints({"alt": "Kätzchen"}, KNOWN).alt == "Kätzchen"


@pytest.mark.parametrize("value", ["=?klingon?Q?a?=", "=?utf-8?B?w?=", "=?utf-8?Q?=FF?="])
def test_encoded_words_that_cannot_be_decoded_are_kept_or_mended(value: str) -> None:
    assert read_hints({"alt": value}, KNOWN).alt


def test_text_becomes_one_line_of_bounded_length() -> None:
    assert read_hints({"alt": " a\r\n\tb\0c\u202e  d "}, KNOWN).alt == "a b c d"
    assert len(read_hints({"alt": "x" * 5_000}, KNOWN).alt) == LONGEST_TEXT


def test_what_a_warning_quotes_is_cut_short() -> None:
    (warning,) = read_hints({"focal-point": "9" * 500}, KNOWN).warnings
    assert len(warning) < 200


words = st.from_regex(r"=\?[a-z0-9\x00-]{0,9}\?[bBqQ]\?[ -~]{0,20}\?=", fullmatch=True)
values = st.one_of(st.text(max_size=80), words, st.lists(words, max_size=3).map(" ".join))


@given(st.dictionaries(st.sampled_from(["focal-point", "alt", "credit", "renditions", "x"]), values))
@example({"alt": "=?\0?q?a?="})
@example({"focal-point": "1e999,0"})
@example({"alt": "=?utf-7?q?+2AA-?="})
@example({"alt": "=?rot13?q?a?=", "credit": "=?hex?q?a?=", "renditions": "=?idna?q?" + "a" * 80 + "?="})
def test_hints_never_raise_and_are_always_one_printable_line(metadata: dict[str, str]) -> None:
    hints = read_hints(metadata, KNOWN)
    for text in (hints.alt, hints.credit, *hints.warnings):
        assert text.isprintable()
        assert text == " ".join(text.split())
        text.encode()
    if hints.focal_point:
        assert all(0 <= part <= 1 for part in hints.focal_point)
    assert hints.renditions is None or set(hints.renditions) <= set(KNOWN)
