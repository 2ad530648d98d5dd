"""recipe.toml -> Recipe: what is made of which source. A Recipe that exists is valid.

FIELDS names every field once; reading, recipe.schema.json and the tables of docs/recipe.md come from it, so
they cannot disagree. What no single field can tell (fill needs width and height) stands at the end.
"""

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from imaging.errors import RecipeError
from imaging.model import FORMATS, Limits, Overlay, RenditionSpec, prefix_of

PIXELS = 2
"""Raise it when the code makes other pixels of the same recipe: everything published is then made again."""
DIGEST_LENGTH = 16
"""Hexadecimal digits of a rendition's SHA-256 that `{digest}` puts into its key."""


class Field(NamedTuple):
    """One field of recipe.toml: what it takes, and one line of help.

    A number has `least` and `most` (a list: `least` items), a text `choices` or a `pattern` that `words` put
    plainly, a table `fields`. A table that has `least` as well may be one number for all its fields.
    """

    kind: str  # text, integer, number, boolean, table, list (of texts, or of tables where there are fields)
    name: str
    help: str
    default: Any = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    words: str = ""
    fields: tuple[Any, ...] = ()
    required: bool = False

    def expects(self) -> str:
        """What to write here, in words."""
        if self.kind == "boolean":
            return "true or false"
        names = ", ".join(field.name for field in self.fields)
        if self.kind == "list" and self.fields:
            return f"tables headed [[{self.name}]] with {names}"
        if self.kind in ("text", "list"):
            text = self.words or f"one of {', '.join(map(_shown, self.choices))}"
            return f"a list, each {text}" if self.kind == "list" else text
        noun = "a number" if self.kind == "number" else "a whole number"
        number = f"{noun} {self.least} to {self.most}" if self.most else f"{noun}, at least {self.least}"
        if self.fields:
            return f"{'' if self.least is None else f'{number}, or '}a table with {names}"
        return number


