"""Every check that the project has, as `npm test` runs them: lint, format, types, then the tests.

All of them run even after one has failed, so that one run tells everything. The tests come last: their summary names
what could not be run on this machine and why.
"""

import subprocess
import sys
import time

import click

from ops.embedded_aws import ROOT

# `python -m`, so that the tools are the locked ones even when another version stands first on PATH.
CHECKS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "tests": ["pytest"],
}


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--quick", is_flag=True, help="Leave out the tests that take long, such as those of the deployment.")
@click.argument("arguments", metavar="[PYTEST ARGUMENT]...", nargs=-1, type=click.UNPROCESSED)
def test(quick: bool, arguments: tuple[str, ...]) -> None:
    """Check lint, format and types, and run the tests.

    Exits with 0 when every check passed, with 1 when any failed.
    """
    failed: list[str] = []
    for heading in CHECKS:
        if heading == "tests" and failed:
            click.echo(f"\n(failed already: {', '.join(failed)}; see above)")
        if not passed(heading, quick, arguments):
            failed.append(heading)
    sys.exit(1 if failed else 0)


def passed(heading: str, quick: bool, arguments: tuple[str, ...]) -> bool:
    """Whether a check passed; what it prints goes to the terminal."""
    command = list(CHECKS[heading])
    if heading == "tests":
        command += [*(["-m", "not slow"] if quick else []), *arguments]
    click.echo(f"\n=== {heading}: {' '.join(command)}")
    sys.stdout.flush()
    began = time.monotonic()
    code = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode  # noqa: S603  our own tools
    if heading != "tests":  # its own closing line says more, and stays the last
        click.echo(f"{'ok' if code == 0 else 'FAILED'} in {time.monotonic() - began:.1f} s")
    return code == 0
