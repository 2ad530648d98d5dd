"""Fixtures that several test modules share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.embedded_aws import embedded_aws, free_port

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
    with embedded_aws(free_port(), log) as endpoint:
        yield endpoint


COUNTED = pytest.StashKey[list[str]]()


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a sentence with the count of what a test went through; it stands in the summary of the run."""
    return request.config.stash.setdefault(COUNTED, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the suites that count went through."""
    for sentence in config.stash.get(COUNTED, []):
        terminalreporter.write_line(sentence)
