"""Ours: a sandbox that is handed each source and gives its files back, as in the function, `PROGRAM [CODING] OUT ...`.

The loop around it is left out, since it imports botocore: `unchanged.py` and the cold start measure that.
"""

import sys

from benchmarks.programs.job import FORMATS, make, order


def main(*arguments: str) -> None:
    """Make the files; `defaults` is the coding where none is named."""
    coding = arguments[0] if arguments[0] in FORMATS else ""
    out, *photos = arguments[1:] if coding else arguments
    make(order(coding or "defaults"), out, tuple(photos))


if __name__ == "__main__":
    main(*sys.argv[1:])
