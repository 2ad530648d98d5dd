"""The command `ops diagrams`: the loop as docs/architecture.md draws it, from the table by which the loop decides."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from imaging.publishing.deciding import DECISIONS, Action
from imaging.publishing.reconciling import ROUNDS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
LOOP = re.compile(r"(?<=<!-- the loop -->\n).*(?=<!-- end of the loop -->)", re.DOTALL)
"""What this command writes of the page."""


@click.command()
@click.option("--write", is_flag=True, help="Refresh the diagram in docs/architecture.md.")
def diagrams(write: bool) -> None:
    """Print the loop as a mermaid diagram, or write it into its page."""
    if not write:
        click.echo("\n".join(loop()))
        return
    PAGE.write_text(with_diagram(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    click.echo(f"{PAGE.relative_to(ROOT)} is up to date")


def with_diagram(page: str) -> str:
    """The page with the loop as it is."""
    return LOOP.sub(lambda _: "\n".join(["```mermaid", *loop(), "```", ""]), page)


def loop() -> Iterator[str]:
    """The lines of the loop's diagram: a question for each row of the table, and where each answer leads."""
    *rows, last = DECISIONS
    yield "flowchart TD"
    yield f'    observe["observe, {ROUNDS} times at most"] --> row1'
    for number, row in enumerate(rows, start=1):
        below = f"row{number + 1}" if number < len(rows) else _name(last.action)
        # No number in the text: mermaid takes what begins with one for a list.
        yield f'    row{number}{{{{"{row.situation}"}}}}'
        yield f"    row{number} -- yes --> {_name(row.action)}"
        yield f"    row{number} -- no --> {below}"
    for action in Action:
        if action is last.action:
            yield f'    {_name(action)}(["{action.value}"])'
        else:
            yield f'    {_name(action)}["{action.value}"] --> manifest'
    yield '    manifest["write the manifest over the one seen, then delete what it lists no more"] --> observe'


def _name(action: Action) -> str:
    return action.name.lower()
