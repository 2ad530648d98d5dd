"""The contact sheet of `ops render`: one HTML page of what was made of every source, or why nothing was.

It holds all that it shows, so that it can be sent to an editor as it is; its links lead to the files beside it.
"""

import base64
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from html import escape
from itertools import count, groupby
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from imaging.publishing.manifest import Manifest, Rendition
from imaging.recipe.spec import RenditionSpec
from ops.files import path_of

NAME = "contact-sheet{}.html"
PREVIEW = (352, 288)
"""Pixels a picture on the page has at most, twice what is shown of it: 3 KB on average."""
LARGEST = 50_000_000
"""Pixels of a rendition that is opened for the page; a larger one is loaded by the browser."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2126; --soft: #66707c; --page: #f4f5f7; --card: #fff;
  --line: #dfe3e8; --good: #1a7f4b; --bad: #b3261e; --odd: #8a5a00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --soft: #98a2ae; --page: #14171a; --card: #1d2125; --line: #31373d;
    --good: #5fce96; --bad: #ff8a80; --odd: #e8b35a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 75rem; padding: 2rem 1rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; }
header p { margin: .25rem 0 1.5rem; color: var(--soft); }
article { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--soft);
  border-radius: 8px; margin-top: 1rem; padding: .9rem 1.1rem; content-visibility: auto;
  contain-intrinsic-height: auto 16rem; }
.published { border-left-color: var(--good); }
.rejected, .failed { border-left-color: var(--bad); }
h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
h2 small { font-weight: 400; color: var(--soft); margin-left: .5rem; }
.rejected h2 small, .failed h2 small { color: var(--bad); }
article p { margin: .25rem 0 0; overflow-wrap: anywhere; }
.facts, figcaption { color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums; }
.warning { color: var(--odd); font-size: .85rem; }
div { display: flex; flex-wrap: wrap; gap: 1rem; margin-top: .8rem; }
div:empty { display: none; }
figure { margin: 0; max-width: 100%; }
figcaption b { color: var(--ink); }
img { display: block; height: 9rem; width: auto; min-width: 1rem; max-width: min(22rem, 100%); object-fit: contain;
  border-radius: 4px; background: repeating-conic-gradient(#dde1e6 0 25%, #fff 0 50%) 0 / 16px 16px; }
a { color: inherit; }
"""


def page(counts: Mapping[str, int], cards: Iterable[str]) -> str:
    """The whole page, for the `cards` of every source and how many there are of each status."""
    summary = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Contact sheet: {escape(summary)}</title>\n<style>{STYLE}</style>",
            f"<header><h1>Contact sheet</h1>\n<p>{escape(summary)}</p></header>\n<main>",
            *cards,
            "</main>\n</html>\n",
        ]
    )


def place(folder: Path, keys: Iterable[str]) -> Path:
    """Where in `folder` the page goes: beside what was made of the sources, whatever their keys are."""
    taken = {path_of(Path(), key).parts[0].lower() for key in keys}
    names = (NAME.format(f"-{number}" if number else "") for number in count(start=0))
    return next(folder / name for name in names if name not in taken and not (folder / name).is_dir())


def alike(specs: Iterable[RenditionSpec]) -> Mapping[str, str]:
    """Of each spec, by its name, the first one that looks the same where both are small."""
    looks = {spec.name: _look(spec) for spec in specs}
    return {name: next(first for first in looks if looks[first] == look) for name, look in looks.items()}


def _look(spec: RenditionSpec) -> RenditionSpec:
    """The spec without all that nobody sees in a small picture; one that cuts keeps its box."""
    plain = replace(spec, name="any", formats=("png",), quality={}, effort={}, subsampling="4:2:0", max_bytes=None)
    return replace(plain, width=None, height=None) if spec.fit == "limit" else plain


