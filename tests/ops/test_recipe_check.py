import io
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image

from imaging.errors import RecipeError
from imaging.formats import WRITTEN
from imaging.recipe.geometry import FITS
from imaging.recipe.spec import LONGEST_SIDE
from ops.recipe import load, parse
from ops.recipe.check import InvalidRecipeError, Problem
from ops.recipe.clashes import LARGEST_RESULT
from ops.recipe.words import ELSEWHERE, Node, fields_of, node_of, takes, tree
from ops.schema import json_schema

ROOT = Path(__file__).parent.parent.parent
THUMB = '[[rendition]]\nname = "thumb"\n'


def problems_of(text: str, folder: Path = ROOT) -> tuple[Problem, ...]:
    with pytest.raises(InvalidRecipeError) as raised:
        parse(text, folder)
    assert raised.value.problems == tuple(map(str, raised.value.mistakes))
    return raised.value.mistakes


def problem_of(text: str, folder: Path = ROOT) -> Problem:
    (problem,) = problems_of(text, folder)
    return problem


def picture(size: tuple[int, int] = (8, 8), plugin: str = "PNG", mode: str = "RGBA") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, "#80400080" if mode == "RGBA" else 0).save(buffer, plugin)
    return buffer.getvalue()


# --- All problems at once

TEN_MISTAKES = """
cache_contrl = "no-cache"
base_url = "https://cdn.net"
embed_credit = 1
quality = { jpeg = 101 }

[[rendition]]
name = "Thumb!"
width = true

[[rendition]]
name = "hero"
width = 1920
fit = "fill"
gravity = "center"

[[rendition]]
name = "hero"
formats = ["webp", "auto"]

[[rule]]
match = "news/**"
renditions = ["heroo"]
"""
TOLD = """recipe.toml has 10 problems:
  - line 2: cache_contrl: there is no such field; did you mean cache_control?
      cache_contrl = "no-cache"
  - line 3: base_url: found "https://cdn.net"; write a URL that ends with /, without spaces, quotes and commas.
      base_url = "https://cdn.net"
  - line 4: embed_credit: found 1; write true or false.
      embed_credit = 1
  - line 5: quality, jpeg: found 101; write a whole number 1 to 100.
      quality = { jpeg = 101 }
  - line 8: rendition "Thumb!", name: found "Thumb!"; write 1 to 40 lower-case letters, digits, - and _, but not \
"manifest".
      name = "Thumb!"
  - line 9: rendition "Thumb!", width: found true; write a whole number 1 to 16383.
      width = true
  - line 14: rendition "hero", fit: "fill" needs a width and a height; add height.
      fit = "fill"
  - line 15: rendition "hero", gravity: found "center"; did you mean "centre"? Write one of "focal", "smart", \
"centre", "north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west".
      gravity = "center"
  - line 18: rendition "hero", name: [[rendition]] 2 has the name "hero" already; take another.
      name = "hero"
  - line 23: rule "news/**", renditions: there is no rendition "heroo"; did you mean "hero"?
      renditions = ["heroo"]"""


def test_ten_mistakes_are_told_all_at_once_each_with_its_line_quoted_what_was_found_and_the_fix() -> None:
    with pytest.raises(RecipeError) as raised:
        parse(TEN_MISTAKES, ROOT)
    assert str(raised.value) == TOLD


def test_a_problem_of_the_recipe_is_told_under_the_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "drafts.toml"
    path.write_text(THUMB + "widht = 3", encoding="utf-8")
    with pytest.raises(RecipeError) as raised:
        load(path)
    assert str(raised.value).startswith(f"{path} has 1 problem:\n  - line 3: ")


def test_problems_come_in_the_order_of_lines_whatever_finds_them() -> None:
    text = 'limits.scans = 0\n[[rendition]]\nname = "a"\nfit = "pad"\nwidht = 3\noverlay.file = "none"\nwidth = 0\n'
    assert [problem.line for problem in problems_of(text)] == [1, 4, 5, 6, 7]


