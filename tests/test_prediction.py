"""The prediction held to the truth: never under what a file takes, and at most twice over it.

`PREDICTION=1769` in the environment measures every kind at a function of so many MB; it takes some minutes.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imaging.memory import BASE

if sys.platform != "linux":
    pytest.skip("only Linux tells a process's own peak", allow_module_level=True)

from tests.measuring import KINDS

TWINS = {
    *(
        "jpeg 4:4:4",
        "jpeg progressive 4:4:4",
        "png rgb interlaced",
        "png deep rgb",
        "png deep grey alpha",
        "png palette",
    ),
    *("png deep rgba", "gif see-through", "webp lossless alpha", "tiff rgb", "tiff lzw", "tiff fax", "bmp rgba"),
}
"""Kinds that take what another does, for they differ in their files and not in their pixels: for the long run."""
STILLS = [kind for kind in KINDS if "animated" not in kind and kind not in TWINS]
RUNS = [(512, STILLS[::2]), (512, STILLS[1::2]), (256, ["gif animated"]), (256, ["webp animated"])]
if megabytes := int(os.environ.get("PREDICTION", "0")):
    RUNS = [(megabytes, list(KINDS)[::2]), (megabytes, list(KINDS)[1::2])]


def measured(run: tuple[int, list[str]]) -> Iterator[str]:
    """A line for each kind, from a process of its own."""
    command = [sys.executable, "-m", "tests.measuring", str(run[0]), *run[1]]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return (json.dumps([run[0], *json.loads(line)]) for line in done.stdout.splitlines())


def test_the_largest_file_of_each_kind_takes_what_was_foretold_or_down_to_half_of_it(
    counted: Callable[[str], None],
) -> None:
    with ThreadPoolExecutor(2) as pool:
        lines = [json.loads(line) for run in pool.map(measured, RUNS) for line in run]
    assert [line[1] for line in lines] == [kind for _, kinds in RUNS for kind in kinds]
    wrong = []
    for megabytes, kind, megapixels, length, ended, needed, taken, seconds in lines:
        times = f"{needed / taken:.2f} times {taken / 1e6:.0f} MB"
        print(f"{kind}: {megapixels} MP, {length:,} bytes, {times}, {seconds} s")
        if ended != "published" or not taken <= needed <= min(2 * taken, (megabytes << 20) - BASE):
            wrong.append((kind, ended, needed, taken))
    assert not wrong
    least, most = (pick(line[5] / line[6] for line in lines) for pick in (min, max))
    counted(
        f"memory foretold: {least:.2f} to {most:.2f} times what {len(lines)} kinds of picture took at their largest"
    )
