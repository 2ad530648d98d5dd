"""What the sandbox gives up, and the limits of each picture.

Windows has none of these. macOS has those of files, core dumps and processor time. Where the system has no lock, the
loop watches from outside as far as it can (child.py).
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
"""Of linux/prctl.h."""

LINUX = sys.platform == "linux"


def close_to_others() -> None:
    """Have the kernel close this process's memory and environment to every other process of the same user."""
    if LINUX:
        _prctl(PR_SET_DUMPABLE, 0)


def end_with(parent: int) -> None:
    """Have the kernel end this process when the thread that started it ends; the parent may be gone already."""
    if LINUX:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if sys.platform != "win32" and os.getppid() != parent:
        os._exit(0)


def lock(*, filtered: bool) -> bool:
    """Give up files, sockets, new programs and privileges for good; what is open stays so.

    The answer is whether the kernel took the filter of system calls, which is asked for with `filtered`.
    """
    if sys.platform == "win32":
        return False
    import resource  # noqa: PLC0415  unknown on Windows

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    if not LINUX:
        return False
    close_to_others()
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    if not filtered:
        return False
    from imaging.sandbox.filter import install  # noqa: PLC0415  loaded before the lock by `load`

    return install(os.getpid())


def limit(memory: int | None, seconds: float | None, unheld: int) -> None:
    """Bound the next picture: bytes of memory, of which `unheld` more may be mapped, and seconds of the processor.

    Past the first, allocations fail. Past the second, the kernel ends the process by SIGXCPU. It counts whole seconds.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415

    if memory is not None and LINUX:  # macOS takes this limit and ignores it
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (memory + unheld, hard))
    if seconds is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, hard))


def lift() -> None:
    """Take the bounds of a picture away until the next one begins."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415

    for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (hard, hard))


def unheld_memory() -> int:
    """Bytes that this process has mapped and does not hold: code, mostly. The kernel's limit counts mapped bytes."""
    try:
        mapped, held = map(int, Path("/proc/self/statm").read_text(encoding="ascii").split()[:2])
    except OSError:
        return 0
    return (mapped - held) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def status() -> Iterator[int | None]:
    """What `peak_memory` reads from, open; None where the system has no such file."""
    number = os.open("/proc/self/status", os.O_RDONLY) if LINUX else None
    try:
        yield number
    finally:
        if number is not None:
            os.close(number)


def peak_memory(status: int | None) -> int:
    """The most bytes of memory that this process has held so far; 0 where the system does not tell.

    What getrusage says on Linux counts in what the process that started this one had held.
    """
    if status is not None:
        lines = os.pread(status, 8192, 0).splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(b"VmHWM:")), 0)
    if sys.platform == "darwin":
        import resource  # noqa: PLC0415

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 0


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"the kernel refused prctl {option}")
