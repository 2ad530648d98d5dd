"""Every check that the project has, as `npm test` and `npm run quick` run them: lint, format, types and tests.

All of them run even after one has failed, so that one run tells everything. In `npm test` the tests come last: their
summary names what could not be run on this machine and why.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import click

from ops.embedded_aws import ROOT

CHECKS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "tests": ["pytest"],
}


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--quick", is_flag=True, help="All at once, without the tests that take long.")
@click.argument("arguments", metavar="[PYTEST ARGUMENT]...", nargs=-1, type=click.UNPROCESSED)
def test(quick: bool, arguments: tuple[str, ...]) -> None:
    """Check lint, format and types, and run the tests.

    Exits with 0 when every check passed, with 1 when any failed.
    """
    failed = side_by_side(arguments) if quick else one_by_one(arguments)
    sys.exit(1 if failed else 0)


def one_by_one(arguments: tuple[str, ...]) -> list[str]:
    """Run every check, with its output in the terminal as it comes, and return those that failed."""
    failed: list[str] = []
    for heading, check in CHECKS.items():
        command = [*check, *(arguments if heading == "tests" else ())]
        click.echo(f"\n=== {heading}: {' '.join(command)}")
        if heading == "tests" and failed:
            click.echo(f"(failed already: {', '.join(failed)}; see above)")
        sys.stdout.flush()
        began = time.monotonic()
        code = run(command).returncode
        if heading != "tests":  # its own closing line says more, and stays the last
            click.echo(f"{'ok' if code == 0 else 'FAILED'} in {time.monotonic() - began:.1f} s")
        if code != 0:
            failed.append(heading)
    return failed


def side_by_side(arguments: tuple[str, ...]) -> list[str]:
    """Run every check at once, the tests in as many parts as there are processors, and return those that failed."""
    parts = os.cpu_count() or 1
    commands = {heading: command for heading, command in CHECKS.items() if heading != "tests"}
    for part in range(1, parts + 1):
        # Nothing is kept for the next run: the parts would write over each other's.
        options = ["-q", "-m", "not slow", f"--part={part}/{parts}", "-p", "no:cacheprovider"]
        commands[f"tests, part {part} of {parts}"] = [*CHECKS["tests"], *options, *arguments]
    began, failed = time.monotonic(), []
    with ThreadPoolExecutor(len(commands)) as pool:
        running = {pool.submit(run, command, output=subprocess.PIPE): name for name, command in commands.items()}
        for ended in as_completed(running):
            code, output = ended.result().returncode, ended.result().stdout
            seconds = time.monotonic() - began
            click.echo(f"\n=== {running[ended]}: {'ok' if code == 0 else 'FAILED'} after {seconds:.1f} s\n{output}")
            if code != 0:
                failed.append(running[ended])
    click.echo(f"failed: {', '.join(failed)}" if failed else f"all passed in {time.monotonic() - began:.1f} s")
    return failed


def run(command: list[str], output: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a tool of the project's own environment, even when another version stands first on PATH."""
    return subprocess.run(  # noqa: S603  our own tools
        [sys.executable, "-m", *command],
        cwd=ROOT,
        check=False,
        stdout=output,
        stderr=output and subprocess.STDOUT,
        text=True,
    )
