"""The sandbox's process as the loop holds it: started by exec, asked over two pipes, watched, and buried."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from imaging.sandbox import locks
from imaging.sandbox.frames import LONGEST_JSON, BrokenFrameError, read_frame, write_frame

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); from imaging.sandbox import inside; "
    "inside.main(*inside.arguments())"
)
"""What the new interpreter runs. It is isolated, so that it finds nothing but by the loop's own path."""

INHERITED = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ", "SYSTEMROOT")
"""All that the sandbox sees of the loop's environment, besides MALLOC_*. Lambda's interpreter finds its library by
LD_LIBRARY_PATH, and Windows its own by SYSTEMROOT.
"""

STARTUP_SECONDS = 60
"""A sandbox that is not ready by then never will be; emulation takes a third of it."""


WATCH_SECONDS = 0.1
"""Between two looks at the memory of a child, where the kernel does not bound it."""

PATIENCE = 100
"""Hundredths of a second that a child which has closed its pipe may take to end by itself."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a sandbox ended: by which signal (0 for none), with which exit code, and the most memory it held, in bytes.

    `why` says what the loop ended it for: "time", "memory", "silence"; it is empty where the loop did not.
    """

    signal: int
    code: int
    peak: int
    why: str = ""

    def __str__(self) -> str:
        if self.why:
            return f"the loop ended the sandbox: {self.why}"
        name = signal.Signals(self.signal).name if self.signal else f"exit code {self.code}"
        return f"the sandbox ended with {name}, and had held {self.peak // 1_000_000} MB"


class Child:
    """One process that opens pictures, from its start to its end.

    `pictures` counts those it was asked for; `ready` says whether it has said that it is, and `filtered` whether the
    kernel filters its system calls.
    """

    def __init__(self, *, filtered: bool = True) -> None:
        locks.close_to_others()
        self.pictures = 0
        self.ready = False
        self.filtered = False
        self._why = ""
        # Linux counts what this process has held into the usage of the child, so only more than that is its own.
        with locks.status() as status:
            self._inherited = locks.peak_memory(status)
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and code
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                START,
                str(os.getpid()),
                "filtered" if filtered else "",
                json.dumps(sys.path),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if k in INHERITED or k.startswith("MALLOC_")},
            start_new_session=True,  # Ctrl-C is the loop's
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._answers: BinaryIO = self._process.stdout  # type: ignore[assignment]

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.poll() is not None

    def get_ready(self) -> str:
        """Wait until the child is locked and has made a tiny picture. What went wrong, and empty when nothing did."""
        trouble = ""
        try:
            with self.watched(time.monotonic() + STARTUP_SECONDS, None):
                plain, _ = self.answer(0)
            self.ready = "ready" in plain
            self.filtered = self.ready and plain["ready"].get("filter") is True
            trouble = "" if self.ready else str(next(iter(plain.values())))
        except (EOFError, OSError, BrokenFrameError) as error:
            trouble = str(error) or "it said nothing"
        if trouble:
            trouble += f" ({self.buried()})"
        return trouble

    def ask(self, plain: dict[str, Any], body: bytes) -> None:
        """Hand over an order and its source. OSError when the child has ended."""
        write_frame(self._orders, plain, body)

    def answer(self, most: int) -> tuple[dict[str, Any], bytes]:
        """The next frame that comes, of at most `most` bytes. EOFError when the child ends first."""
        return read_frame(self._answers, LONGEST_JSON, most)

    @contextmanager
    def watched(self, ends: float | None, memory: int | None) -> Iterator[None]:
        """A block in which the child is ended at `ends`, on the clock of time.monotonic(), or over so much memory."""
        over = threading.Event()
        by_hand = memory if sys.platform == "darwin" else None  # elsewhere the kernel bounds it, or nobody can
        watch = threading.Thread(target=self._watch, args=(over, ends, by_hand), daemon=True)
        if ends is not None or by_hand is not None:
            watch.start()
        try:
            yield
        finally:
            over.set()

    def _watch(self, over: threading.Event, ends: float | None, memory: int | None) -> None:
        left = None if ends is None else ends - time.monotonic()
        while not over.wait(left if memory is None else min(WATCH_SECONDS, left or WATCH_SECONDS)):
            if ends is not None and time.monotonic() >= ends:
                self.end("time")
                break
            if memory is not None and memory_of(self.pid) > memory:
                self.end("memory")
                break

    def end(self, why: str = "") -> None:
        """End the process at once; `why` is kept for whoever buries it."""
        self._why = self._why or why
        self._process.kill()

    def buried(self) -> Ending:
        """How the process ended. One that has hung up and does not end is ended."""
        ending = self._reaped()
        for pipe in (self._orders, self._answers):
            with suppress(OSError):  # what was left to write goes nowhere
                pipe.close()
        return ending

    def _reaped(self) -> Ending:
        if self._process.returncode is not None or sys.platform == "win32":
            self._process.kill()
            code = self._process.wait()
            return Ending(max(0, -code), max(0, code), 0, self._why)
        for _ in range(PATIENCE):
            ended, status, usage = os.wait4(self.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.01)
        else:
            self.end("silence")
            _, status, usage = os.wait4(self.pid, 0)
        code = self._process.returncode = os.waitstatus_to_exitcode(status)
        most = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        peak = most if most > self._inherited else 0
        return Ending(max(0, -code), max(0, code), peak, self._why)


def memory_of_this_process() -> int:
    """Bytes of memory that the loop itself holds now."""
    return memory_of(os.getpid())


def memory_of(pid: int) -> int:
    """Bytes of memory that a process holds now; 0 where nobody can tell."""
    if locks.LINUX:
        with suppress(OSError):
            return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return 0
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S603, S607
    return int(told.stdout or 0) * 1024
