"""The commands of a person's machine: `npm run ops -- COMMAND`, or `.venv/bin/python -m ops COMMAND`.

Each command is a function of its own name in a module of its own, imported when it is called and not before.
"""

import inspect
from importlib import import_module
from typing import Any, NamedTuple

import click

from imaging.errors import ImagingError


class Place(NamedTuple):
    """Where a command is written, what it does in one sentence, and how it is called."""

    module: str
    does: str
    example: str


# fmt: off
COMMANDS = {
    "start": Place(
        "ops.start", "Run the whole pipeline on this machine.",
        "npm start -- --once photos logo.png --out renditions"),
    "render": Place(
        "ops.render", "Make renditions of files and folders, without AWS.",
        "npm run ops -- render photos logo.png --out renditions"),
    "check": Place(
        "ops.check", "Validate the recipe, tell every problem at once, and compile recipe.toml to recipe.json.",
        "npm run ops -- check"),
    "schema": Place(
        "ops.schema", "Print the JSON Schema of recipe.toml, or write it, its page and the manifest's schema.",
        "npm run ops -- schema --write"),
    "diagrams": Place(
        "ops.diagrams", "Print the loop as a mermaid diagram, or write it into its page.",
        "npm run ops -- diagrams --write"),
    "test": Place(
        "ops.checks", "Check lint, format and types, and run the tests.",
        "npm test -- tests/test_files.py -k folder"),
    "verify-package": Place(
        "ops.verify_package", "Run the zip that would be deployed.",
        "npm run verify-package -- --stage dev"),
    "remove": Place(
        "ops.remove", "Remove a stage with all that is in it.",
        "npm run remove -- --stage dev"),
}
# fmt: on


class Commands(click.Group):
    """The commands above."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Every name, in the order in which a person comes to need it."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if name not in COMMANDS:
            return None
        place = COMMANDS[name]
        command: click.Command = getattr(import_module(place.module), name.replace("-", "_"))
        command.help = f"Example: {place.example}\n\n{inspect.cleandoc(command.callback.__doc__ or '')}"
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Tell what each does without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.does) for name, place in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the person can put right is told in a sentence, without a traceback."""
        try:
            return super().invoke(ctx)
        except ImagingError as error:
            raise click.ClickException(str(error)) from error
        except Exception as error:
            if type(error).__module__.split(".")[0] in ("botocore", "boto3"):
                raise click.ClickException(f"AWS could not be asked: {error}") from error
            raise


HELP = f"""Example: {COMMANDS["render"].example}

Run, check and look after the image pipeline. COMMAND -h tells more of each.
"""


@click.command(cls=Commands, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run, check and look after the image pipeline."""


if __name__ == "__main__":
    main(prog_name="ops")
