"""Removes a stage with all that is in it: `npm run remove -- --stage dev`."""

import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import click
from botocore.exceptions import ClientError

from ops.deployment import ROOT, Deployment, FrameworkError, framework, framework_environment, resolve

BATCH = 1000
"""As many as S3 deletes in one request."""


@click.command()
@click.option("--stage", required=True, help="The stage to remove.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(stage: str, yes: bool) -> None:
    """Remove a stage with all that is in it.

    Empties its buckets, all versions included, and removes its stack. A raw bucket that the stage keeps on removal is
    not emptied.
    """
    deployment = resolve(stage, None)
    s3 = boto3.client("s3", region_name=deployment.region)
    kept = deployment.raw_removal == "Retain"
    # Raw first: the renditions of what goes can't be made again in between.
    buckets = [deployment.renditions] if kept else [deployment.raw, deployment.renditions]
    counts = {bucket: sum(1 for _ in versions(s3, bucket)) for bucket in buckets}
    click.echo(f"Stage {stage} of {deployment.service}, account {deployment.account}, {deployment.region}:")
    for bucket, count in counts.items():
        click.echo(f"  {bucket}: {count} objects and old versions will be deleted for good")
    if kept:
        click.echo(f"  {deployment.raw}: kept, with every source in it")
    if not yes and click.prompt("Type the stage's name to go on", default="", show_default=False) != stage:
        raise click.ClickException("Nothing was removed.")
    stop_function(deployment)
    for bucket in buckets:
        empty(s3, bucket, counts[bucket])
    # Its own words go to the terminal.
    command = [str(framework()), "remove", "--stage", stage]
    if subprocess.run(command, cwd=ROOT, env=framework_environment(None), check=False).returncode != 0:  # noqa: S603
        raise FrameworkError("the buckets are empty, and the stack could not be removed; see above")


def stop_function(deployment: Deployment) -> None:
    """Let no invocation begin any more: a deleted source would leave a tombstone in a bucket just emptied."""
    client = boto3.client("lambda", region_name=deployment.region)
    try:
        client.put_function_concurrency(FunctionName=deployment.function, ReservedConcurrentExecutions=0)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


def versions(s3: Any, bucket: str) -> Iterator[dict[str, str]]:
    """Yield every version and delete marker in the bucket; none when there is no such bucket."""
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                yield {"Key": version["Key"], "VersionId": version["VersionId"]}
    except s3.exceptions.NoSuchBucket:
        return


def empty(s3: Any, bucket: str, count: int) -> None:
    """Delete everything in the bucket, showing how far it is; what came meanwhile goes too."""
    with click.progressbar(length=count, label=f"Emptying {bucket}") as bar:
        while batch := [one for one, _ in zip(versions(s3, bucket), range(BATCH), strict=False)]:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            if errors := answer.get("Errors"):
                first = errors[0]
                raise click.ClickException(f"{len(errors)} could not be deleted, the first: {first['Message']}")
            bar.update(len(batch))