def card(
    key: str,
    status: str,
    manifest: Manifest | None,
    error: str | None = None,
    tree: Path | None = None,
    same: Mapping[str, str] = {},
) -> str:
    """One source: what it is, and its renditions, or why there are none.

    `tree` is where their files stand; without it the page loads them from beside itself when they come into view.
    `same` is what `alike` says of the specs: of renditions that look the same, one is opened for all.
    """
    lines = [f'<article class="{escape(status)}">', f"<h2>{escape(key)}<small>{escape(status)}</small></h2>"]
    if error:
        lines.append(f"<p>{escape(error)}</p>")
    if manifest:
        lines.append(f'<p class="facts">{escape(_facts(manifest))}</p>')
        if manifest.rejection:
            code, reason, advice = manifest.rejection.code, manifest.rejection.reason, manifest.rejection.advice
            lines.append(f"<p><b>{escape(code)}</b>: {escape(reason)} {escape(advice)}</p>")
        lines += [f'<p class="warning">{escape(warning)}</p>' for warning in manifest.warnings]
        lines.append(f"<div>{''.join(_figures(manifest, tree, same))}</div>")
    return "\n".join([*lines, "</article>"])


def _figures(manifest: Manifest, tree: Path | None, same: Mapping[str, str]) -> Iterator[str]:
    previews: dict[str, str] = {}
    for name, group in groupby(manifest.renditions, key=lambda rendition: rendition.name):
        formats = list(group)
        source = _address(_lightest(formats).key)
        if tree:
            look = same.get(name, name)
            opened = _smallest([each for each in manifest.renditions if same.get(each.name, each.name) == look])
            if opened.width * opened.height <= LARGEST:
                if opened.key not in previews:
                    previews[opened.key] = preview(path_of(tree, opened.key))
                source = previews[opened.key]
        yield _figure(name, formats, manifest.alt, source)


def _lightest(formats: list[Rendition]) -> Rendition:
    return min(formats, key=lambda rendition: rendition.bytes)


def _smallest(renditions: list[Rendition]) -> Rendition:
    """The one that makes a preview soonest: the smallest that is large enough, else the largest."""

    def effort(rendition: Rendition) -> tuple[bool, int, bool, int]:
        small = rendition.width < PREVIEW[0] and rendition.height < PREVIEW[1]
        pixels = rendition.width * rendition.height
        # A JPEG opens smaller than it is, faster than the same picture in another format.
        return small, -pixels if small else pixels, rendition.format != "jpeg", rendition.bytes

    return min(renditions, key=effort)


def _facts(manifest: Manifest) -> str:
    source = manifest.source
    facts = [source.format or "", f"{source.width} x {source.height}" if source.width else "", size(source.bytes)]
    if (source.frames or 1) > 1:
        facts.append(f"{source.frames} frames")
    if manifest.renditions:
        total = sum(rendition.bytes for rendition in manifest.renditions)
        facts.append(f"{len(manifest.renditions)} renditions of {size(total)} in all")
    return " · ".join(fact for fact in facts if fact)


def _figure(name: str, formats: list[Rendition], alt: str, source: str) -> str:
    """One rendition in its formats."""
    shown = _lightest(formats)
    links = " · ".join(f'<a href="{_address(r.key)}">{escape(r.format)}</a> {size(r.bytes)}' for r in formats)
    return (
        f'<figure><a href="{_address(shown.key)}"><img src="{source}" alt="{escape(alt or name)}" '
        f'width="{shown.width}" height="{shown.height}" loading="lazy" decoding="async"></a>'
        f"<figcaption><b>{escape(name)}</b> {shown.width} x {shown.height}<br>{links}</figcaption></figure>"
    )


def preview(file: Path) -> str:
    """A data URI of a rendition, small; of an animation the first frame."""
    with Image.open(file) as image:
        image.draft("RGB", (PREVIEW[0] // 2, PREVIEW[1] // 2))
        image.thumbnail(PREVIEW, Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=70, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _address(key: str) -> str:
    """Where the copy of the object `key` stands, from the page."""
    return quote(path_of(Path(), key).as_posix())


def size(number: int) -> str:
    """A number of bytes as a person reads it."""
    if number < 1000:
        return f"{number} B"
    return f"{number / 1e3:,.1f} KB" if number < 1e6 else f"{number / 1e6:,.1f} MB"
