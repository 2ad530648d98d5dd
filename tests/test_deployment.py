"""What the operator's side knows of a deployment, it knows from the framework."""

from pathlib import Path

import pytest

from ops import deployment
from ops.deployment import FrameworkError, framework_environment, resolve

ROOT = deployment.ROOT
pytestmark = pytest.mark.slow


def test_a_stage_is_resolved_as_it_would_be_deployed(aws_endpoint: str) -> None:
    dev = resolve("dev", aws_endpoint)
    assert (dev.service, dev.stage, dev.region, dev.account) == (
        "image-pipeline",
        "dev",
        "eu-central-1",
        "123456789012",
    )
    assert dev.raw == dev.environment["RAW_BUCKET"] == "image-pipeline-dev-raw-123456789012"
    assert dev.renditions == dev.environment["RENDITIONS_BUCKET"] == "image-pipeline-dev-renditions-123456789012"
    assert dev.failure_queue == "image-pipeline-dev-failures"
    assert dev.raw_versioned
    assert (dev.handler, dev.timeout, dev.memory, dev.retries) == ("handler.on_event", 120, 1769, 2)
    assert dev.events == ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectRestore:Completed")


@pytest.fixture
def prints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The stages that the framework was asked for, in a project of its own whose files are the real ones."""
    asked: list[str] = []
    (tmp_path / "ops").mkdir()
    for name in ("serverless.yml", "package-lock.json", "ops/framework.cjs"):
        (tmp_path / name).write_bytes((deployment.ROOT / name).read_bytes())
    printed = deployment._printed

    def counted(stage: str, endpoint_url: str | None) -> str:
        asked.append(stage)
        with monkeypatch.context() as patch:
            patch.setattr(deployment, "ROOT", ROOT)
            return printed(stage, endpoint_url)

    monkeypatch.setattr(deployment, "ROOT", tmp_path)
    monkeypatch.setattr(deployment, "_printed", counted)
    return asked


def test_the_framework_is_asked_once_until_anything_changes_that_it_reads(
    aws_endpoint: str, prints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resolve("dev", aws_endpoint) == resolve("dev", aws_endpoint)
    assert prints == ["dev"]
    resolve("staging", aws_endpoint)
    assert prints == ["dev", "staging"]
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert resolve("dev", aws_endpoint).region == "eu-west-3"
    monkeypatch.undo()
    assert len(prints) == 3


@pytest.mark.parametrize("name", ["serverless.yml", "package-lock.json", "ops/framework.cjs"])
def test_a_changed_file_has_the_framework_asked_again(
    aws_endpoint: str, prints: list[str], tmp_path: Path, name: str
) -> None:
    resolve("dev", aws_endpoint)
    with (tmp_path / name).open("a") as file:
        file.write("\n")
    resolve("dev", aws_endpoint)
    assert prints == ["dev", "dev"]


def test_a_real_account_is_asked_each_time(prints: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(stage: str, endpoint_url: str | None) -> str:
        prints.append(stage)
        raise FrameworkError(f"asked with {endpoint_url}")

    monkeypatch.setattr(deployment, "_printed", refuse)
    for _ in range(2):
        with pytest.raises(FrameworkError, match="asked with None"):
            resolve("dev", None)
    assert prints == ["dev", "dev"]


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_topic_of_the_editors_is_known_before_anything_is_deployed(
    monkeypatch: pytest.MonkeyPatch, aws_endpoint: str, region: str, partition: str
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    topic = resolve("dev", aws_endpoint).environment["EDITORS_TOPIC"]
    assert topic == f"arn:{partition}:sns:{region}:123456789012:image-pipeline-dev-editors"


def test_what_the_framework_refuses_is_said_in_one_sentence_without_its_stack(
    monkeypatch: pytest.MonkeyPatch, aws_endpoint: str
) -> None:
    monkeypatch.setenv("DOCKERIZE_PIP", "perhaps")
    with pytest.raises(FrameworkError) as refused:
        resolve("dev", aws_endpoint)
    message = refused.value.format_message()
    assert message.startswith("serverless.yml could not be resolved for stage 'dev': ")
    assert "DOCKERIZE_PIP" in message or "perhaps" in message or "strToBool" in message
    assert "    at " not in message
    assert "\n" not in message


def test_an_embedded_aws_never_gets_the_credentials_of_a_real_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    environment = framework_environment("http://127.0.0.1:1")
    assert environment["AWS_ACCESS_KEY_ID"] == "embedded"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(environment)
    assert framework_environment(None)["AWS_PROFILE"] == "production"