# --- One mistake at a time


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", None, "rendition: found nothing; write tables headed [[rendition]]."),
        ("rendition = []", 1, "rendition: found an empty list; write tables headed [[rendition]]."),
        ('[rendition]\nname = "x"', 1, "rendition: found a table; write tables headed [[rendition]]."),
        ("rendition = 3", 1, "rendition: found 3; write tables headed [[rendition]]."),
        ("rendition = [3]", 1, "[[rendition]] 1: found 3; write a table with name, width,"),
        ("rule = [[]]\n" + THUMB, 1, "[[rule]] 1: found an empty list; write a table with match, renditions."),
        ("[[rendition]]\nwidth = 3", 1, "[[rendition]] 1, name: found nothing; write 1 to 40"),
        (THUMB.replace("thumb", "manifest"), 2, 'rendition "manifest", name: found "manifest"; write 1 to 40'),
        (THUMB.replace("thumb", "a\\n"), 2, 'rendition "a\\n", name: found "a\\n"; write 1 to 40'),
        (THUMB.replace('"thumb"', "3"), 2, "[[rendition]] 1, name: found 3; write 1 to 40"),
        (THUMB + "width = 0", 3, 'rendition "thumb", width: found 0; write a whole number 1 to 16383.'),
        (THUMB + "width = 16384", 3, 'rendition "thumb", width: found 16384; write a whole number 1 to 16383.'),
        (THUMB + 'width = "320"', 3, 'rendition "thumb", width: found "320"; write a whole number'),
        (THUMB + "width = 3.0", 3, 'rendition "thumb", width: found 3.0; write a whole number'),
        (THUMB + "width = 2026-01-01", 3, 'rendition "thumb", width: found "2026-01-01"; write a whole number'),
        (THUMB + f"width = 0x{'f' * 6000}", 3, 'rendition "thumb", width: found a huge number; write'),
        (THUMB + f"max_bytes = 0x{'f' * 6000}", 3, "max_bytes: found a huge number; write a whole number 1000 to"),
        (THUMB + "max_bytes = 999", 3, "max_bytes: found 999; write a whole number 1000 to 1_000_000_000_000."),
        (THUMB + "sharpen = 301", 3, 'rendition "thumb", sharpen: found 301; write a whole number 0 to 300.'),
        (THUMB + "sharpen = -1", 3, 'rendition "thumb", sharpen: found -1; write a whole number 0 to 300.'),
        (THUMB + "animated = 0", 3, 'rendition "thumb", animated: found 0; write true or false.'),
        (THUMB + 'background = "red"', 3, 'background: found "red"; write a colour such as "#ffffff".'),
        (THUMB + 'background = "#fffffff"', 3, 'background: found "#fffffff"; write a colour'),
        (THUMB + "formats = 3", 3, 'rendition "thumb", formats: found 3; write a list, each one of "jpeg"'),
        (THUMB + "formats = []", 3, 'rendition "thumb", formats: found an empty list; write a list'),
        (THUMB + 'formats = ["jpg"]', 3, 'rendition "thumb", formats: found "jpg"; did you mean "jpeg"? Write one of'),
        (THUMB + 'fit = "zzz"', 3, 'rendition "thumb", fit: found "zzz"; write one of "limit", '),
        (THUMB + "rule = 3", 3, 'rendition "thumb", rule: there is no such field; '),
        (THUMB + "rendition = 3", 3, 'rendition "thumb", rendition: there is no such field; '),
        (THUMB + 'formats = ["WEBP"]', 3, 'formats: found "WEBP"; did you mean "webp"? Write one of'),
        (THUMB + 'formats = [\n"gif",\n"gif"]', 5, 'rendition "thumb", formats: found "gif" twice; write it once.'),
        (THUMB + 'formats = ["gif", {}]', 3, 'formats: found an empty table; write one of "jpeg"'),
        (THUMB + "quality = { jpg = 50 }", 3, "quality, jpg: there is no such field; did you mean jpeg?"),
        (THUMB + "quality = { zzz = 50 }", 3, "quality, zzz: there is no such field; there are jpeg, "),
        (THUMB + "quality = 0", 3, "quality: found 0; write a whole number 1 to 100, or a table with jpeg,"),
        (THUMB + "quality = 101", 3, "quality: found 101; write a whole number 1 to 100, or a table"),
        (THUMB + "quality = true", 3, "quality: found true; write a whole number 1 to 100, or a table"),
        (THUMB + "quality.jpeg = true", 3, "quality, jpeg: found true; write a whole number 1 to 100."),
        (THUMB + "effort = 7", 3, "effort: found 7; write a whole number 1 to 6, or a table with png, "),
        (THUMB + "effort = 0", 3, "effort: found 0; write a whole number 1 to 6, or a table"),
        (THUMB + "effort.png = 10", 3, "effort, png: found 10; write a whole number 1 to 9."),
        (THUMB + "overlay = { scale = 0.5 }", 3, 'rendition "thumb", overlay, file: found nothing; write a path'),
        (THUMB + "overlay = 3", 3, 'rendition "thumb", overlay: found 3; write a table with file, position,'),
        (THUMB + 'overlay.file = "/etc/hosts"', 3, 'overlay, file: found "/etc/hosts"; write a path relative'),
        ("limits = { scans = 0 }\n" + THUMB, 1, "limits, scans: found 0; write a whole number 1 to"),
        ("limits = 3\n" + THUMB, 1, "limits: found 3; write a table with source_bytes"),
        ('key_template = "{name}.{ext}"\n' + THUMB, 1, 'key_template: found "{name}.{ext}"; write "{key}/" and'),
        ('key_template = "{key}/{name}/x.{ext}"\n' + THUMB, 1, "key_template: found"),
        ('key_template = "{key}/{name}"\n' + THUMB, 1, "key_template: found"),
        ('key_template = "{key}/{name}.{ext}\\n"\n' + THUMB, 1, "key_template: found"),
        ('cache_control = "a\\nb"\n' + THUMB, 1, 'cache_control: found "a\\nb"; write a Cache-Control header'),
        ('base_url = "a b/"\n' + THUMB, 1, 'base_url: found "a b/"; write a URL that ends with /'),
        ('ignore = [""]\n' + THUMB, 1, 'ignore: found ""; write a pattern such as "folder/**"'),
        ('ignore = ["a", "a"]\n' + THUMB, 1, 'ignore: found "a" twice; write it once.'),
        (THUMB + "[[rule]]", 3, "[[rule]] 1, match: found nothing; write a pattern such as"),
        (THUMB + '[[rule]]\nmatch = "a"\nrenditions = []', 5, 'rule "a", renditions: found an empty list; write'),
        (THUMB + '[[rule]]\nmatch = "a"\nrenditions = ["thumb", "thumb"]', 5, 'renditions: found "thumb" twice;'),
    ],
)
def test_each_wrong_value_is_one_problem_with_line_place_value_and_fix(text: str, line: int | None, told: str) -> None:
    problem = problem_of(text)
    assert told in problem.sentence
    assert problem.sentence.endswith((".", "?"))
    assert problem.line == line
    assert problem.quoted == ("" if line is None else text.split("\n")[line - 1])[:120] + "..." * ("f" * 99 in text)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (THUMB + 'formats = ["auto", "jpeg"]', 3, 'formats: "auto" makes jpeg already; take one or the other out.'),
        (THUMB + 'formats = ["png", "auto", "jpeg"]', 3, 'formats: "auto" makes png and jpeg already; take'),
        (THUMB + 'width = 1\nfit = "pad"', 4, 'fit: "pad" needs a width and a height; add height.'),
        (THUMB + 'fit = "fill"', 3, 'fit: "fill" needs a width and a height; add width and height.'),
        (THUMB + 'gravity = "smart"', 3, 'gravity: fit = "limit" crops nothing; write fit = "fill", or take gravity'),
        (THUMB + "enlarge = true", 3, "enlarge: there is no box to enlarge to; add width or height, or take"),
        (THUMB + "quality = { avif = 50 }", 3, 'quality, avif: this rendition makes webp, jpeg, png; add "avif" to'),
        (THUMB + 'formats = ["png"]\nquality = 50', 4, "quality: it is for jpeg, "),
        (THUMB + 'formats = ["jpeg"]\neffort = 5', 4, "effort: it is for png, "),
        (THUMB + 'formats = ["webp"]\nsubsampling = "4:4:4"', 4, "subsampling: it is for jpeg and "),
        (THUMB + THUMB, 4, 'rendition "thumb", name: [[rendition]] 1 has the name "thumb" already; take another.'),
        (
            THUMB + '[[rule]]\nmatch = "a"\nrenditions = [\n"thumb",\n"zzz"]',
            7,
            'rule "a", renditions: there is no rendition "zzz"; there are "thumb".',
        ),
        *(
            (f'{THUMB}[[rule]]\nmatch = "{every}"\n[[rule]]\nmatch = "a"', 6, 'rule "a", match: [[rule]] 1 takes all')
            for every in ("**", "**/*", "**/**")
        ),
        (
            THUMB + '[[rule]]\nmatch = "a"\n[[rule]]\nmatch = "b"\n[[rule]]\nmatch = "a"',
            8,
            'rule "a", match: [[rule]] 1 takes all its keys; put it before that one.',
        ),
    ],
)
def test_fields_that_cannot_stand_together_are_one_problem(text: str, line: int, told: str) -> None:
    problem = problem_of(text)
    assert told in problem.sentence
    assert problem.sentence.endswith((".", "?"))
    assert (problem.line, problem.quoted) == (line, text.split("\n")[line - 1])


