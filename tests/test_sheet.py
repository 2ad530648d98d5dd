import base64
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from imaging.publishing.manifest import Manifest, Reason, Rendition, Source
from imaging.recipe.spec import Overlay, RenditionSpec
from ops import sheet
from ops.sheet import card, page, size
from tests.builders import mean_difference, opened, saved, scene

HOSTILE = '<script>alert("1")</script> & \'.jpg'


class Page(HTMLParser):
    """Every element of a page, as its tag and attributes, and all its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def published(key: str = "cat.jpg", **changed: object) -> Manifest:
    source = Source(key, "e", 4_167_727, format="jpeg", width=4032, height=3024, frames=1)
    renditions = tuple(
        Rendition(name, f"{key}/{name}.{form}", form, f"image/{form}", side, side, count, "e", "s")
        for name, form, side, count in (
            ("thumb", "webp", 320, 9120),
            ("thumb", "jpeg", 320, 12_345),
            ("large", "jpeg", 1920, 812),
        )
    )
    return replace(Manifest("published", "w", source, renditions=renditions), **changed)  # type: ignore[arg-type]


def rejected(key: str, reason: Reason) -> Manifest:
    return Manifest("rejected", "w", Source(key, "e", 10), rejection=reason)


def test_a_source_is_shown_with_its_facts_and_every_rendition_with_size_and_bytes() -> None:
    shown = Page(card("cat.jpg", "published", published()))
    for fact in ("cat.jpg", "4032 x 3024", "4.2 MB", "320 x 320", "9.1 KB", "12.3 KB", "1920 x 1920", "812 B"):
        assert fact in shown.text
    assert {a["href"] for a in shown.all("a")} == {
        "cat.jpg/thumb.webp",
        "cat.jpg/thumb.jpeg",
        "cat.jpg/large.jpeg",
    }
    assert [i["src"] for i in shown.all("img")] == ["cat.jpg/thumb.webp", "cat.jpg/large.jpeg"]


def test_a_page_holds_its_pictures_small_where_it_is_told_where_they_stand(tmp_path: Path) -> None:
    manifest = published()
    for rendition in manifest.renditions:
        file = tmp_path / rendition.key
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(saved(scene(rendition.width, rendition.height), rendition.format))
    sources = [image["src"] or "" for image in Page(card("cat.jpg", "published", manifest, tree=tmp_path)).all("img")]
    assert [source.partition(",")[0] for source in sources] == ["data:image/webp;base64"] * 2
    small = [opened(base64.b64decode(source.partition(",")[2])) for source in sources]
    assert all(sheet.PREVIEW[0] // 2 <= picture.width <= sheet.PREVIEW[0] for picture in small)
    assert mean_difference(small[1], scene(1920, 1920).resize(small[1].size)) < 5


def test_renditions_that_differ_in_size_alone_are_alike_and_those_that_are_cut_or_marked_are_not() -> None:
    mark = Overlay(b"mark")
    specs = (
        RenditionSpec("small", 320, formats=("webp",)),
        RenditionSpec("large", 1920, quality={"webp": 40}),
        RenditionSpec("marked", 1920, overlay=mark),
        RenditionSpec("marked-small", 640, overlay=mark),
        RenditionSpec("sharp", 640, sharpen=100),
        RenditionSpec("square", 320, 320, fit="fill"),
        RenditionSpec("large-square", 640, 640, fit="fill"),
    )
    assert sheet.alike(specs) == {
        "small": "small",
        "large": "small",
        "marked": "marked",
        "marked-small": "marked",
        "sharp": "sharp",
        "square": "square",
        "large-square": "large-square",
    }


def test_of_renditions_that_look_the_same_the_smallest_that_is_large_enough_is_opened(tmp_path: Path) -> None:
    sides = {"tiny": 100, "small": 400, "large": 800}
    renditions = tuple(
        Rendition(name, f"a/{name}.png", "png", "image/png", side, side, 1, "e", "0" * 64)
        for name, side in sides.items()
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "small.png").write_bytes(saved(scene(400, 400), "png"))  # the others are not even there
    same = dict.fromkeys(sides, "tiny")
    shown = Page(card("a", "published", published("a", renditions=renditions), tree=tmp_path, same=same))
    assert len({image["src"] for image in shown.all("img")}) == 1
    assert [image["width"] for image in shown.all("img")] == ["100", "400", "800"]


def test_a_rendition_too_large_to_open_here_is_left_to_the_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet, "LARGEST", 1)
    shown = Page(card("cat.jpg", "published", published(), tree=tmp_path))
    assert [image["src"] for image in shown.all("img")] == ["cat.jpg/thumb.webp", "cat.jpg/large.jpeg"]


def test_the_page_stands_where_no_source_has_its_files(tmp_path: Path) -> None:
    (tmp_path / "contact-sheet-2.html").mkdir()
    assert sheet.place(tmp_path, ["cat.jpg"]).name == "contact-sheet.html"
    assert sheet.place(tmp_path, ["CONTACT-sheet.html/a"]).name == "contact-sheet-1.html"
    assert sheet.place(tmp_path, ["contact-sheet.html", "contact-sheet-1.html"]).name == "contact-sheet-3.html"


def test_a_rejection_is_shown_with_code_reason_and_advice() -> None:
    shown = Page(card("x.jpg", "rejected", rejected("x.jpg", Reason("damaged", "It is <broken>.", "Export it again."))))
    assert "damaged: It is <broken>. Export it again." in shown.text


def test_a_failure_is_shown_with_what_happened() -> None:
    assert (
        "crashed: its process ended with SIGABRT"
        in Page(card("x", "failed", None, "crashed: its process ended with SIGABRT")).text
    )


def test_a_warning_and_the_frames_of_an_animation_are_shown() -> None:
    manifest = published(warnings=("The colour profile was damaged.",))
    manifest = replace(manifest, source=replace(manifest.source, frames=12))
    shown = Page(card("cat.jpg", "published", manifest)).text
    assert "The colour profile was damaged." in shown
    assert "12 frames" in shown


@pytest.mark.parametrize("status", ["published", "rejected", "failed"])
def test_nothing_that_an_uploader_wrote_becomes_markup(status: str) -> None:
    manifest = {
        "published": published(HOSTILE, alt=HOSTILE, warnings=(HOSTILE,)),
        "rejected": rejected(HOSTILE, Reason(HOSTILE, HOSTILE, HOSTILE)),
        "failed": None,
    }[status]
    html = card(HOSTILE, status, manifest, HOSTILE if status == "failed" else None)
    assert "<script" not in html
    assert HOSTILE in Page(html).text
    assert {tag for tag, _ in Page(html).elements} <= {
        *("article", "h2", "small", "p", "b", "div", "figure", "a", "img", "figcaption", "br")
    }


@pytest.mark.parametrize("key", ["a b?.jpg", "50%.jpg", "#1.jpg", "../up.jpg", "javascript:alert(1)/x.jpg", "//host/x"])
def test_a_picture_is_loaded_from_beside_the_page_whatever_its_key(key: str) -> None:
    for image in Page(card(key, "published", published(key))).all("img"):
        address = image["src"] or ""
        assert not re.match(r"[a-z]+:|/", address)
        assert ".." not in unquote(address).split("/")
        assert not set(address) & set("?# \"'<>")


def test_the_page_counts_what_there_is_and_needs_no_script_and_nothing_from_elsewhere() -> None:
    html = page({"published": 2000, "rejected": 1}, [card("cat.jpg", "published", published())])
    assert "2,000 published, 1 rejected" in unescape(html)
    assert "prefers-color-scheme: dark" in html
    shown = Page(html)
    assert not shown.all("script")
    assert not shown.all("link")
    assert "http" not in html


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (999_900, "999.9 KB"), (4_167_727, "4.2 MB")]
)
def test_bytes_are_told_as_a_person_reads_them(count: int, words: str) -> None:
    assert size(count) == words
