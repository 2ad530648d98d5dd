"""`npm start`: the whole pipeline on this machine, until Ctrl-C or over some files once."""

import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click

from ops.embedded_aws import ROOT
from ops.files import folder_to_write, keys_of, write_tree
from ops.line import line
from ops.local import PORT, LocalStack, local_stack
from ops.recipe import write_compiled
from ops.sample import sample_picture


@click.command()
@click.option("--once", is_flag=True, help="Upload FILES, wait for each, copy the renditions out, and end.")
@click.option("--out", type=click.Path(path_type=Path), help="With --once: where to copy the renditions bucket.")
@click.option("--stage", default="dev", show_default=True, help="The stage of serverless.yml to run.")
@click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="Another is taken if it is in use."
)
@click.argument("files", nargs=-1)
def start(once: bool, out: Path | None, stage: str, port: int, files: tuple[str, ...]) -> None:
    """Run the whole pipeline on this machine.

    On an embedded AWS: without --once until Ctrl-C, for any S3 client.

    Exits with 0 when every file was published or is ignored by the recipe, with 1 when any was rejected or failed.
    """
    if bool(files) != once:
        raise click.UsageError("--once and FILES go together: npm start -- --once cat.jpg dog.png --out renditions")
    if out and not once:
        raise click.UsageError("--out goes with --once")
    keys = keys_of(files)
    if once and not keys:
        raise click.ClickException("there are no files in what was named")
    write_compiled(ROOT / "recipe.toml")
    folder = folder_to_write(out) if out else None
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside as by Ctrl-C: nothing stays behind
    click.echo("Starting the embedded AWS and reading serverless.yml ...", err=True)
    with local_stack(stage, 0 if once else port) as stack:
        if not once:
            run_until_interrupted(stack, port)
            return
        counts = run_once(stack, keys)
        if folder:
            count = write_tree(folder, stack.renditions())
            click.echo(f"{count} files of the renditions bucket are in {out}", err=True)
    if counts["failed"]:
        click.echo(f"What the function printed is in {stack.log.relative_to(ROOT)}.", err=True)
    else:
        shutil.rmtree(stack.folder, ignore_errors=True)
    sys.exit(1 if counts["failed"] or counts["rejected"] else 0)


def run_once(stack: LocalStack, keys: Mapping[str, Path]) -> Counter[str]:
    """Upload every file, wait until each came to its end, and count the ends."""
    began = time.monotonic()
    stack.upload_all(keys)
    waiting, counts = set(keys), Counter[str]()
    for delivery in stack.deliver():
        for key in waiting.intersection(delivery.keys):
            waiting.discard(key)
            counts[tell(stack, key, delivery.error)] += 1
        if not waiting:
            break
    click.echo(f"{counts['published']} of {len(keys)} published in {time.monotonic() - began:.1f} s", err=True)
    return counts


def run_until_interrupted(stack: LocalStack, wanted: int) -> None:
    """Show that the pipeline works, on a picture made on the spot, then tell of every event until Ctrl-C."""
    if wanted not in (0, stack.port):
        click.echo(f"Port {wanted} is in use, so this stack listens on {stack.port}.", err=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            sample = Path(folder) / "hello.jpg"
            sample.write_bytes(sample_picture())
            stack.upload("examples/hello.jpg", sample)
        shown = False
        for delivery in stack.deliver():
            for key in delivery.keys:
                tell(stack, key, delivery.error)
            if not shown:
                shown = True
                click.echo(how_to_use(stack))
    except KeyboardInterrupt:
        click.echo("\nStopping.", err=True)


def how_to_use(stack: LocalStack) -> str:
    """What a person can do with the running stack."""
    return (
        f"\nThe pipeline works. Upload with any S3 client, to the raw bucket at {stack.endpoint}:\n\n"
        f"  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION={stack.deployment.region}\n"
        f"  aws --endpoint-url {stack.endpoint} s3 cp cat.jpg s3://{stack.deployment.raw}/\n"
        f"  aws --endpoint-url {stack.endpoint} s3 ls --recursive s3://{stack.deployment.renditions}/\n\n"
        f"The function's log is {stack.log.relative_to(ROOT)}. Ctrl-C stops everything.\n"
    )


def tell(stack: LocalStack, key: str, error: str | None) -> str:
    """Print one line for a key that came to its end, and answer which end that was."""
    manifest = None if error else stack.manifest(key)
    click.echo(line(key, manifest, error))
    if error:
        return "failed"
    return manifest.status if manifest else "ignored"
