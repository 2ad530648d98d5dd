"""A stage's whole life against the embedded AWS: deploy, info, deploy again, use, remove."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from PIL import Image

from ops.remove import remove
from tests.deploying.conftest import Framework, Package

pytestmark = pytest.mark.slow
KEY = "news/2026/café terrace.jpg"
BUCKETS = {"image-pipeline-dev-raw-123456789012", "image-pipeline-dev-renditions-123456789012"}


def client(service: str, endpoint: str) -> Any:
    """Return a client of the embedded AWS."""
    return boto3.client(service, endpoint_url=endpoint, region_name="eu-central-1")


@pytest.fixture(scope="module")
def deployed(sls: Framework, package: Package, aws_endpoint: str) -> Iterator[str]:
    """Deploy the packaged stage, and remove it in the end; the value is what the deployment said."""
    said = sls("deploy", "--stage", "dev", "--package", package.folder.name)
    yield said
    s3 = boto3.resource("s3", endpoint_url=aws_endpoint, region_name="eu-central-1")
    for name in BUCKETS:
        s3.Bucket(name).object_versions.delete()
    sls("remove", "--stage", "dev")
    left = {bucket["Name"] for bucket in s3.meta.client.list_buckets()["Buckets"]}
    assert not {name for name in left if name.startswith("image-pipeline-dev-")}
    assert client("sqs", aws_endpoint).list_queues(QueueNamePrefix="image-pipeline-dev-").get("QueueUrls", []) == []


def test_a_deployed_stage_has_its_buckets_its_queue_and_its_function(deployed: str, aws_endpoint: str) -> None:
    assert "Service deployed to stack image-pipeline-dev" in deployed
    s3 = client("s3", aws_endpoint)
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} >= BUCKETS
    function = client("lambda", aws_endpoint).get_function(FunctionName="image-pipeline-dev-renditions")
    assert function["Configuration"]["Handler"] == "handler.on_event"
    assert client("sqs", aws_endpoint).get_queue_url(QueueName="image-pipeline-dev-failures")


@pytest.mark.usefixtures("deployed")
def test_info_names_the_buckets(sls: Framework) -> None:
    said = sls("info", "--stage", "dev", "--verbose")
    assert all(name in said for name in BUCKETS)


@pytest.mark.usefixtures("deployed")
def test_the_same_package_deployed_again_changes_nothing(sls: Framework) -> None:
    assert "No changes to deploy" in sls("deploy", "--stage", "dev")


def invoke(sls: Framework, event: str) -> dict[str, Any]:
    """Return what the function answers to a sample event."""
    said = sls("invoke", "local", "--stage", "dev", "-f", "renditions", "--path", f"tests/events/{event}.json")
    start = re.search(r'^\{\n    "(outcomes|batchItemFailures|invocationSchemaVersion)"', said, re.MULTILINE)
    assert start, said
    answer: dict[str, Any] = json.JSONDecoder().raw_decode(said[start.start() :])[0]
    return answer


@pytest.mark.usefixtures("deployed")
def test_the_sample_events_publish_and_remove_through_the_deployed_names(sls: Framework, aws_endpoint: str) -> None:
    s3 = client("s3", aws_endpoint)
    body = io.BytesIO()
    Image.new("RGB", (900, 600), (200, 60, 20)).save(body, "JPEG")
    s3.put_object(Bucket="image-pipeline-dev-raw-123456789012", Key=KEY, Body=body.getvalue())
    assert [one["status"] for one in invoke(sls, "upload")["outcomes"]] == ["published"]
    assert [one["status"] for one in invoke(sls, "direct")["outcomes"]] == ["unchanged"]
    assert invoke(sls, "sqs-redrive") == {"batchItemFailures": []}
    (task,) = invoke(sls, "s3-batch")["results"]
    assert task["resultCode"] == "Succeeded"
    manifest = s3.get_object(Bucket="image-pipeline-dev-renditions-123456789012", Key=f"{KEY}/manifest.json")
    assert json.load(manifest["Body"])["status"] == "published"
    s3.delete_object(Bucket="image-pipeline-dev-raw-123456789012", Key=KEY)
    assert [one["status"] for one in invoke(sls, "delete")["outcomes"]] == ["removed"]


def test_every_sample_event_is_explained() -> None:
    folder = Path(__file__).parents[1] / "events"
    explained = (folder / "README.md").read_text()
    for event in folder.glob("*.json"):
        assert f"`{event.name}`" in explained
        json.loads(event.read_text())


@pytest.fixture
def staging(sls: Framework, aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A deployed stage with two versions of a source and a rendition in it; the value is a client of S3."""
    sls("deploy", "--stage", "staging")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    s3 = client("s3", aws_endpoint)
    raw, renditions = "image-pipeline-staging-raw-123456789012", "image-pipeline-staging-renditions-123456789012"
    # CloudFormation would have done this; the embedded one leaves it out.
    s3.put_bucket_versioning(Bucket=raw, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=raw, Key=KEY, Body=body)
    s3.delete_object(Bucket=raw, Key=KEY)
    s3.put_object(Bucket=renditions, Key=f"{KEY}/thumb.webp", Body=b"1")
    return s3


def test_a_stage_is_removed_with_every_version_after_its_name_was_typed(staging: Any) -> None:
    refused = CliRunner().invoke(remove, ["--stage", "staging"], input="yes\n")
    assert refused.exit_code == 1
    assert "3 objects and old versions" in refused.output
    assert "Nothing was removed" in refused.output
    assert staging.list_object_versions(Bucket="image-pipeline-staging-raw-123456789012")["Versions"]
    done = CliRunner().invoke(remove, ["--stage", "staging"], input="staging\n")
    assert done.exit_code == 0, done.output
    left = {bucket["Name"] for bucket in staging.list_buckets()["Buckets"]}
    assert not {name for name in left if name.startswith("image-pipeline-staging-")}


def test_prods_sources_are_not_even_offered_for_removal(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    refused = CliRunner().invoke(remove, ["--stage", "prod"], input="\n")
    assert "image-pipeline-prod-raw-123456789012: kept" in refused.output
    assert refused.exit_code == 1
