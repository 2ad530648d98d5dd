"""The filter of system calls, interpreted for both processors, for the one that is deployed never runs here."""

import re
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from imaging.sandbox.filter import (
    ALLOW,
    ANSWER,
    ARCHITECTURES,
    AT_LEAST,
    CLONE,
    CLONE3,
    CLONE_THREAD,
    ENOSYS,
    EPERM,
    EQUAL,
    ERRNO,
    HAS_BITS,
    KILL,
    LOAD,
    PRLIMIT,
    REFUSED,
    TGKILL,
    Step,
    program,
)

HEADERS: Mapping[str, tuple[str, ...]] = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
MACHINES = tuple(ARCHITECTURES)
PID = 4242

NEEDED = {
    # name: number on x86_64, number on aarch64; what codecs, allocators and pipes live on
    "read": (0, 63),
    "write": (1, 64),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "brk": (12, 214),
    "futex": (202, 98),
    "exit_group": (231, 94),
    "madvise": (28, 233),
    "getrusage": (98, 165),
    "rt_sigaction": (13, 134),
}


def answer(steps: list[Step], number: int, arguments: tuple[int, ...] = (), architecture: int = 0) -> int:
    """What the kernel would answer to a call: a small machine for the instructions that the filter uses."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *(*arguments, *(0,) * (6 - len(arguments))))
    at = held = 0
    while True:
        step = steps[at]
        at += 1
        match step.code:
            case code if code == LOAD:
                (held,) = struct.unpack_from("<I", data, step.value)
            case code if code == ANSWER:
                return step.value
            case code if code == EQUAL:
                at += step.yes if held == step.value else step.no
            case code if code == AT_LEAST:
                at += step.yes if held >= step.value else step.no
            case code if code == HAS_BITS:
                at += step.yes if held & step.value else step.no
            case code:
                raise AssertionError(f"the machine has no instruction {code:#x}")


def numbers_in_headers(machine: str) -> dict[str, int]:
    path = next((Path(each) for each in HEADERS[machine] if Path(each).exists()), None)
    if path is None:
        pytest.skip(f"{' and '.join(HEADERS[machine])} are missing: apt-get install linux-libc-dev")
    pairs = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(?:__NR3264_\w+|(\d+))", path.read_text(encoding="ascii"))
    return {name: int(number) for name, number in pairs if number}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_is_the_one_in_the_headers(machine: str) -> None:
    column, headers = MACHINES.index(machine), numbers_in_headers(machine)
    table = REFUSED | {"clone": CLONE, "clone3": CLONE3, "kill": KILL, "tgkill": TGKILL, "prlimit64": PRLIMIT} | NEEDED
    for name, numbers in table.items():
        if numbers[column] is None:
            assert name not in headers, f"{machine} has {name} after all"
        elif name in headers:  # an older system's headers lack the newest calls
            assert headers[name] == numbers[column], name
    assert len(set(table) & set(headers)) > 70


@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_that_opens_no_picture_is_refused_and_the_rest_goes_on(machine: str) -> None:
    column, steps, word = MACHINES.index(machine), program(machine, PID), ARCHITECTURES[machine]
    for name, numbers in REFUSED.items():
        if numbers[column] is not None:
            assert answer(steps, numbers[column] or 0, architecture=word) == ERRNO | EPERM, name
    refused = {numbers[column] for numbers in REFUSED.values()}
    special = {each[column] for each in (CLONE, CLONE3, KILL, TGKILL, PRLIMIT)}
    for number in set(range(500)) - refused - special:
        assert answer(steps, number, architecture=word) == ALLOW, number
    for name, numbers in NEEDED.items():
        assert answer(steps, numbers[column], architecture=word) == ALLOW, name


@pytest.mark.parametrize("machine", MACHINES)
def test_a_thread_is_made_and_a_process_is_not(machine: str) -> None:
    column, steps, word = MACHINES.index(machine), program(machine, PID), ARCHITECTURES[machine]
    assert answer(steps, CLONE[column], (CLONE_THREAD | 0x3D0F00,), word) == ALLOW
    assert answer(steps, CLONE[column], (17,), word) == ERRNO | EPERM
    assert answer(steps, CLONE3[column], (CLONE_THREAD,), word) == ERRNO | ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_the_process_may_end_itself_and_nobody_else(machine: str) -> None:
    column, steps, word = MACHINES.index(machine), program(machine, PID), ARCHITECTURES[machine]
    for call in (KILL, TGKILL):
        assert answer(steps, call[column], (PID, PID, 6), word) == ALLOW
        assert answer(steps, call[column], (PID + 1, PID + 1, 6), word) == ERRNO | EPERM
    assert answer(steps, PRLIMIT[column], (0, 7), word) == ALLOW
    assert answer(steps, PRLIMIT[column], (PID + 1, 7), word) == ERRNO | EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_of_another_processor_or_table_are_refused(machine: str) -> None:
    steps = program(machine, PID)
    for word in (*ARCHITECTURES.values(), 0x40000003, 0, 0xFFFF_FFFF):
        if word != ARCHITECTURES[machine]:
            assert answer(steps, 63, architecture=word) == ERRNO | EPERM
    assert answer(steps, 0x4000_0000 | 0, architecture=ARCHITECTURES[machine]) == ERRNO | EPERM


def test_the_filter_is_short_enough_for_the_kernel() -> None:
    for machine in MACHINES:
        steps = program(machine, PID)
        assert len(steps) <= 4096  # BPF_MAXINSNS
        for at, step in enumerate(steps):
            assert step.code == ANSWER or at + 1 + max(step.yes, step.no) < len(steps)
