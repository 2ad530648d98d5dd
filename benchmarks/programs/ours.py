"""Ours: the functions that `imaging.reconciling.publish` calls, from the source's bytes to the renditions'."""

import sys
from pathlib import Path

from benchmarks.programs.job import LIMITS, specs, write
from imaging.decoding import decode
from imaging.encoding import encode_all
from imaging.rendering import render


def publish(out: str, photo: str, *formats: str) -> None:
    """Make the files of one photo."""
    wanted = specs(*formats)
    picture = decode(Path(photo).read_bytes(), wanted, LIMITS)
    for made in encode_all(render(picture, wanted), picture):
        write(out, photo, made.spec.width or 0, made.format, made.content)


def main(out: str, *photos: str) -> None:
    """Make the files; `out` may carry formats after a comma: `DIR,avif`."""
    out, *formats = out.split(",")
    for photo in photos:
        publish(out, photo, *formats)


if __name__ == "__main__":
    main(*sys.argv[1:])
