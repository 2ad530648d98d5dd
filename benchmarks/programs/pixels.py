"""Makes what is not measured: every rendition's pixels as PNG, `PROGRAM OUT WIDTH,WIDTH... PHOTO...`.

The codec floor encodes them, and the judge of similarity looks at them.
"""

import sys

from benchmarks.programs.job import make, order


def main(out: str, widths: str, *photos: str) -> None:
    """Write the pixels into `out`."""
    make(order("lossless", tuple(map(int, widths.split(",")))), out, photos)


if __name__ == "__main__":
    main(*sys.argv[1:])
