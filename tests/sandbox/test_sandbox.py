"""The sandbox's ends: each is judged as what it is, and the next picture is right."""

import ctypes
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imaging.errors import OutOfTime, Rejection, SandboxError
from imaging.exchange import Order
from imaging.formats import WRITTEN
from imaging.recipe.spec import RenditionSpec
from imaging.sandbox import sandbox as loop_side
from imaging.sandbox.sandbox import Sandbox
from tests.sandbox.planting import INSIDE, MAKING, ORDER, ROOT, copy_of_the_package, planted, that_runs_programs

MB = 1_000_000


def png(width: int = 40, height: int = 30, colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return that_runs_programs(tmp_path_factory.mktemp("programs"))


@pytest.fixture
def taken_over(programs: Path) -> Iterator[Sandbox]:
    """A sandbox that does what a source tells it."""
    with planted(programs, memory=1769 << 20, seconds=60) as sandbox:
        yield sandbox


def stands(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def assert_works(sandbox: Sandbox) -> None:
    made = sandbox.make(png(), ORDER)
    assert [(file.name, file.format) for file in made.files] == [("thumb", "webp"), ("thumb", "jpeg")]


def test_every_format_is_made_in_the_order_of_the_recipe() -> None:
    specs = (RenditionSpec("small", 10), RenditionSpec("all", 20, formats=tuple(WRITTEN)))
    with Sandbox(memory=1769 << 20, seconds=60) as sandbox:
        made = sandbox.make(png(), Order(specs))
    assert [(file.name, file.format) for file in made.files] == [
        ("small", "webp"),
        ("small", "jpeg"),
        *(("all", name) for name in WRITTEN),
    ]
    assert (made.header.width, made.header.height, made.header.dominant_colour) == (40, 30, "#ff0000")
    assert made.peak > 20 * MB
    assert set(made.seconds) == {"decode", "render"}


def test_one_process_makes_many_pictures_and_is_replaced_after_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_side, "PICTURES", 3)
    with Sandbox() as sandbox:
        pids = []
        for _ in range(7):
            pids.append(sandbox.pid)
            assert_works(sandbox)
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [4, 3]  # the first look is before a replacement
    assert not any(map(stands, pids))


def test_a_rejection_is_clean_and_keeps_the_process() -> None:
    with Sandbox() as sandbox:
        pid = sandbox.pid
        with pytest.raises(Rejection) as rejected:
            sandbox.make(b"no picture at all", ORDER)
        assert rejected.value.code == "unsupported-format"
        assert_works(sandbox)
        assert sandbox.pid == pid


SIGNALS = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP")


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("after", ["", "decoding"])
def test_a_crash_of_a_codec_is_a_damaged_file(taken_over: Sandbox, name: str, after: str) -> None:
    program = f"import os; os.kill(os.getpid(), {int(signal.Signals[name])})".encode()
    body = png() + b"#!" + program if after else b"!" + program
    before = taken_over.pid
    with pytest.raises(Rejection) as rejected:
        taken_over.make(body, ORDER)
    assert rejected.value.code == "damaged"
    assert name in rejected.value.cause
    assert ("PNG" in rejected.value.reason) == bool(after)
    assert name not in rejected.value.reason + rejected.value.advice
    assert taken_over.crashes == 1
    assert not stands(before)
    assert_works(taken_over)
    assert taken_over.pid != before
    assert taken_over.crashes == 0


def test_a_real_abort_of_the_c_library_is_seen_as_one(taken_over: Sandbox) -> None:
    with pytest.raises(Rejection, match="damaged") as rejected:
        taken_over.make(b"!import ctypes; ctypes.CDLL(None).abort()", ORDER)
    assert "SIGABRT" in rejected.value.cause


def test_a_real_segmentation_fault_is_seen_as_one(taken_over: Sandbox) -> None:
    with pytest.raises(Rejection, match="damaged") as rejected:
        taken_over.make(b"!import ctypes; ctypes.string_at(0)", ORDER)
    assert "SIGSEGV" in rejected.value.cause


def test_crashes_in_a_row_count_different_sources_once_each(taken_over: Sandbox) -> None:
    crash = b"!import os; os.kill(os.getpid(), 11) # "
    for body, crashes in ((b"a", 1), (b"a", 1), (b"b", 2), (b"c", 3)):
        with pytest.raises(Rejection):
            taken_over.make(crash + body, ORDER)
        assert taken_over.crashes == crashes
    with pytest.raises(Rejection):
        taken_over.make(b"GIF89a", ORDER)  # a clean rejection: the codecs work
    assert taken_over.crashes == 0


def test_a_kill_that_was_not_ours_is_a_failure(taken_over: Sandbox) -> None:
    with pytest.raises(SandboxError, match="SIGKILL"):
        taken_over.make(b"!import os; os.kill(os.getpid(), 9)", ORDER)
    assert_works(taken_over)


def test_an_exit_of_its_own_is_a_failure(taken_over: Sandbox) -> None:
    with pytest.raises(SandboxError, match="exit code 3"):
        taken_over.make(b"!import os; os._exit(3)", ORDER)
    assert_works(taken_over)


def test_a_closed_pipe_is_a_failure_and_the_process_is_ended(taken_over: Sandbox) -> None:
    before = taken_over.pid
    program = (
        b"!import os, time\nfor number in range(3, 20):\n try: os.close(number)\n except OSError: pass\ntime.sleep(60)"
    )
    with pytest.raises(SandboxError, match="silence"):
        taken_over.make(program, ORDER)
    assert not stands(before)
    assert_works(taken_over)


def test_processor_time_used_up_is_too_long(programs: Path) -> None:
    with planted(programs, seconds=0.5) as sandbox:
        began = time.process_time()
        with pytest.raises(Rejection) as rejected:
            sandbox.make(png() + b"#!\nwhile True: pass", ORDER)
        assert rejected.value.code == "took-too-long"
        assert "40 x 30 pixels" in rejected.value.reason
        assert time.process_time() - began < 0.5  # the loop waits; it does not spin
        for _ in range(3):
            assert_works(sandbox)


@pytest.mark.slow
def test_a_picture_may_take_its_seconds_anew_after_others(programs: Path) -> None:
    busy = b"#!\nimport time\nuntil = time.process_time() + 0.6\nwhile time.process_time() < until: pass"
    with planted(programs, seconds=1) as sandbox:
        for _ in range(3):
            assert sandbox.make(png() + busy, ORDER).files


def test_the_time_of_the_invocation_running_out_is_no_rejection(taken_over: Sandbox) -> None:
    taken_over.seconds = 0.1
    before = taken_over.pid
    with pytest.raises(OutOfTime):
        taken_over.make(b"!import time; time.sleep(60)", ORDER, ends=time.monotonic() + 1)
    assert not stands(before)
    assert_works(taken_over)


def test_a_picture_is_not_begun_with_less_time_than_it_may_take(taken_over: Sandbox) -> None:
    pid = taken_over.pid
    with pytest.raises(OutOfTime):
        taken_over.make(png(), ORDER, ends=time.monotonic() + 59)
    assert taken_over.pid == pid
    assert taken_over.make(png(), ORDER, ends=time.monotonic() + 61).files


ALLOCATE = b"#!held = bytearray(900_000_000)"


def test_want_of_memory_is_a_rejection_with_the_numbers(programs: Path) -> None:
    with planted(programs, memory=512 << 20) as sandbox:
        with pytest.raises(Rejection) as rejected:
            sandbox.make(png() + ALLOCATE, ORDER)
        assert rejected.value.code == "needs-too-much-memory"
        assert "40 x 30 pixels" in rejected.value.reason
        assert " MB there are for it" in rejected.value.reason
        assert_works(sandbox)


NEAR_THE_LIMIT = """
import sys; sys.path[:0] = [{folder!r}, {root!r}]
from imaging.errors import Rejection
from imaging.sandbox.sandbox import Sandbox
from tests.sandbox.planting import ORDER
from tests.sandbox.test_sandbox import png
grow = b'''#!
import os
held = []
try:
    while True: held.append(bytearray(1_000_000))
except MemoryError:
    os.kill(os.getpid(), 6)
'''
with Sandbox(memory=512 << 20) as sandbox:
    try:
        sandbox.make(png() + grow, ORDER)
    except Rejection as rejection:
        print(rejection.code, rejection.cause)
    assert sandbox.make(png(), ORDER).files
"""


def test_an_end_near_the_limit_is_want_of_memory_whatever_the_signal(programs: Path) -> None:
    """In a program of its own: what this process has held would hide what its child did."""
    script = NEAR_THE_LIMIT.format(folder=str(programs), root=str(ROOT))
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.startswith("needs-too-much-memory")
    assert "SIGABRT" in done.stdout


def test_memory_that_earlier_pictures_hold_is_not_held_against_the_next(programs: Path) -> None:
    """The first source makes the process hold most of its memory for good; the second needs a little."""
    leak = b"#!import builtins; builtins.held = bytearray(250_000_000)"
    need = b"#!wanted = bytearray(190_000_000)"
    with planted(programs, memory=512 << 20) as sandbox:
        sandbox.make(png() + leak, ORDER)
        before = sandbox.pid
        assert sandbox.make(png() + need, ORDER).files
        assert sandbox.pid != before


def test_a_process_that_came_near_its_limit_is_replaced(programs: Path) -> None:
    with planted(programs, memory=512 << 20) as sandbox:
        before = sandbox.pid
        memory, _ = sandbox._shares()
        assert memory is not None
        sandbox.make(png() + f"#!held = bytearray({int(memory * 0.95) - 35 * MB})".encode(), ORDER)
        assert sandbox.peak > 0.9 * memory
        assert_works(sandbox)
        assert sandbox.pid != before


def test_a_process_that_dies_between_two_pictures_is_replaced_without_blame() -> None:
    with Sandbox() as sandbox:
        for _ in range(3):
            os.kill(sandbox.pid, signal.SIGKILL)
            assert_works(sandbox)
        assert sandbox.crashes == 0


def test_a_process_that_dies_as_the_source_arrives_is_replaced_without_blame() -> None:
    """It looked well when it was asked: a stopped process takes the order in, and is killed before it reads."""
    with Sandbox() as sandbox:
        assert_works(sandbox)
        pid = sandbox.pid
        os.kill(pid, signal.SIGSTOP)
        killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
        killer.start()
        assert_works(sandbox)
        killer.join()


def test_a_freeze_between_two_events_is_survived() -> None:
    """Lambda stops both processes between two events. The clock goes on, the processor's does not."""
    with Sandbox(memory=1769 << 20, seconds=60) as sandbox:
        assert_works(sandbox)
        pid = sandbox.pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(1.5)
        os.kill(pid, signal.SIGCONT)
        assert sandbox.make(png(), ORDER, ends=time.monotonic() + 100).files
        assert sandbox.pid == pid


def test_closing_ends_the_process() -> None:
    sandbox = Sandbox()
    assert stands(sandbox.pid)
    sandbox.close()
    assert not stands(sandbox.pid)
    sandbox.close()  # twice is once


def test_a_fault_of_ours_comes_out_with_its_traceback(tmp_path: Path) -> None:
    change = {MAKING: ("    format = sniff(body)\n", "    format = sniff(body)\n    FORMATS_WRITTEN_WRONG  # noqa\n")}
    folder = copy_of_the_package(tmp_path, change | {INSIDE: ("            try_out()\n", "")})
    with planted(folder) as sandbox, pytest.raises(SandboxError) as failed:
        sandbox.make(png(), ORDER)
    assert "NameError: name 'FORMATS_WRITTEN_WRONG' is not defined" in str(failed.value)
    assert "making.py" in str(failed.value)


def test_a_sandbox_that_cannot_start_is_our_failure(tmp_path: Path) -> None:
    folder = copy_of_the_package(
        tmp_path, {MAKING: ("from imaging.pictures.plan import Plan\n", "import nothing_such\n")}
    )
    with planted(folder) as sandbox, pytest.raises(SandboxError, match="nothing_such"):
        sandbox.make(png(), ORDER)


def test_without_its_filter_it_starts_where_a_codec_would_miss_a_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A kernel that takes the filter and then refuses what codecs need, played by a filter that refuses to write."""
    change = {"imaging/sandbox/filter.py": ('    "ptrace": (101, 117)', '    "write": (1, 64), "ptrace": (101, 117)')}
    with planted(copy_of_the_package(tmp_path, change)) as sandbox:
        assert_works(sandbox)
        os.kill(sandbox.pid, signal.SIGKILL)
        assert_works(sandbox)
    assert len([record for record in caplog.records if "without its filter" in record.message]) == 1


LIES = {
    "another header": 'write_frame(answers, {"header": {}})',
    "bytes that are no frame": "answers.write(b'lies' * 100); answers.flush()",
    "a frame over its bounds": "answers.write(HEAD.pack(MARK, 2, 1 << 60)); answers.flush()",
    "a file nobody ordered": (
        'write_frame(answers, {"file": {"name": "x", "format": "png", "width": 1, "height": 1}}, b"x")'
    ),
    "too few files": 'write_frame(answers, {"done": {"peak": 1, "seconds": {"decode": 0.0, "render": 0.0}}})',
    "seconds that are words": 'write_frame(answers, {"done": {"peak": 1, "seconds": {"decode": "a", "render": 0.0}}})',
    "begun twice": 'write_frame(answers, {"begun": True})',
    "ready in the middle": 'write_frame(answers, {"ready": {}})',
    "a list": 'write_frame(answers, {"rejection": []})',
}


@pytest.mark.parametrize(
    ("lie", "at"),
    [*((lie, 2) for lie in LIES), *(("bytes that are no frame", at) for at in (0, 1, 3, 4, 5))],
)
def test_a_lie_at_any_frame_is_a_failure_and_ends_the_process(tmp_path: Path, lie: str, at: int) -> None:
    """The frames of a picture of two files are begun, measure, header, file, file and done; one of them is a lie."""
    honest = "    head = json.dumps(plain).encode()\n"
    lying = f"""\
    answers = pipe
    write_frame.frames = getattr(write_frame, "frames", -2) + 1
    if write_frame.frames == {at}:
        write_frame.frames = 99
        {LIES[lie]}
        return
"""
    folder = copy_of_the_package(tmp_path, {"imaging/sandbox/frames.py": (honest, lying + honest)})
    with planted(folder, seconds=20) as sandbox:
        before = sandbox.pid
        with pytest.raises(SandboxError):
            sandbox.make(png(), ORDER)
        assert not stands(before)


def test_outputs_over_their_share_are_not_taken(programs: Path) -> None:
    flood = b"""#!
import sys
from imaging.sandbox.frames import write_frame
frame = sys._getframe()
while "answers" not in frame.f_locals: frame = frame.f_back
file = {"name": "thumb", "format": "webp", "width": 1, "height": 1}
write_frame(frame.f_locals["answers"], {"file": file}, bytes(40_000_000))
"""
    with planted(programs, memory=512 << 20) as sandbox, pytest.raises(SandboxError, match="a frame of"):
        sandbox.make(png() + flood, ORDER)


@pytest.mark.slow
def test_ten_slow_pictures_on_a_busy_machine_are_none_rejected_for_time(programs: Path) -> None:
    """Two other programs take the processors; each picture needs most of its own seconds."""
    busy = b"#!\nimport time\nuntil = time.process_time() + 0.4\nwhile time.process_time() < until: pass"
    others = [os.posix_spawn("/bin/sh", ["sh", "-c", "while :; do :; done"], {}) for _ in range(4)]
    try:
        with planted(programs, seconds=1) as sandbox:
            assert [len(sandbox.make(png() + busy, ORDER).files) for _ in range(10)] == [2] * 10
    finally:
        for pid in others:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_it_ends_with_a_loop_that_is_killed_and_hears_no_ctrl_c() -> None:
    """Busy with a picture it does not see the pipe end; the kernel ends it with the loop."""
    script = (
        "import sys, time; sys.path.insert(0, '.')\n"
        "from imaging.sandbox.sandbox import Sandbox\n"
        "sandbox = Sandbox(); sandbox._stand(); print(sandbox.pid, flush=True); time.sleep(60)"
    )
    loop = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert loop.stdout is not None
    pid = int(loop.stdout.readline())
    assert os.getsid(pid) == pid
    assert stands(pid)
    os.kill(pid, signal.SIGSTOP)  # it can do nothing by itself
    loop.kill()
    loop.wait()
    loop.stdout.close()
    deadline = time.monotonic() + 5
    while stands(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not stands(pid)


def test_the_loop_s_own_memory_and_environment_are_closed_to_others() -> None:
    with Sandbox():
        assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0  # PR_GET_DUMPABLE


def test_a_kernel_that_takes_no_filter_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    change = {"imaging/sandbox/filter.py": ("if machine not in ARCHITECTURES:", "if True:")}
    with planted(copy_of_the_package(tmp_path, change)) as sandbox:
        for _ in range(2):
            assert_works(sandbox)
            os.kill(sandbox.pid, signal.SIGKILL)
        assert_works(sandbox)
    assert [record.message for record in caplog.records] == [
        "The kernel takes no filter of system calls; the other locks hold."
    ]


def test_an_abort_over_more_pixels_than_there_is_memory_is_want_of_memory(programs: Path) -> None:
    """So ends libheif, which asks for a whole picture at once."""
    large = png(6000, 5000)
    with planted(programs, memory=150_000_000) as sandbox, pytest.raises(Rejection) as rejected:
        sandbox.make(large + b"#!import os; os.kill(os.getpid(), 6)", ORDER)
    assert rejected.value.code == "needs-too-much-memory"