@pytest.mark.parametrize(
    "fields",
    [
        'width = 1\nheight = 1\nfit = "fill"\ngravity = "focal"',
        'width = 1\nheight = 1\nfit = "pad"',
        "height = 3\nenlarge = true",
        'formats = ["jpeg", "png"]\nquality = 3\neffort = 3\nsubsampling = "4:4:4"',
        'formats = ["avif"]\nsubsampling = "4:4:4"',
        "quality = { jpeg = 3 }\neffort = { png = 3 }",
        "quality = 1\neffort = 1",
        "quality = 100\neffort = 6",
        f"width = {LONGEST_SIDE}\nheight = {LONGEST_SIDE}",
    ],
)
def test_fields_that_can_stand_together_are_no_problem(fields: str) -> None:
    assert parse(THUMB + fields, ROOT)


def test_a_rule_without_keys_is_not_told_to_be_unreachable_as_well() -> None:
    assert problem_of(THUMB + '[[rule]]\nmatch = "**"\n[[rule]]\nmatch = 3').sentence.startswith(
        "[[rule]] 2, match: found 3"
    )


def test_a_wrong_value_hides_no_problem_elsewhere() -> None:
    assert [problem.line for problem in problems_of(THUMB + 'formats = ["jpg"]\nenlarge = true')] == [3, 4]


