"""A filter of system calls (seccomp): what opens no picture is refused by the kernel with EPERM.

The sandbox gives up its files and sockets by a limit already. The filter takes away what works without any open file:
starting programs, watching or ending other processes, deleting and renaming, and the newer ways around files. It is
written for the two processors of Lambda; numbers are those of Linux's unistd_64.h (x86_64) and asm-generic/unistd.h
(aarch64).
"""

import ctypes
import platform
import struct
from collections.abc import Mapping
from typing import NamedTuple

ARCHITECTURES: Mapping[str, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_ of linux/audit.h. Under another word a number would mean another call."""

# fmt: off
REFUSED: Mapping[str, tuple[int | None, int | None]] = {
    # name: number on x86_64, number on aarch64 (None where there is no such call)
    "open": (2, None), "creat": (85, None), "openat": (257, 56), "openat2": (437, 437), "open_by_handle_at": (304, 265),
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "sendto": (44, 206), "sendmsg": (46, 211), "accept": (43, 202), "accept4": (288, 242),
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_setup": (206, 0), "io_submit": (209, 2),
    "unlink": (87, None), "unlinkat": (263, 35), "rmdir": (84, None), "mkdir": (83, None), "mkdirat": (258, 34),
    "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276),
    "link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36),
    "mknod": (133, None), "mknodat": (259, 33), "truncate": (76, 45),
    "chmod": (90, None), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "chdir": (80, 49), "chroot": (161, 51), "pivot_root": (155, 41), "mount": (165, 40), "umount2": (166, 39),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "mount_setattr": (442, 442), "unshare": (272, 97), "setns": (308, 268),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "inotify_init1": (294, 26), "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "reboot": (169, 142), "swapon": (167, 224), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "setuid": (105, 146), "setgid": (106, 144), "setresuid": (117, 147), "setresgid": (119, 149),
    "setgroups": (116, 159),
    "capset": (126, 91), "personality": (135, 92), "setpriority": (141, 140), "sched_setaffinity": (203, 122),
}
# fmt: on
"""System calls that the sandbox never needs."""

CLONE: tuple[int, int] = (56, 220)
CLONE_THREAD = 0x0001_0000
"""Set where a thread is made, and not a process (linux/sched.h)."""
CLONE3: tuple[int, int] = (435, 435)
"""Its flags stand in memory, where a filter cannot look. Told that there is no such call, the C library uses clone."""
KILL: tuple[int, int] = (62, 129)
TGKILL: tuple[int, int] = (234, 131)
"""Allowed to the process itself alone, for abort() ends by it."""
PRLIMIT: tuple[int, int] = (302, 261)
"""Allowed with 0, which is the process itself, for it sets the limits of each picture."""
X32 = 0x4000_0000
"""Set in the numbers of x86-64's second table of calls, which would pass under other numbers."""

EPERM, ENOSYS = 1, 38
ALLOW, ERRNO = 0x7FFF_0000, 0x0005_0000
"""What a filter answers (linux/seccomp.h)."""
NUMBER, ARCHITECTURE, FIRST, SECOND = 0, 4, 16, 24
"""Offsets in struct seccomp_data; of an argument its lower half, for both processors are little-endian."""
LOAD, EQUAL, AT_LEAST, HAS_BITS, ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
"""Instructions of the classic BPF machine (linux/bpf_common.h)."""

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2


class Step(NamedTuple):
    """One instruction: what to do, how many steps to skip when a comparison holds and when not, and its value."""

    code: int
    yes: int
    no: int
    value: int


def program(machine: str, pid: int) -> list[Step]:
    """The filter for a processor, `x86_64` or `aarch64`, and the process that will carry it."""
    column = list(ARCHITECTURES).index(machine)
    refuse, unknown = Step(ANSWER, 0, 0, ERRNO | EPERM), Step(ANSWER, 0, 0, ERRNO | ENOSYS)
    allow, load = Step(ANSWER, 0, 0, ALLOW), Step(LOAD, 0, 0, NUMBER)
    steps = [Step(LOAD, 0, 0, ARCHITECTURE), Step(EQUAL, 1, 0, ARCHITECTURES[machine]), refuse, load]
    steps += [Step(AT_LEAST, 0, 1, X32), refuse]
    steps += [Step(EQUAL, 0, 1, CLONE3[column]), unknown]
    for call, argument, test, value in (
        (CLONE, FIRST, HAS_BITS, CLONE_THREAD),
        (KILL, FIRST, EQUAL, pid),
        (TGKILL, FIRST, EQUAL, pid),
        (PRLIMIT, FIRST, EQUAL, 0),
    ):
        steps += [Step(EQUAL, 0, 4, call[column]), Step(LOAD, 0, 0, argument), Step(test, 0, 1, value), allow, refuse]
    for numbers in REFUSED.values():
        if numbers[column] is not None:
            steps += [Step(EQUAL, 0, 1, numbers[column] or 0), refuse]
    return [*steps, allow]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def install(pid: int) -> bool:
    """Put the filter on this process for good, and say whether the kernel took it. Needs no_new_privs to be set."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        return False
    steps = program(machine, pid)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    carried = _Program(len(steps), ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return int(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(carried), 0, 0)) == 0
