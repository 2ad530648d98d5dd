"""Fixtures that several test modules share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.embedded_aws import embedded_aws

# Before anything imports boto3: no test may reach a real account, whatever the machine is logged in to.
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
    os.environ.pop(name, None)
os.environ.update(
    AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_REGION="eu-central-1", AWS_DEFAULT_REGION="eu-central-1"
)


@pytest.fixture(scope="session")
def aws_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an embedded AWS that all tests share: use bucket names of your own."""
    log: Path = tmp_path_factory.mktemp("aws") / "aws.log"
    with embedded_aws(0, log) as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def small_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's loop holds far less than a process full of tests does."""
    monkeypatch.setattr("imaging.sandbox.sandbox.memory_of_this_process", lambda: 60_000_000)


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marks."""
    config.addinivalue_line(
        "markers", "slow: takes long, such as what packages or deploys; `npm run quick` leaves it out"
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the option by which several runs at once share the tests."""
    parser.addoption("--part", metavar="N/M", help="every M-th test, from the N-th on")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have the slow tests run last, so that what is quickly told is told quickly; keep one part of all tests."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
    if part := config.getoption("--part"):
        number, parts = map(int, part.split("/"))
        config.hook.pytest_deselected(items=[item for at, item in enumerate(items) if at % parts != number - 1])
        items[:] = items[number - 1 :: parts]


COUNTED = pytest.StashKey[list[str]]()


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a sentence with the count of what a test went through; it stands in the summary of the run."""
    return request.config.stash.setdefault(COUNTED, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the suites that count went through."""
    for sentence in config.stash.get(COUNTED, []):
        terminalreporter.write_line(sentence)