def test_a_wrong_value_makes_no_second_problem_elsewhere() -> None:
    text = """
    [[rendition]]
    name = "a"
    width = "3"
    height = 3
    fit = "fill"
    formats = ["jpg"]
    quality = { avif = 3 }
    overlay.file = 3
    [[rendition]]
    name = "b"
    fit = "cover"
    gravity = "smart"
    [[rule]]
    match = "x"
    renditions = ["b", 3]
    """
    assert [problem.line for problem in problems_of(text)] == [4, 7, 9, 12, 16]


@pytest.mark.parametrize("scale", ["nan", "inf", "-inf", "0", "0.009", "1.01", "true", "0x" + "f" * 600])
def test_a_share_is_a_true_number_within_its_range(scale: str, tmp_path: Path) -> None:
    (tmp_path / "mark.png").write_bytes(picture())
    problem = problem_of(f'{THUMB}overlay = {{ file = "mark.png", scale = {scale} }}', tmp_path)
    assert problem.sentence.startswith('rendition "thumb", overlay, scale: found ')
    assert problem.sentence.endswith("; write a number 0.01 to 1.")


def test_a_value_is_shown_in_printable_characters_and_cut_when_it_is_long() -> None:
    assert 'found "\\u202e\\u0001x"; write' in problem_of(THUMB + 'background = "\u202e\\u0001x"').sentence
    assert f'found "{"x" * 99}...; write' in problem_of(THUMB + f'background = "{"x" * 200}"').sentence


# --- What was probably meant


@pytest.mark.parametrize(
    "header", ["[[rendition]]\n", '[[rule]]\nmatch = "a"\n', "[limits]\n", "[[rendition]]\noverlay."]
)
@pytest.mark.parametrize("field", ["base_url", "ignore", "key_template", "cache_control", "embed_credit", "limits"])
def test_a_field_of_the_recipe_below_a_header_is_told_to_move_up(header: str, field: str) -> None:
    if header == "[limits]\n" and field == "limits":
        return
    first = '[[rendition]]\nname = "a"\n'
    text = f"{'' if header == '[limits]' else first}{header.replace('[[rendition]]', first)}{field} = 3\n"
    sentences = [problem.sentence for problem in problems_of(text)]
    assert any(
        sentence.endswith(
            f"{field}: it is a field of the whole recipe; move it to the top, above the first [[rendition]]."
        )
        for sentence in sentences
    )


