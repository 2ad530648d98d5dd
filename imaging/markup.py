"""Ready-made HTML for a published source: `srcset` values and a `<picture>` snippet.

Keys and texts are an uploader's, and end in somebody's page: every one is encoded for where it stands.
"""

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from imaging.model import Rendition, RenditionSpec

BEST_FIRST = ("avif", "webp", "gif", "jpeg", "png")


def url(base_url: str, key: str) -> str:
    """The address of a rendition, percent-encoded.

    Slashes are encoded too where a browser would read the path otherwise: in `//host/x.jpg` as another site,
    in `a/../b.jpg` as `b.jpg`.
    """
    plain = all(segment not in ("", ".", "..") for segment in key.split("/"))
    return base_url + quote(key, safe="/" if plain else "")


def responsive(renditions: Sequence[Rendition], specs: Sequence[RenditionSpec]) -> list[Rendition]:
    """The renditions that show the same picture in several widths: those that are fitted, not cropped.

    Where all are cropped, those of the first spec. One of each width and format, the narrowest first.
    """
    whole = {spec.name for spec in specs if spec.fit == "limit"} or {spec.name for spec in specs[:1]}
    chosen = {(r.format, r.width): r for r in renditions if r.name in whole}
    return sorted(chosen.values(), key=lambda r: (BEST_FIRST.index(r.format), r.width))


def srcset(renditions: Sequence[Rendition], specs: Sequence[RenditionSpec], base_url: str) -> Mapping[str, str]:
    """The `srcset` value of each format."""
    chosen = responsive(renditions, specs)
    return {
        name: ", ".join(f"{url(base_url, r.key)} {r.width}w" for r in chosen if r.format == name)
        for name in dict.fromkeys(r.format for r in chosen)
    }


def picture_snippet(renditions: Sequence[Rendition], specs: Sequence[RenditionSpec], base_url: str, alt: str) -> str:
    """A `<picture>` element: the best format a browser knows, in the width it needs, without a layout jump."""
    chosen = responsive(renditions, specs)
    if not chosen:
        return ""
    sets = srcset(renditions, specs, base_url)
    *better, plainest = sets
    largest = [r for r in chosen if r.format == plainest][-1]
    sources = "".join(
        f'<source type="{next(r.content_type for r in chosen if r.format == name)}" '
        f'srcset="{escape(sets[name])}" sizes="100vw">'
        for name in better
    )
    return (
        f'<picture>{sources}<img src="{escape(url(base_url, largest.key))}" srcset="{escape(sets[plainest])}" '
        f'sizes="100vw" width="{largest.width}" height="{largest.height}" alt="{escape(alt)}" '
        'loading="lazy" decoding="async"></picture>'
    )
