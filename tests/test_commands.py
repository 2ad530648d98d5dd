"""The one command line of a person's machine."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from botocore.exceptions import NoCredentialsError
from click.testing import CliRunner

from imaging.errors import RecipeError
from ops import checks
from ops.__main__ import COMMANDS, main

ROOT = Path(__file__).parent.parent
NPM = json.loads((ROOT / "package.json").read_text())["scripts"]


def command_of(name: str) -> click.Command:
    assert isinstance(main, click.Group)
    command = main.get_command(click.Context(main), name)
    assert command
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_tells_first_how_it_is_called_and_then_what_it_does(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Click keeps the help option of a command that another test has called by itself, without our names for it.
    monkeypatch.setattr(command_of(name), "_help_option", None)
    done = CliRunner().invoke(main, [name, "-h"])
    assert done.exit_code == 0
    printed = " ".join(done.output.split())
    assert f"Example: {COMMANDS[name].example} {COMMANDS[name].does}" in printed


@pytest.mark.parametrize("name", COMMANDS)
def test_each_example_is_one_that_the_command_takes(name: str) -> None:
    npm, *called = shlex.split(COMMANDS[name].example)
    assert npm == "npm"
    script, called = (called[1], called[2:]) if called[0] == "run" else (called[0], called[1:])
    assert script in NPM
    arguments = called[1:]  # after npm's own "--"
    if script == "ops":
        assert arguments.pop(0) == name
    command_of(name).make_context(name, arguments)


@pytest.mark.parametrize("script", NPM)
def test_each_script_of_npm_is_known_to_the_set_up(script: str) -> None:
    known = (ROOT / "ops" / "bootstrap.mjs").read_text()
    assert NPM[script] == f"node ops/bootstrap.mjs {script}"
    assert re.search(rf'^  "?{script}"?: \["-m"|command === "{script}"', known, re.MULTILINE)


def test_the_help_is_quick_for_it_imports_no_command() -> None:
    program = "import sys, ops.__main__ as m; m.main(['-h'], standalone_mode=False); print(*sys.modules)"
    began = time.process_time()
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.startswith("Usage:")
    assert time.process_time() - began < 1
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "click" in loaded
    assert not {"boto3", "botocore", "PIL", "pydantic", "moto", "asyncio"} & loaded


def test_a_command_that_is_none_is_told_in_a_sentence() -> None:
    done = CliRunner().invoke(main, ["rendre"])
    assert done.exit_code == 2
    assert "No such command 'rendre'" in done.output


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RecipeError(["line 3: width: found 0; write 1 or more."], "recipe.toml"), "recipe.toml has 1 problem"),
        (NoCredentialsError(), "AWS could not be asked: Unable to locate credentials"),
    ],
)
def test_what_a_person_can_put_right_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    def fail(*_: object) -> bool:
        raise error

    monkeypatch.setattr(checks, "run", fail)
    done = CliRunner().invoke(main, ["test"])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith(f"Error: {says}")


def test_our_own_fault_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise KeyError("ours")

    monkeypatch.setattr(checks, "run", fail)
    assert isinstance(CliRunner().invoke(main, ["test"]).exception, KeyError)


# --- npm test and npm run quick


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that the checks call, none of which is run; the types fail."""
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command[2:])
        return subprocess.CompletedProcess(command, int("mypy" in command), "what it prints")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return calls


def test_every_check_is_run_even_after_one_has_failed_and_the_tests_come_last(called: list[list[str]]) -> None:
    done = CliRunner().invoke(main, ["test"])
    assert done.exit_code == 1
    assert called == [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["pytest"]]
    assert "(failed already: types; see above)" in done.output


def test_arguments_are_pytests(called: list[list[str]]) -> None:
    CliRunner().invoke(main, ["test", "tests/test_files.py", "-k", "folder", "--durations=3", "-x"])
    assert called[-1] == ["pytest", "tests/test_files.py", "-k", "folder", "--durations=3", "-x"]


def test_the_quick_checks_run_at_once_and_leave_out_what_takes_long(called: list[list[str]]) -> None:
    done = CliRunner().invoke(main, ["test", "--quick", "-x"])
    assert done.exit_code == 1
    assert [command for command in called if command[0] != "pytest"] == [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
    ]
    tests = [command for command in called if command[0] == "pytest"]
    parts = sorted(part for command in tests for part in command if part.startswith("--part"))
    assert parts == ["--part=1/2", "--part=2/2"]  # they begin at once, in either order
    assert all(command[2:4] == ["-m", "not slow"] and command[-1] == "-x" for command in tests)
    assert done.output.count("what it prints") == 5
    assert done.output.endswith("failed: types\n")


def collected(*options: str) -> list[str]:
    """The modules of tests that pytest would run, in order."""
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", *options]
    files = ["tests/test_files.py", "tests/test_commands.py", "tests/test_render.py"]
    done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.mark.slow
def test_the_parts_are_all_tests_and_none_twice() -> None:
    parts = [collected("--part=1/2"), collected("--part=2/2")]
    assert all(parts)
    assert sorted(parts[0] + parts[1]) == sorted(collected())


@pytest.mark.slow
def test_slow_tests_come_last() -> None:
    slow = [name.partition("::")[2] for name in collected("-m", "slow")]
    assert len(slow) == 4
    assert [name.partition("::")[2] for name in collected()][-4:] == slow