@pytest.mark.parametrize("text", ["width = 3\n" + THUMB, THUMB + '[[rule]]\nmatch = "a"\nwidth = 3'])
def test_a_field_of_a_rendition_elsewhere_is_told_to_move_below_one(text: str) -> None:
    assert problem_of(text).sentence.endswith("width: it is a field of a rendition; move it below a [[rendition]].")


def test_a_field_of_a_rendition_in_one_of_its_tables_is_no_field_there(tmp_path: Path) -> None:
    (tmp_path / "mark.png").write_bytes(picture())
    sentence = problem_of(THUMB + 'overlay = { file = "mark.png", width = 3 }', tmp_path).sentence
    assert sentence == (
        'rendition "thumb", overlay, width: there is no such field; there are file, position, scale, opacity.'
    )


@pytest.mark.parametrize(
    ("field", "word", "ours"),
    [(field, word, ours) for field, words in ELSEWHERE.items() for word, ours in words.items()],
)
def test_the_words_of_css_and_other_programs_are_known(field: str, word: str, ours: str) -> None:
    sentence = problem_of(f'{THUMB}width = 3\nheight = 3\n{field} = "{word}"').sentence
    assert sentence.endswith(f'found "{word}"; what other programs call "{word}" is "{ours}" here; write "{ours}".')
    assert ours in node_of(["rendition", 0, field])["enum"]


def test_cover_is_our_fill_and_contain_is_our_limit() -> None:
    assert {word: ELSEWHERE["fit"][word] for word in ("cover", "contain", "scale-down")} == {
        "cover": "fill",
        "contain": "limit",
        "scale-down": "limit",
    }


def test_a_new_fit_and_a_new_format_need_no_edit_of_the_check() -> None:
    assert node_of(["rendition", 0, "fit"])["enum"] == list(FITS)
    assert node_of(["rendition", 0, "formats", 0])["enum"] == [*WRITTEN, "auto"]
    quality = {name: writing.quality for name, writing in WRITTEN.items() if writing.quality}
    assert {name: field["default"] for name, field in fields_of(node_of(["quality"])).items()} == quality
    efforts = {name: writing.effort for name, writing in WRITTEN.items() if writing.effort}
    assert {
        name: (field["default"], field["minimum"], field["maximum"])
        for name, field in fields_of(node_of(["effort"])).items()
    } == {name: (effort.default, effort.least, effort.most) for name, effort in efforts.items() if effort}
    assert all(f"{name}: " in node_of(["rendition", 0, "fit"])["description"] for name in FITS)


# --- Results too large


@pytest.mark.parametrize(
    ("fields", "line", "size"),
    [
        (
            'width = 12000\nheight = 12000\nfit = "pad"',
            5,
            "12,000 x 12,000 pixels of the smallest source, 144 megapixels",
        ),
        ('width = 10000\nheight = 5001\nfit = "pad"', 5, "10,000 x 5,001 pixels of the smallest source, 50 megapixels"),
        ('width = 16383\nheight = 4000\nfit = "fill"\nenlarge = true', 6, "16,383 x 4,000 pixels"),
        ("width = 16000\nheight = 8000\nenlarge = true", 5, "16,000 x 8,000 pixels"),
        ("width = 8000\nheight = 16000\nenlarge = true", 5, "8,000 x 16,000 pixels"),
        ("height = 7072\nenlarge = true", 4, "7,072 x 7,072 pixels"),
        ("width = 7072\nenlarge = true", 4, "7,072 x 7,072 pixels"),
    ],
)
def test_a_result_too_large_whatever_the_source_is_the_recipes_fault(fields: str, line: int, size: str) -> None:
    problem = problem_of(THUMB + fields)
    assert f"this makes {size}" in problem.sentence
    advice = "make the box smaller, or take enlarge out." if "enlarge" in fields else "make the box smaller."
    assert problem.sentence.endswith(f" megapixels, and 50 is the limit; {advice}")
    assert problem.line == line


@pytest.mark.parametrize(
    "fields",
    [
        'width = 10000\nheight = 5000\nfit = "pad"',
        "width = 7071\nenlarge = true",
        'width = 16383\nheight = 16383\nfit = "fill"',
        "width = 16383\nheight = 16383",
        "width = 16383",
        "height = 16383\nwidth = 3000\nenlarge = true",
    ],
)
def test_a_result_that_only_a_large_source_makes_large_is_no_fault_of_the_recipe(fields: str) -> None:
    assert parse(THUMB + fields, ROOT)
    assert LARGEST_RESULT == 50_000_000


