"""What the operator's side knows of a deployment, it knows from the framework."""

import pytest

from ops.deployment import FrameworkError, framework_environment, resolve

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
