"""The sandbox's side: import everything, lock the door, then make pictures until the loop hangs up.

Started by `child.py` with nothing on standard input and output but the two pipes, which become other numbers at once,
so that no codec's warning lands in them.
"""

import gc
import os
import sys
import time
import traceback
from typing import BinaryIO

from imaging.errors import Rejection
from imaging.exchange import Header, Order
from imaging.recipe.spec import RenditionSpec
from imaging.sandbox import locks
from imaging.sandbox.frames import order_of, plain_answer, read_frame, write_frame

TINY = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\2\0\0\0\2\1\0\0\0\0\x5a\xcd\x30\x89\0\0\0\x0cIDAT\x78\xda\x63\x68\x60\x70\0\0\1\xc4"
    b"\0\xc1\xa6\x9b\xe6\xba\0\0\0\0IEND\xae\x42\x60\x82"
)
"""A PNG of two pixels by two."""
UNBOUND = 1 << 62


def main(parent: int, filtered: bool) -> None:
    """Run the sandbox of the loop in process `parent`; a fault of ours is told, and ends it."""
    locks.end_with(parent)
    orders, answers = _pipes()
    try:
        gc.disable()  # what is imported stays: looking for garbage in it takes a tenth of the start
        from imaging.pictures.libraries import know_all  # noqa: PLC0415  after the pipes have moved
        from imaging.pictures.making import make  # noqa: F401, PLC0415
        from imaging.sandbox import filter  # noqa: A004, F401, PLC0415  no file can be opened later

        know_all()
        gc.freeze()
        gc.enable()
        unheld = locks.unheld_memory()
        with locks.status() as status:
            taken = locks.lock(filtered=filtered)
            try_out()
            write_frame(answers, {"ready": {"filter": taken}})
            while True:
                answer_next(orders, answers, unheld, status)
    except EOFError:
        return  # the loop has hung up
    except MemoryError:
        locks.lift()
        write_frame(answers, {"hungry": True})
    except Exception:  # noqa: BLE001  whatever it was is ours, and the loop raises it
        write_frame(answers, {"failure": traceback.format_exc(limit=-20)})


def try_out() -> None:
    """Make a tiny picture: a lock that keeps codecs from working shows here, before a picture is there to suffer."""
    from imaging.pictures.making import make  # noqa: PLC0415

    spec = RenditionSpec("tiny", width=1, formats=("webp", "jpeg", "avif"))
    if not any(isinstance(each, Header) for each in list(make(TINY, Order((spec,))))):
        raise AssertionError("the locked sandbox makes nothing")


def answer_next(orders: BinaryIO, answers: BinaryIO, unheld: int, status: int | None) -> None:
    """Read one order and its source, and answer with what it becomes or with its rejection."""
    from imaging.pictures.making import make  # noqa: PLC0415

    plain, body = read_frame(orders, UNBOUND, UNBOUND)
    order = order_of(plain["order"])
    write_frame(answers, {"begun": True})
    locks.limit(plain["memory"], plain["seconds"], unheld)
    began = decoded = time.process_time()
    try:
        for answer in make(body, order):
            write_frame(answers, *plain_answer(answer))
            if isinstance(answer, Header):
                decoded = time.process_time()
    except Rejection as rejection:
        write_frame(answers, *plain_answer(rejection))
    locks.lift()  # the next source may be larger than what this one left
    seconds = {"decode": decoded - began, "render": time.process_time() - decoded}
    write_frame(answers, {"done": {"seconds": seconds, "peak": locks.peak_memory(status)}})


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes under numbers of their own, and nothing where a library may print."""
    orders, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)
    return os.fdopen(orders, "rb"), os.fdopen(answers, "wb")


def arguments() -> tuple[int, bool]:
    """What `child.py` says on the command line: the loop's process, and whether to ask for the filter."""
    return int(sys.argv[1]), sys.argv[2] == "filtered"