# --- Overlays


@pytest.mark.parametrize(("plugin", "mode"), [("PNG", "RGBA"), ("WEBP", "RGBA"), ("JPEG", "CMYK"), ("PNG", "I;16")])
def test_an_overlay_that_opens_is_found_beside_the_recipe(plugin: str, mode: str, tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    (tmp_path / "art/mark").write_bytes(picture((4096, 1), plugin, mode))
    overlay = parse(THUMB + 'overlay = { file = "art/mark", scale = 1 }', tmp_path).rules[0].specs[0].overlay
    assert overlay
    assert overlay.content == (tmp_path / "art/mark").read_bytes()
    assert (overlay.scale, overlay.position, overlay.opacity) == (1.0, "south-east", 1.0)


def noise(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 200).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is no PNG, WebP or JPEG; export it as PNG."),
        (b"<svg/>", "is no PNG, WebP or JPEG; export it as PNG."),
        (picture(plugin="GIF", mode="P"), "is no PNG, WebP or JPEG; export it as PNG."),
        (picture((64, 64), "BMP", "RGB"), "is no PNG, WebP or JPEG; export it as PNG."),
        (noise((64, 64))[:3000], "is damaged (image file is truncated"),
        (noise((64, 64))[:3000], "); export it again as PNG."),
        (picture((4097, 1)), "has 4,097 x 1 pixels and a side can have 4,096; export it smaller."),
        (picture((1, 4097), "JPEG", "L"), "has 1 x 4,097 pixels and a side can have 4,096; export it smaller."),
        (picture((20_000, 5000), "PNG", "1"), "has 20,000 x 5,000 pixels and a side can have 4,096; export"),
        (noise((2500, 2001)), "and can have 5,000,000; export it smaller."),
    ],
)
def test_an_overlay_that_would_fail_every_upload_is_a_problem_with_its_line(
    content: bytes, told: str, tmp_path: Path
) -> None:
    (tmp_path / "mark.png").write_bytes(content)
    problem = problem_of(THUMB + 'overlay.scale = 1\noverlay.file = "mark.png"', tmp_path)
    assert problem.sentence.startswith('rendition "thumb", overlay, file: the file "mark.png" ')
    assert told in problem.sentence
    assert problem.sentence.endswith(".")
    assert (problem.line, problem.quoted) == (4, 'overlay.file = "mark.png"')


def test_an_overlay_may_have_5_000_000_bytes_and_no_more(tmp_path: Path) -> None:
    path, text = tmp_path / "mark.png", THUMB + 'overlay.file = "mark.png"'
    path.write_bytes(picture().ljust(5_000_000, b"\0"))
    assert parse(text, tmp_path)
    path.write_bytes(picture().ljust(5_000_001, b"\0"))
    assert "has 5,000,001 bytes and can have 5,000,000" in problem_of(text, tmp_path).sentence


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("none.png", "cannot be read (No such file or directory); write its path relative to the recipe."),
        ("a\\u0000b", "cannot be read ("),
        ("x" * 5000, "cannot be read (File name too long); write its path relative to the recipe."),
        ("folder", "is no file; write the path of a picture, relative to the recipe."),
        pytest.param(
            "pipe",
            "is no file; write the path of a picture, relative to the recipe.",
            marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes"),
        ),
    ],
)
def test_an_overlay_that_cannot_be_read_is_a_problem(file: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    if file == "pipe":
        os.mkfifo(tmp_path / "pipe")
    assert told in problem_of(f'{THUMB}overlay.file = "{file}"', tmp_path).sentence


def test_two_bad_overlays_are_two_problems(tmp_path: Path) -> None:
    text = THUMB + 'overlay.file = "a"\n' + THUMB.replace("thumb", "large") + 'overlay.file = "a"\n'
    assert [problem.line for problem in problems_of(text, tmp_path)] == [3, 6]


# --- Files that are no recipe


def test_what_is_no_toml_is_one_sentence_with_its_line() -> None:
    assert problem_of(THUMB + "width 320\n") == Problem(
        3, "width 320", "this is not TOML: Expected '=' after a key in a key/value pair."
    )


def test_what_is_nested_too_deeply_is_one_sentence() -> None:
    assert problem_of("a = " + "[" * 5000) == Problem(None, "", "this is not TOML: it is nested too deeply.")


def test_a_file_that_cannot_be_read_is_a_problem_of_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="recipe.toml has 1 problem:\n  - the file cannot be read: No such file"):
        load(tmp_path / "recipe.toml")
    with pytest.raises(RecipeError, match="the file cannot be read: Is a directory"):
        load(tmp_path)