# fmt: off
CATCH_ALL = ("**", "**/*", "**/**")
PATTERN = 'a pattern such as "folder/**" (* within a folder, ? one character, ** any folders)'
POINTS = ("centre", "north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
QUALITY = tuple(
    Field("integer", name, f"{name} quality.", default, 1, 100)
    for name, default in (("jpeg", 80), ("webp", 80), ("avif", 60))
)
EFFORT = tuple(
    Field("integer", name, f"{name} effort: {most} is slowest and smallest.", default, least, most)
    for name, default, least, most in (("png", 6, 1, 9), ("webp", 2, 0, 6), ("avif", 3, 0, 10))
)
LIMITS = (
    Field("integer", "source_bytes", "Bytes of a source.", Limits().source_bytes, 1),
    Field("integer", "pixels", "Width x height of a source.", Limits().pixels, 1),
    Field("integer", "animation_pixels", "Width x height x frames.", Limits().animation_pixels, 1),
    Field("integer", "scans", "Scans of a progressive JPEG; real ones have 20 at most.", Limits().scans, 1),
)
OVERLAY = (
    Field("text", "file", "The watermark, a PNG, WebP or JPEG file.", required=True,
          pattern=r"^[^/\\].*$", words="a path relative to the recipe"),
    Field("text", "position", "Where it stands.", "south-east", choices=POINTS),
    Field("number", "scale", "Its width as a share of the rendition's.", 0.2, 0.01, 1),
    Field("number", "opacity", "0 is invisible, 1 covers.", 1.0, 0, 1),
)
RENDITION = (
    Field("text", "name", "Stands in the rendition's key.", required=True,
          pattern="^(?!manifest$)[a-z0-9_-]{1,40}$",
          words='1 to 40 lower-case letters, digits, - and _, but not "manifest"'),
    Field("integer", "width", "Width of the box in pixels.", None, 1, FORMATS["webp"].longest),
    Field("integer", "height", "Height of the box in pixels.", None, 1, FORMATS["webp"].longest),
    Field("text", "fit", "limit fits inside the box, fill covers it and crops, pad fits and pads to it.",
          "limit", choices=("limit", "fill", "pad")),
    Field("text", "gravity", "What fill keeps: a side, the editor's focal point, or what is busiest (smart).",
          "centre", choices=("focal", "smart", *POINTS)),
    Field("boolean", "enlarge", "Whether a source smaller than the box is enlarged.", default=False),
    Field("text", "background", "Colour of padding, and behind transparency in JPEG.", "#ffffff",
          pattern="^#[0-9a-fA-F]{6}$", words='a colour such as "#ffffff"'),
    Field("integer", "sharpen", "Sharpening after the resize, in percent.", 0, 0, 300),
    Field("table", "overlay", "A watermark.", fields=OVERLAY),
    Field("list", "formats", "One file of each, best first. auto is JPEG when opaque and PNG when not.",
          ["webp", "auto"], 1, choices=(*FORMATS, "auto")),
    Field("table", "quality", "Goes before the recipe's own.", {}, 1, 100, fields=QUALITY),
    Field("table", "effort", "Goes before the recipe's own.", {}, 1, 6, fields=EFFORT),
    Field("text", "subsampling", "Colour detail of JPEG and AVIF; 4:4:4 keeps thin red text sharp.",
          "4:2:0", choices=("4:2:0", "4:4:4")),
    Field("integer", "max_bytes", "Byte budget of each file; quality goes down to meet it.", None, 1000),
    Field("boolean", "animated", "Whether animations move; false keeps the first frame.", default=True),
)
RULE = (
    Field("text", "match", "Which keys. The first rule that matches wins.", required=True,
          pattern="^.+$", words=PATTERN),
    Field("list", "renditions", "Which renditions; all when left out.", None, 1,
          pattern="^.+$", words="the name of a rendition"),
)
FIELDS = (
    Field("text", "key_template", "How keys are built. With {digest} they change with content.",
          "{key}/{name}.{ext}",
          pattern=r"^\{key\}/(?=.*\{name\})(?=.*\{ext\})([A-Za-z0-9._-]|\{(name|ext|digest)\})+$",
          words='"{key}/" and a file name of {name}, {ext}, perhaps {digest}, and letters, digits, . _ -'),
    Field("text", "cache_control", "Left out: no-cache, or immutable for a year with {digest}.",
          pattern="^[ -~]+$", words="a Cache-Control header in plain ASCII"),
    Field("text", "base_url", "Goes before keys in srcset, such as your CDN.", "/",
          pattern="^[^\\s\"'<>,]*/$", words="a URL that ends with /, without spaces, quotes and commas"),
    Field("list", "ignore", "Keys that nothing is made of.",
          ["**/.DS_Store", "**/Thumbs.db", "**/desktop.ini", "**/._*"], 0,
          pattern="^.+$", words=PATTERN),
    Field("boolean", "embed_credit", "Whether the editor's credit is written into files.", default=False),
    Field("table", "quality", "Quality of all renditions.", {}, 1, 100, fields=QUALITY),
    Field("table", "effort", "Effort of all renditions.", {}, 1, 6, fields=EFFORT),
    Field("table", "limits", "A source beyond one of them is rejected.", {}, fields=LIMITS),
    Field("list", "rendition", "One image made of each source.", None, 1, fields=RENDITION, required=True),
    Field("list", "rule", "Which renditions a key gets.", [], 0, fields=RULE),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Rule:
    """The renditions of keys that `match`. What changes them changes the fingerprint, nothing else does."""

    match: str
    specs: tuple[RenditionSpec, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is made of which source, and under which keys."""

    rules: tuple[Rule, ...]
    ignore: tuple[str, ...]
    key_template: str
    cache_control: str
    base_url: str
    embed_credit: bool
    limits: Limits

    def rule_for(self, key: str) -> Rule | None:
        """The first rule that matches `key`; None for folder keys and ignored ones."""
        if key.endswith("/") or any(_regex(pattern).fullmatch(key) for pattern in self.ignore):
            return None
        return next((rule for rule in self.rules if _regex(rule.match).fullmatch(key)), None)

    def rendition_key(self, key: str, name: str, extension: str, digest: str) -> str:
        """Where a rendition stands; `digest` is its SHA-256 in hexadecimal, cut to DIGEST_LENGTH."""
        return prefix_of(key) + self._file_name(name, extension, digest)

    def longest_output_key(self, key: str, rule: Rule) -> int:
        """Bytes of the longest key that could be written for `key`, its manifest's included."""
        names = (
            self._file_name(spec.name, FORMATS[made].extension, "0" * DIGEST_LENGTH)
            for spec in rule.specs
            for made in _made(spec.formats)
        )
        return len(f"{key}/".encode()) + max(map(len, ("manifest.json", *names)))

    def _file_name(self, name: str, extension: str, digest: str) -> str:
        template = self.key_template.removeprefix("{key}/")
        return template.format(name=name, ext=extension, digest=digest[:DIGEST_LENGTH])


def _made(formats: Iterable[str]) -> set[str]:
    return {made for name in formats for made in (("jpeg", "png") if name == "auto" else (name,))}


@cache  # patterns come from the recipe alone, so they are few
def _regex(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression that takes at most the square of the key's length.

    Keys are hostile: `**a**a**a` as `.*a.*a.*a` would take minutes on a thousand "a". Where another wildcard
    follows, the first place that fits is as good as any later one; an atomic group `(?>...)` stays with it.
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


def load(path: Path) -> Recipe:
    """The recipe in the file at `path`; overlay files are found relative to its folder."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows' editor puts a byte order mark first
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError([f"the file cannot be read: {error}."], str(path)) from error
    return parse(text, path.parent, str(path))


def parse(text: str, folder: Path, where: str = "recipe.toml") -> Recipe:
    """The recipe in `text`; overlay files are found relative to `folder`. RecipeError has every problem."""
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError([f"this is not TOML: {error}."], where) from error
    problems: list[str] = []
    given = _read_table(FIELDS, found, "", problems)
    problems += _rendition_problems(given.get("rendition") or [], folder)
    problems += _rule_problems(given.get("rule") or [], given.get("rendition") or [])
    if problems:
        raise RecipeError(problems, where)
    return _recipe(given)


def _recipe(given: dict[str, Any]) -> Recipe:
    values = _defaults(FIELDS) | given
    long_lived = "{digest}" in values["key_template"]
    fallback = "public, max-age=31536000, immutable" if long_lived else "no-cache"
    common = {
        **{name: values[name] for name in ("key_template", "base_url", "embed_credit")},
        "cache_control": values["cache_control"] or fallback,
        "limits": Limits(**_defaults(LIMITS) | values["limits"]),
    }
    specs = {each["name"]: _spec(each, values) for each in values["rendition"]}
    rules = values["rule"]
    if not any(rule["match"] in CATCH_ALL for rule in rules):
        rules = [*rules, {"match": "**"}]
    return Recipe(
        rules=tuple(
            _rule(rule["match"], [specs[name] for name in rule.get("renditions", specs)], common) for rule in rules
        ),
        ignore=tuple(values["ignore"]),
        **common,
    )


def _defaults(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {field.name: field.default for field in fields}


def _spec(given: dict[str, Any], recipe: Mapping[str, Any]) -> RenditionSpec:
    values = _defaults(RENDITION) | given
    for name, fields in (("quality", QUALITY), ("effort", EFFORT)):
        by_format = _defaults(fields)
        for value in (recipe[name], values[name]):
            by_format |= value if isinstance(value, dict) else dict.fromkeys(by_format, value)
        values[name] = by_format
    if values["overlay"]:
        values["overlay"] = Overlay(**_defaults(OVERLAY) | values["overlay"])
    values["formats"] = tuple(values["formats"])
    return RenditionSpec(**values)


def _rule(match: str, specs: list[RenditionSpec], common: Mapping[str, Any]) -> Rule:
    described = [asdict(spec) for spec in specs]
    for spec in described:
        for name in ("quality", "effort"):  # those of formats that are not made change nothing
            spec[name] = {made: spec[name].get(made) for made in _made(spec["formats"])}
        if spec["overlay"]:
            del spec["overlay"]["file"]  # its bytes count, whatever their name
    basis = {**common, "limits": asdict(common["limits"]), "specs": described, "pixels": PIXELS}
    canonical = json.dumps(basis, sort_keys=True, default=lambda data: hashlib.sha256(data).hexdigest())
    return Rule(match, tuple(specs), hashlib.sha256(canonical.encode()).hexdigest()[:16])


def _read_table(fields: tuple[Field, ...], found: Mapping[str, Any], place: str, problems: list[str]) -> dict[str, Any]:
    """The fields found, a wrong one as None, for TOML has no null; whatever is wrong becomes a problem."""
    known = {field.name: field for field in fields}
    inside = f"{place}, " if place else ""
    values = {}
    for name, value in found.items():
        if name in known:
            values[name] = _read(known[name], value, inside + name, problems)
        else:
            problems.append(f"{inside}{name}: there is no such field; {_nearest(name, known)}")
    problems += [
        f"{inside}{field.name}: found nothing; write {field.expects()}."
        for field in fields
        if field.required and field.name not in found
    ]
    return values


def _read(field: Field, found: Any, place: str, problems: list[str]) -> Any:
    if field.kind == "table" and isinstance(found, dict):
        return _read_table(field.fields, found, place, problems)
    if field.kind == "list" and isinstance(found, list) and len(found) >= (field.least or 0):
        item = field._replace(kind="table" if field.fields else "text", least=None)
        read = [
            _read(item, each, _place(field.name, number, each) if field.fields else place, problems)
            for number, each in enumerate(found, 1)
        ]
        twice = sorted({each for each in read if isinstance(each, str) and read.count(each) > 1})
        problems += [f"{place}: found {_shown(each)} twice; write it once." for each in twice]
        return None if None in read else read
    if _fits(field, found):
        return float(found) if field.kind == "number" else found
    meant = difflib.get_close_matches(found, field.choices, 1) if isinstance(found, str) else ()
    hint = f"did you mean {_shown(meant[0])}? Write" if meant else "write"
    problems.append(f"{place}: found {_shown(found)}; {hint} {field.expects()}.")
    return None


def _fits(field: Field, found: Any) -> bool:
    if isinstance(found, bool) or field.kind == "boolean":  # Python takes True for the number 1
        return isinstance(found, bool) and field.kind == "boolean"
    if isinstance(found, str) and field.kind == "text":
        return found in field.choices if field.choices else re.fullmatch(field.pattern, found) is not None
    # Bounds are asked so that nan, neither more nor less than anything, does not fit.
    if field.kind in ("text", "list") or field.least is None:
        return False
    number = isinstance(found, (int, float) if field.kind == "number" else int)
    return number and field.least <= found <= (field.most or float("inf"))


def _shown(found: Any) -> str:
    if isinstance(found, (dict, list)):
        return f"{'a' if found else 'an empty'} {'table' if isinstance(found, dict) else 'list'}"
    try:
        return json.dumps(found, ensure_ascii=False, default=str)
    except ValueError:  # Python prints no integer of more than 4,300 digits
        return "a huge number"


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    meant = difflib.get_close_matches(name, names, 1)
    return f"did you mean {meant[0]}?" if meant else f"there are {', '.join(names)}."


def _place(kind: str, number: int, table: Any) -> str:
    name = table.get("name") if isinstance(table, dict) else None
    return f"{kind} {_shown(name)}" if isinstance(name, str) else f"[[{kind}]] {number}"


def _rendition_problems(renditions: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    names: dict[str, int] = {}
    for number, given in enumerate(renditions, 1):
        name = given.get("name")
        if name and names.setdefault(name, number) != number:
            yield f"[[rendition]] {number}, name: {_shown(name)} is [[rendition]] {names[name]} already; take another."
        for problem in (*_clashes(given), *_format_clashes(given), *_read_overlay(given, folder)):
            yield f"{_place('rendition', number, given)}, {problem}"


def _clashes(given: Mapping[str, Any]) -> Iterator[str]:
    """Fields that cannot stand together. One that is wrong by itself is None, and has been told."""
    fit = given.get("fit", "limit")
    missing = [side for side in ("width", "height") if side not in given]
    if fit in ("fill", "pad") and missing:
        yield f'fit: "{fit}" needs a width and a height; add {" and ".join(missing)}.'
    if fit in ("limit", "pad") and given.get("gravity"):
        yield f'gravity: fit = "{fit}" crops nothing; write fit = "fill" or take gravity out.'
    if given.get("enlarge") and "width" in missing and "height" in missing:
        yield "enlarge: there is no box to enlarge to; add width or height or take enlarge out."


def _format_clashes(given: Mapping[str, Any]) -> Iterator[str]:
    formats = given.get("formats", ["webp", "auto"])
    if not formats:
        return
    made = _made(formats)
    these = f"this rendition makes {', '.join(sorted(made))}"
    if "auto" in formats and (twice := {"jpeg", "png"}.intersection(formats)):
        yield f'formats: "auto" makes {" and ".join(sorted(twice))} already; take one or the other out.'
    if given.get("subsampling") and not made & {"jpeg", "avif"}:
        yield f"subsampling: it is for jpeg and avif, and {these}; take it out."
    for name, fields in (("quality", QUALITY), ("effort", EFFORT)):
        value, known = given.get(name), [field.name for field in fields]
        if isinstance(value, int) and not made.intersection(known):
            yield f"{name}: it is for {', '.join(known)}, and {these}; take it out."
        if isinstance(value, dict):
            for unused in sorted(set(value) - made):
                yield f"{name}, {unused}: {these}; add {_shown(unused)} to formats or take this out."


def _read_overlay(given: dict[str, Any], folder: Path) -> Iterator[str]:
    """Put the overlay's bytes beside its other fields; tell why that cannot be."""
    overlay = given.get("overlay") or {}
    if not overlay.get("file"):
        return
    try:
        overlay["content"] = (folder / overlay["file"]).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        yield f"overlay, file: it cannot be read ({error}); write its path relative to the recipe."
        return
    if not overlay["content"].startswith((b"\x89PNG", b"RIFF", b"\xff\xd8")):
        yield f"overlay, file: {_shown(overlay['file'])} is no PNG, WebP or JPEG; export it as PNG."


def _rule_problems(rules: list[dict[str, Any]], renditions: list[dict[str, Any]]) -> Iterator[str]:
    names = [each["name"] for each in renditions if each.get("name")]
    earlier: dict[str, int] = {}
    for number, given in enumerate(rules, 1):
        for name in [each for each in given.get("renditions") or [] if names and each not in names]:
            yield f"[[rule]] {number}, renditions: there is no {_shown(name)}; {_nearest(name, names)}"
        match = given.get("match")
        if match and (before := next((n for each, n in earlier.items() if each in (match, *CATCH_ALL)), 0)):
            yield f"[[rule]] {number}, match: [[rule]] {before} takes all its keys; put it before that one."
        if match:
            earlier.setdefault(match, number)
