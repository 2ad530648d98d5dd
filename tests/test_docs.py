"""The pages, held to the code: links, codes, variables, metrics, alarms, commands and diagrams."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from imaging.edges import telemetry
from imaging.errors import CODES
from imaging.publishing import reconciling
from imaging.publishing.manifest import PUBLISHED, REJECTED, Manifest, Reason, Source
from imaging.publishing.outcome import Outcome
from imaging.publishing.run import Run
from ops import diagrams
from ops.__main__ import COMMANDS, main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "tests" / "events" / "README.md"])
SERVERLESS = (ROOT / "serverless.yml").read_text(encoding="utf-8")
NPM = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["scripts"]

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    """What a link can lead to, as the forge names headings."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section_of(page: Path, heading: str) -> str:
    """The text below a heading, up to the next one of its level."""
    return re.split(r"^## ", text_of(page).partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def words_in_first_column(text: str) -> list[str]:
    """What is marked as code in the first column of the tables in `text`."""
    rows = re.findall(r"^ *\| (.+?) \|", text, re.MULTILINE)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def existing(path: Path, anchor: str) -> bool:
    return path.exists() and (not anchor or anchor in anchors_of(path))


# -- links and names ---------------------------------------------------------------------------------------


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", prose_of(page)))
    inside = [target.partition("#") for target in targets if not target.startswith("https://")]
    dead = [
        f"{path}#{anchor}" for path, _, anchor in inside if not existing(page.parent / path if path else page, anchor)
    ]
    assert dead == []


@every_page
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:imaging|ops|tests|docs)/[\w./-]*)`", text_of(page))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "serverless.yml", ROOT / "recipe.toml"], ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    scripts = re.findall(r"npm run ([a-z-]+)", text_of(page))
    commands = re.findall(r"npm run ops -- ([a-z-]+)|`ops ([a-z-]+)", text_of(page))
    assert [name for name in scripts if name not in NPM] == []
    assert [name for pair in commands for name in pair if name and name not in COMMANDS] == []


@every_page
def test_no_page_has_an_emoji(page: Path) -> None:
    assert re.findall(r"[\u2190-\U0010ffff]", text_of(page)) == []


def test_every_page_that_the_code_names_exists() -> None:
    files = [ROOT / "handler.py", ROOT / "serverless.yml", ROOT / "recipe.toml"]
    files += [*(ROOT / "imaging").rglob("*.py"), *(ROOT / "ops").rglob("*.py")]
    named = [
        (file.name, found)
        for file in files
        for found in re.findall(r"docs/([\w/-]+\.(?:md|json))(?:#([\w-]+))?", text_of(file))
    ]
    assert len(named) > 8
    assert [each for each in named if not existing(DOCS / each[1][0], each[1][1])] == []


def test_every_decision_is_in_the_index() -> None:
    folder = DOCS / "decisions"
    linked = re.findall(r"\]\(([\w-]+\.md)\)", text_of(folder / "README.md"))
    assert sorted(linked) == sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("page", [each for each in PAGES if each.parent.name == "decisions" and each.stem != "README"])
def test_every_decision_says_why_and_when_to_look_again(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", text_of(page), re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Look again when"]


# -- what the code says, and the pages explain -------------------------------------------------------------


def test_every_code_of_a_rejection_is_explained_to_editors_and_no_other() -> None:
    assert words_in_first_column(text_of(DOCS / "rejections.md")) == list(CODES)


def test_every_variable_of_the_function_is_explained_and_no_other() -> None:
    block = re.search(r"^    environment:\n((?: {6}.*\n)+)", SERVERLESS, re.MULTILINE)
    assert block
    variables = re.findall(r"^ {6}(\w+):", block[1], re.MULTILINE)
    assert "RAW_BUCKET" in variables
    assert words_in_first_column(section_of(DOCS / "deploying.md", "What the function is told")) == variables


def statuses() -> set[str]:
    """Every status that the loop's code gives an outcome."""
    calls = (each for each in ast.walk(ast.parse(inspect.getsource(reconciling))) if isinstance(each, ast.Call))
    given = (each.args[1] for each in calls if isinstance(each.func, ast.Name) and each.func.id == "Outcome")
    return {each.value for status in given for each in ast.walk(status) if isinstance(each, ast.Constant)}