def test_a_file_that_is_no_text_is_a_problem_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_bytes(b"# one\n# \xff\n")
    with pytest.raises(RecipeError, match=r"line 2: this is no UTF-8; save the file as UTF-8\.$"):
        load(tmp_path / "recipe.toml")


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(THUMB, encoding="utf-8-sig")
    assert load(tmp_path / "recipe.toml").rules[0].specs[0].name == "thumb"


# --- Any recipe at all


def to_toml(value: Any) -> str:
    """A JSON value as TOML; a table is written inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {to_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(to_toml, value))}]"
    return json.dumps(value).replace("\x7f", "\\u007f").replace("NaN", "nan").replace("Infinity", "inf")


GARBAGE = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "fill", "thumb", "**", "webp", "auto"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=4,
)


def nearly(node: Node) -> st.SearchStrategy[Any]:
    """Values that mostly fit: tables use the true names of fields."""
    if "anyOf" in node:
        return st.one_of(map(nearly, node["anyOf"]))
    if "enum" in node:
        return st.sampled_from(node["enum"]) | GARBAGE
    match node["type"]:
        case "object":
            return nearly_table(node) | GARBAGE
        case "array":
            return st.lists(nearly(node["items"]), max_size=3) | GARBAGE
        case "boolean":
            return st.booleans() | GARBAGE
        case "string":
            return st.sampled_from(["thumb", "large", "**", "LICENSE", node.get("default", "a")]) | GARBAGE
        case _:
            return st.sampled_from([node["minimum"], node["maximum"], node["maximum"] + 1, 5]) | GARBAGE


def nearly_table(node: Node) -> st.SearchStrategy[Mapping[str, Any]]:
    fields = {name: nearly(field) for name, field in fields_of(node).items()}
    required = {name: fields.pop(name) for name in node.get("required", ())}
    return st.fixed_dictionaries(required, optional=fields | {"x": GARBAGE})


@given(nearly_table(tree()))
def test_any_table_is_a_recipe_or_has_problems_and_the_schema_takes_every_recipe(table: Mapping[str, Any]) -> None:
    text = "\n".join(f"{name} = {to_toml(value)}" for name, value in table.items())
    try:
        recipe = parse(text, ROOT)
    except InvalidRecipeError as error:
        problems = error.mistakes
    else:
        assert recipe.rule_for("a.jpg")
        assert Draft202012Validator(json_schema()).is_valid(tomllib.loads(text))
        return
    assert problems
    for problem in problems:
        assert problem.sentence.endswith((".", "?"))
        assert (problem.line is None) is (not problem.quoted)


@given(st.text(max_size=200))
def test_any_text_is_a_recipe_or_a_recipe_error(text: str) -> None:
    with pytest.raises(RecipeError):
        parse(text, ROOT)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5000,
        "a = " + "[" * 450 + "]" * 450,
        "a = " + "9" * 5000,
        "rendition = [{name" + ".a" * 3000 + " = 1}]",
        "[[rendition]]\nname" + ".a" * 3000 + " = 1",
        "[rendition" + ".a" * 3000 + "]\nname = 1",
    ],
)
def test_a_text_that_goes_very_deep_is_a_recipe_error(text: str) -> None:
    with pytest.raises(RecipeError):
        parse(text, ROOT)


def test_every_field_says_in_words_what_it_takes_and_has_a_line_of_help() -> None:
    def fields(node: Node) -> list[Node]:
        inner = [*fields_of(node).values(), *([node["items"]] if "items" in node else [])]
        return [node, *(each for child in inner for each in fields(child))]

    for field in fields(tree())[1:]:
        assert takes(field)
    for table in ([], ["rendition", 0], ["rendition", 0, "overlay"], ["rule", 0], ["limits"], ["quality"], ["effort"]):
        for field in fields_of(node_of(table)).values():
            assert field["description"].endswith(".")
