"""Ready-made HTML for a published source: `srcset` values and a `<picture>` snippet.

Keys and texts come from an uploader and end up in somebody's page, so each is encoded for the place where it stands.
"""

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from imaging.formats import WRITTEN
from imaging.publishing.manifest import Rendition
from imaging.recipe.geometry import NEED_BOTH_SIDES


def url(base_url: str, key: str) -> str:
    """The address of a rendition, percent-encoded.

    Slashes are encoded too where a browser would read the path otherwise: in `//host/x.jpg` as another site,
    in `a/../b.jpg` as `b.jpg`.
    """
    plain = all(segment not in ("", ".", "..") for segment in key.split("/"))
    return base_url + quote(key, safe="/" if plain else "")


def responsive(renditions: Sequence[Rendition]) -> list[Rendition]:
    """The renditions that show the same picture in several widths: those that keep the source's shape.

    Where none does, the renditions of the first name. One for each width and format, best format and narrowest first.
    """
    fitted = {each.name for each in renditions if each.fit not in NEED_BOTH_SIDES}
    names = fitted or {each.name for each in renditions[:1]}
    chosen = {(each.format, each.width): each for each in renditions if each.name in names}
    return sorted(chosen.values(), key=lambda each: (WRITTEN[each.format].best_first, each.width))


def srcset(renditions: Sequence[Rendition], base_url: str) -> Mapping[str, str]:
    """The `srcset` value of each format."""
    chosen = responsive(renditions)
    return {
        name: ", ".join(f"{url(base_url, each.key)} {each.width}w" for each in chosen if each.format == name)
        for name in dict.fromkeys(each.format for each in chosen)
    }


def picture_snippet(renditions: Sequence[Rendition], base_url: str, alt: str) -> str:
    """A `<picture>` element: the best format a browser knows, in the width it needs, without a layout jump."""
    chosen = responsive(renditions)
    if not chosen:
        return ""
    sets = srcset(renditions, base_url)
    *better, plainest = sets
    largest = [each for each in chosen if each.format == plainest][-1]
    sources = "".join(
        f'<source type="{WRITTEN[name].content_type}" srcset="{escape(sets[name])}" sizes="100vw">' for name in better
    )
    return (
        f'<picture>{sources}<img src="{escape(url(base_url, largest.key))}" srcset="{escape(sets[plainest])}" '
        f'sizes="100vw" width="{largest.width}" height="{largest.height}" alt="{escape(alt)}" '
        'loading="lazy" decoding="async"></picture>'
    )
