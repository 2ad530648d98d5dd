"""What became of a source, in one line."""

from imaging.keys import visible
from imaging.publishing.manifest import Manifest


def line(key: str, manifest: Manifest | None, error: str | None = None) -> str:
    """How things stand with a key, in one line whatever the key holds."""
    name = visible(key)
    if error:
        return f"failed     {name}  {short(error)}"
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


def short(error: str) -> str:
    """An error in one line: of one that holds a traceback, what it says first and what it ends in."""
    lines = [" ".join(each.split()) for each in error.splitlines() if each.strip()]
    return " ".join(lines if len(lines) < 3 else (lines[0], lines[-1]))
