from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from imaging.formats import WRITTEN
from imaging.publishing.manifest import Rendition
from imaging.publishing.markup import picture_snippet, responsive, srcset, url

PAGE = "https://paper.example/2026/story.html"

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
nasty = st.lists(st.sampled_from(["..", ".", "", "a", "%2e%2e", "\\", "evil.example", "javascript:", '"', " 2w,"])).map(
    "/".join
)


def files(name: str, width: int, *formats: str, key: str = "news/cat.jpg", fit: str = "limit") -> list[Rendition]:
    return [
        Rendition(
            name,
            f"{key}/{name}.{WRITTEN[each].extension}",
            each,
            WRITTEN[each].content_type,
            *(width, width // 2, 1, "", ""),
            fit,
        )
        for each in formats
    ]


def everything(*formats: str, key: str = "news/cat.jpg") -> list[Rendition]:
    return [
        *files("thumb", 320, *formats, key=key, fit="fill"),
        *files("large", 1920, *formats, key=key),
        *files("small", 640, *formats, key=key),
    ]


class Elements(HTMLParser):
    """What a browser finds in a snippet: each element with its attributes, and any text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.all.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_snippet_offers_the_best_format_first_and_every_width() -> None:
    assert picture_snippet(everything("webp", "jpeg"), "", "A cat") == (
        '<picture><source type="image/webp" srcset="news/cat.jpg/small.webp 640w, news/cat.jpg/large.webp 1920w" '
        'sizes="100vw"><img src="news/cat.jpg/large.jpg" '
        'srcset="news/cat.jpg/small.jpg 640w, news/cat.jpg/large.jpg 1920w" sizes="100vw" width="1920" height="960" '
        'alt="A cat" loading="lazy" decoding="async"></picture>'
    )


def test_srcset_lists_each_format_from_narrow_to_wide() -> None:
    assert srcset(everything("jpeg", "avif", "webp"), "https://cdn.example/") == {
        name: f"https://cdn.example/news/cat.jpg/small.{end} 640w, https://cdn.example/news/cat.jpg/large.{end} 1920w"
        for name, end in (("avif", "avif"), ("webp", "webp"), ("jpeg", "jpg"))
    }
    assert list(srcset(everything("jpeg", "avif", "webp"), "")) == ["avif", "webp", "jpeg"]


def test_crops_are_not_offered_as_the_same_picture_unless_there_is_nothing_else() -> None:
    assert {r.name for r in responsive(everything("webp"))} == {"small", "large"}
    for fit in ("fill", "pad"):
        squares = [*files("thumb", 320, "webp", fit=fit), *files("tile", 200, "webp", fit=fit)]
        assert {r.name for r in responsive(squares)} == {"thumb"}


def test_a_width_is_offered_once_however_many_specs_end_at_it() -> None:
    both = [*files("small", 500, "webp"), *files("large", 500, "webp")]
    assert srcset(both, "")["webp"].count("500w") == 1


def test_without_renditions_there_is_no_snippet() -> None:
    assert picture_snippet([], "", "") == ""
    assert srcset([], "") == {}


@given(st.one_of(keys, nasty), st.sampled_from(["", "https://cdn.example/", "/pictures/"]))
@example("//evil.example/x", "")
@example("../../admin", "https://cdn.example/")
@example("a/./b", "/pictures/")
@example("\\\\evil.example\\x", "")
@example("javascript:alert(1)", "")
@example("data:text/html,x", "")
@example("a\tb\n", "")
def test_a_url_stays_on_its_site_and_names_its_key(key: str, base_url: str) -> None:
    whole = f"{key}/thumb.webp"
    address = url(base_url, whole)
    assert address.isascii()
    assert not set(address) & set(" \t\r\n,\"'<>\\")
    there = urlsplit(urljoin(PAGE, address))
    at_home = urlsplit(urljoin(PAGE, base_url or "."))
    assert (there.scheme, there.netloc, there.query, there.fragment) == ("https", at_home.netloc, "", "")
    assert unquote(there.path) == at_home.path + whole


@given(st.one_of(keys, nasty), st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@example('"><script>alert(1)</script>', '" onload="alert(1)')
@example("a,b 2x.jpg", "</picture><!--")
@example("cat&quot;.jpg", "&lt;b&gt; & 'so' on")
def test_whatever_key_and_alt_are_a_snippet_is_a_picture_with_that_alt_and_nothing_else(key: str, alt: str) -> None:
    renditions = everything("webp", "jpeg", key=key)
    elements = Elements(picture_snippet(renditions, "", alt))
    assert [tag for tag, _ in elements.all] == ["picture", "source", "img"]
    assert elements.text == ""
    (_, _), (_, source), (_, image) = elements.all
    assert set(source) == {"type", "srcset", "sizes"}
    assert set(image) == {"src", "srcset", "sizes", "width", "height", "alt", "loading", "decoding"}
    assert (image["alt"] or "").replace("\r\n", "\n") == alt.replace("\r\n", "\n")
    for value in (source["srcset"], image["srcset"]):
        candidates = (value or "").split(", ")
        assert [candidate.split(" ")[1] for candidate in candidates] == ["640w", "1920w"]
        assert all(unquote(candidate.split(" ")[0]).startswith(f"{key}/") for candidate in candidates)
