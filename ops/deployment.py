"""The deployment as the framework resolves serverless.yml, so that nothing on this side can drift from it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

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
    config = json.loads(_kept(stage, endpoint_url) if endpoint_url else _printed(stage, None))
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


def _kept(stage: str, endpoint_url: str) -> str:
    """Return what the framework printed before of the very same files and variables: asking it takes over a second.

    Only for an embedded AWS, whose account is always the same.
    """
    settings = ROOT / "serverless.yml"
    files = (settings, ROOT / "package-lock.json", ROOT / "ops" / "framework.cjs")
    variables = sorted(set(re.findall(r"env:(\w+)", settings.read_text(encoding="utf-8"))))
    depends_on = [
        stage,
        *(path.read_bytes().hex() for path in files),
        *((each, os.environ.get(each)) for each in variables),
    ]
    name = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()
    kept = ROOT / ".local" / "resolved" / f"{name}.json"
    if not kept.exists():
        printed = _printed(stage, endpoint_url)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=kept.parent, delete=False) as file:
            file.write(printed)
        Path(file.name).replace(kept)  # whole at once: another stack may be starting
    return kept.read_text(encoding="utf-8")


def _printed(stage: str, endpoint_url: str | None) -> str:
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
    return done.stdout


def _message_in(output: str) -> str:
    """Return the framework's message without its banner and its links."""
    lines = [line.strip() for line in output.splitlines()]
    message = lines[lines.index("Error:") + 1 :] if "Error:" in lines else lines
    return " ".join(line for line in message if line and not line.startswith(("Environment:", "Docs:")))
