"""The commands of a person's machine: `npm run ops -- COMMAND`, or `.venv/bin/python -m ops COMMAND`."""

import io
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click
from PIL import Image, ImageDraw

from imaging.errors import RecipeError
from imaging.model import Manifest
from imaging.recipe import Recipe, load
from ops.files import caller_path, keys_of, write_tree
from ops.local import PORT, LocalStack, local_stack
from ops.render import Bounds, Rendered
from ops.render import render as render_files

ROOT = Path(__file__).resolve().parent.parent


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run, check and look after the image pipeline."""


@main.command()
@click.option("--once", is_flag=True, help="Upload FILES, wait for each, copy the renditions out, and end.")
@click.option("--out", type=click.Path(path_type=Path), help="With --once: where to copy the renditions bucket.")
@click.option("--stage", default="dev", show_default=True, help="The stage of serverless.yml to run.")
@click.option("--port", default=PORT, show_default=True, help="Another is chosen when it is taken.")
@click.argument("files", nargs=-1)
def start(once: bool, out: Path | None, stage: str, port: int, files: tuple[str, ...]) -> None:
    """Run the whole pipeline on this machine, on an embedded AWS.

    Exits with 0 when every file was published, with 1 when any was not.
    """
    if bool(files) != once:
        raise click.UsageError("--once and FILES go together: npm start -- --once cat.jpg dog.png --out renditions")
    if out and not once:
        raise click.UsageError("--out goes with --once")
    checked_recipe(ROOT / "recipe.toml")
    keys = keys_of(files)
    if once and not keys:
        raise click.ClickException("there are no files in what was named")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside as by Ctrl-C: nothing stays behind
    click.echo("Starting the embedded AWS and reading serverless.yml ...", err=True)
    with local_stack(stage, 0 if once else port) as stack:
        if once:
            published = run_once(stack, keys)
            if out:
                count = write_tree(caller_path(out), stack.renditions())
                click.echo(f"{count} files of the renditions bucket are in {out}", err=True)
            sys.exit(0 if published else 1)
        try:
            run_until_interrupted(stack)
        except KeyboardInterrupt:
            click.echo("\nStopping.", err=True)


def run_once(stack: LocalStack, keys: Mapping[str, Path]) -> bool:
    """Upload every file, wait until each is reconciled, and say whether all were published."""
    began = time.monotonic()
    for key, file in keys.items():
        stack.upload(key, file)
    waiting, published = set(keys), 0
    for delivery in stack.deliver():
        for key in delivery.keys:
            if key in waiting:
                waiting.discard(key)
                published += tell(stack, key, delivery.error)
        if not waiting:
            break
    click.echo(f"{published} of {len(keys)} published in {time.monotonic() - began:.1f} s", err=True)
    return published == len(keys)


def run_until_interrupted(stack: LocalStack) -> None:
    """Show that the pipeline works, on a picture made on the spot, then tell of every event until Ctrl-C."""
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "hello.jpg"
        sample.write_bytes(sample_picture())
        stack.upload("examples/hello.jpg", sample)
    raw, renditions = stack.deployment.raw, stack.deployment.renditions
    shown = False
    for delivery in stack.deliver():
        for key in delivery.keys:
            tell(stack, key, delivery.error)
        if not shown:
            shown = True
            click.echo(
                f"\nThe pipeline works. Upload with any S3 client, to the raw bucket at {stack.endpoint}:\n\n"
                f"  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local "
                f"AWS_REGION={stack.deployment.region}\n"
                f"  aws --endpoint-url {stack.endpoint} s3 cp cat.jpg s3://{raw}/\n"
                f"  aws --endpoint-url {stack.endpoint} s3 ls --recursive s3://{renditions}/\n\n"
                f"The handler's log is {stack.log.relative_to(ROOT)}. Ctrl-C stops everything.\n"
            )


def tell(stack: LocalStack, key: str, error: str | None) -> bool:
    """Print one line for a key that came to its end, and say whether it is published."""
    manifest = None if error else stack.manifest(key)
    click.echo(line(key, manifest, error))
    return manifest is not None and manifest.status == "published"


def line(key: str, manifest: Manifest | None, error: str | None) -> str:
    """How things stand with a key, in one line whatever the key holds."""
    name = key if key.isprintable() else repr(key)
    if error:
        return f"failed     {name}  {' '.join(error.split())}"
    if manifest is None:
        return f"ignored    {name}"
    if manifest.rejection:
        return f"rejected   {name}  {manifest.rejection.code}: {manifest.rejection.reason} {manifest.rejection.advice}"
    if manifest.status == "removed":
        return f"removed    {name}"
    total = sum(rendition.bytes for rendition in manifest.renditions)
    source = manifest.source
    return (
        f"published  {name}  {source.width}x{source.height} {source.format}, {source.bytes:,} bytes -> "
        f"{len(manifest.renditions)} renditions, {total:,} bytes"
    )


def sample_picture() -> bytes:
    """A small JPEG with something to see in it."""
    picture = Image.linear_gradient("L").resize((1600, 1000))
    picture = Image.merge("RGB", (picture, picture.transpose(Image.Transpose.ROTATE_180), picture))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((500, 200, 1100, 800), fill="#f4c542")
    draw.text((800, 500), "hello", fill="#222222", anchor="mm", font_size=160)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@main.command()
@click.option("--recipe", "path", default=None, type=click.Path(path_type=Path), help="Another recipe file.")
def check(path: Path | None) -> None:
    """Validate the recipe; tells every problem at once."""
    recipe = checked_recipe(caller_path(path) if path else ROOT / "recipe.toml")
    for rule in recipe.rules:
        click.echo(f"{rule.match}  {rule.fingerprint}  {', '.join(spec.name for spec in rule.specs)}")


@main.command(epilog="Example: npm run ops -- render photos logo.png --out renditions")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to write; nothing is deleted.")
@click.option("--recipe", "path", default=None, type=click.Path(path_type=Path), help="Another recipe file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each file.")
@click.option("--memory", default=Bounds().memory_mb, show_default=True, type=click.IntRange(128), help="MB per file.")
@click.option(
    "--timeout", default=Bounds().seconds, show_default=True, type=click.FloatRange(0, min_open=True), help="Seconds."
)
def render(paths: tuple[str, ...], out: Path, path: Path | None, as_json: bool, memory: int, timeout: float) -> None:
    """Make what the pipeline would make of files and folders, without AWS, and a contact sheet of it.

    Exits with 0 when every file was published, with 1 when any was rejected or failed.
    """
    recipe = checked_recipe(caller_path(path) if path else ROOT / "recipe.toml")
    folder = caller_path(out)
    keys = {key: file for key, file in keys_of(paths).items() if folder.resolve() not in file.resolve().parents}
    if not keys:
        raise click.ClickException(f"there are no files in what was named, besides those in {out}")

    def tell(done: Rendered) -> str:
        return done.as_json() if as_json else line(done.key, done.manifest, done.error)

    sys.exit(0 if render_files(keys, recipe, folder, Bounds(memory, timeout), tell, quiet=as_json) else 1)


def checked_recipe(path: Path) -> Recipe:
    """The recipe in a file, or its problems without a stack trace."""
    try:
        return load(path)
    except RecipeError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"the recipe {path} cannot be read: {error.strerror}") from None


if __name__ == "__main__":
    main(prog_name="ops")
