"""The deployment as the framework resolves serverless.yml, so that nothing on this side can drift from it."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
FAILURE_QUEUE = "FailureQueue"
"""The queue's name within the template."""


@dataclass(frozen=True)
class Deployment:
    """One stage of the service: what it is made of and what its function is told."""

    service: str
    stage: str
    region: str
    account: str
    raw: str
    renditions: str
    raw_versioned: bool
    raw_removal: str
    function: str
    failure_queue: str
    handler: str
    environment: dict[str, str]
    timeout: int
    memory: int
    retries: int
    events: tuple[str, ...]


class FrameworkError(click.ClickException):
    """The framework refused, in its own words."""


def framework() -> Path:
    """Return the locked framework's program."""
    program = ROOT / "node_modules" / ".bin" / ("sls.cmd" if os.name == "nt" else "sls")
    if not program.exists():
        raise FrameworkError("The Serverless Framework is not installed here. Run `npm ci` first.")
    return program


def framework_environment(endpoint_url: str | None) -> dict[str, str]:
    """Return the environment to run the framework in.

    With an endpoint, that of an embedded AWS, which takes any key: credentials of a real account are left out, so
    that nothing can reach it by accident.
    """
    environment = {**os.environ, "NODE_NO_WARNINGS": "1", "SLS_NOTIFICATIONS_MODE": "off"}
    if endpoint_url:
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN"):
            environment.pop(name, None)
        environment |= {
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_ACCESS_KEY_ID": "embedded",
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    return environment


def resolve(stage: str, endpoint_url: str | None) -> Deployment:
    """Return the stage as the framework resolves it, at an embedded AWS when its `endpoint_url` is given."""
    config = _print(stage, endpoint_url)
    provider = config["provider"]
    function = config["functions"]["renditions"]
    events = [event["s3"] for event in function["events"]]
    raw = provider["s3"][events[0]["bucket"]]
    resources = config["resources"]["Resources"]
    return Deployment(
        service=config["service"],
        stage=stage,
        region=provider["region"],
        account=function["environment"]["EXPECTED_BUCKET_OWNER"],
        raw=raw["name"],
        renditions=resources["RenditionsBucket"]["Properties"]["BucketName"],
        raw_versioned=raw.get("versioningConfiguration", {}).get("Status") == "Enabled",
        raw_removal=config["resources"]["extensions"]["S3BucketRaw"]["DeletionPolicy"],
        function=function["name"],
        failure_queue=resources[FAILURE_QUEUE]["Properties"]["QueueName"],
        handler=function["handler"],
        environment=dict(function["environment"]),
        timeout=function["timeout"],
        memory=function["memorySize"],
        retries=function["maximumRetryAttempts"],
        events=tuple(event["event"] for event in events),
    )


def _print(stage: str, endpoint_url: str | None) -> dict[str, Any]:
    if shutil.which("node") is None:
        raise FrameworkError("Node is not on PATH; the Serverless Framework needs version 20 or newer.")
    done = subprocess.run(  # noqa: S603  (the locked framework; a stage's name is one argument)
        [framework(), "print", "--format", "json", "--stage", stage],
        cwd=ROOT,
        env=framework_environment(endpoint_url),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        message = _message_in(done.stdout + done.stderr)  # errors go to stdout, the banner to stderr
        raise FrameworkError(f"serverless.yml could not be resolved for stage {stage!r}: {message}")
    config: dict[str, Any] = json.loads(done.stdout)
    return config


def _message_in(output: str) -> str:
    """Return the framework's message without its banner and its links."""
    lines = [line.strip() for line in output.splitlines()]
    message = lines[lines.index("Error:") + 1 :] if "Error:" in lines else lines
    return " ".join(line for line in message if line and not line.startswith(("Environment:", "Docs:")))