class Names:
    """Stands for Powertools' metrics, which all of a process share: the names of what is sent, and nothing sent."""

    def __init__(self) -> None:
        self.sent: set[str] = set()

    def set_default_dimensions(self, **_dimensions: str) -> None:
        pass

    def add_metric(self, name: str, _unit: object, _value: float) -> None:
        self.sent.add(name)

    def flush_metrics(self) -> None:
        pass


def test_every_metric_is_explained_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    monkeypatch.setattr(telemetry, "Metrics", lambda: names)
    told = telemetry.Telemetry("dev")
    rejection = Reason("empty", "It is empty.", "Fill it.")
    manifests = {
        "published": Manifest(PUBLISHED, "1", Source("a.png")),
        "rejected": Manifest(REJECTED, "1", Source("a.png"), rejection=rejection),
    }
    for status in statuses():
        outcome = Outcome("a.png", status, manifests.get(status), crashes=int(status == "rejected"))
        told.settled("a.png", outcome, None, Run(), 0)
    told.settled("a.png", None, ValueError("ours"), Run(), 0)
    explained = words_in_first_column(section_of(DOCS / "deploying.md", "Watching it"))
    assert sorted(explained) == sorted(names.sent)


def test_every_alarm_has_its_section_and_no_section_lacks_an_alarm() -> None:
    alarms = re.findall(r'AlarmDescription: ".* docs/runbooks\.md#([\w-]+)"', SERVERLESS)
    assert len(alarms) == SERVERLESS.count("AWS::CloudWatch::Alarm\n")
    general = {"runbooks", "trying-keys-again", "making-everything-again"}
    assert anchors_of(DOCS / "runbooks.md") - general == set(alarms)


# -- diagrams ----------------------------------------------------------------------------------------------


def test_the_diagram_of_the_loop_is_fresh() -> None:
    page = text_of(diagrams.PAGE)
    assert diagrams.with_diagram(page) == page, "run `npm run ops -- diagrams --write`"


def test_the_command_prints_the_diagram_and_writes_it_into_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "architecture.md"
    page.write_text("before\n<!-- the loop -->\nold\n<!-- end of the loop -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(diagrams, "PAGE", page)
    monkeypatch.setattr(diagrams, "ROOT", tmp_path)
    printed = CliRunner().invoke(main, ["diagrams"])
    assert printed.output.startswith("flowchart TD\n")
    assert "old" in text_of(page)
    assert CliRunner().invoke(main, ["diagrams", "--write"]).output == "architecture.md is up to date\n"
    assert text_of(page) == (
        f"before\n<!-- the loop -->\n```mermaid\n{printed.output}```\n<!-- end of the loop -->\nafter\n"
    )


def mermaid() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for block in re.findall(r"^```mermaid\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL):
            kind, *lines = (line.strip() for line in block.splitlines())
            yield kind, lines


def test_every_arrow_of_a_flowchart_joins_two_boxes() -> None:
    charts = [lines for kind, lines in mermaid() if kind.startswith("flowchart ")]
    assert charts
    for lines in charts:
        boxes = {
            line.partition(shape)[0] for line in lines for shape in ("[", "{", "(") if re.match(rf"\w+\{shape}", line)
        }
        ends = [re.fullmatch(r"(\w+)(?:[\[({]+\".+\"[\])}]+)?(?: -- \w+)?(?: --> (\w+))?", line) for line in lines]
        assert all(ends), lines
        assert {name for each in ends if each for name in each.groups() if name} == boxes


def test_every_message_of_a_sequence_is_between_participants_and_every_block_ends() -> None:
    sequences = [lines for kind, lines in mermaid() if kind == "sequenceDiagram"]
    assert sequences
    for lines in sequences:
        known = {line.split()[1] for line in lines if line.startswith("participant ")}
        messages = [re.fullmatch(r"(\w+)--?>>(\w+): .+", line) for line in lines]
        assert {name for each in messages if each for name in each.groups()} == known
        opened = [line for line in lines if re.match(r"(loop|alt|opt) ", line)]
        assert len(opened) == lines.count("end")
        said = r"participant \w+( as .+)?|Note over [\w,]+: .+|(loop|alt|opt) .+|else .+|end"
        assert [
            line for line, each in zip(lines, messages, strict=True) if not each and not re.fullmatch(said, line)
        ] == []
