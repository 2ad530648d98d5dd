"""What prediction misses: memory and time run out as a rejection, and the process is as it was."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from imaging import reconciling
from imaging.bounds import MARGIN, Run, held_to
from imaging.encoding import encode_all
from imaging.errors import Rejection
from imaging.memory import BASE
from imaging.reconciling import reconcile
from ops.memory import MemoryStorage
from tests.recipes import recipe
from tests.schedules import picture

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
ON_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there is no alarm on Windows")
KEY, RECIPE = "a.png", recipe()


def soon(seconds: float = 0.1) -> Run:
    return Run(ends=time.monotonic() + seconds)


def work(*_: Any, seconds: float = 60, **__: Any) -> None:
    """A minute of it, in short calls as decoding is."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        sum(range(1000))


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """No test may leave an alarm or a limit behind."""

    def state() -> tuple[Any, ...]:
        if sys.platform == "win32":
            return ()
        import resource  # noqa: PLC0415

        return signal.getsignal(signal.SIGALRM), signal.getitimer(0), resource.getrlimit(resource.RLIMIT_AS)

    before = state()
    yield
    assert state() == before


@ON_LINUX
def test_more_memory_than_allowed_is_a_rejection() -> None:
    with pytest.raises(Rejection) as caught, held_to(Run(memory=100_000_000), 1234):
        bytearray(500_000_000)
    assert caught.value.code == "needs-too-much-memory"
    assert "1,234 bytes" in caught.value.reason


@ON_LINUX
def test_a_system_that_refuses_a_limit_is_one_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.bounds.Path", lambda _: Path("/nowhere"))
    with held_to(Run(memory=1), 1):
        assert bytearray(1_000_000)


@ON_LINUX
def test_as_much_memory_as_the_function_has_is_allowed() -> None:
    with held_to(Run.within("", 2_000_000_000, None), 1):
        assert bytearray(1_000_000_000)


@ON_POSIX
def test_time_that_runs_out_is_a_rejection() -> None:
    began = time.monotonic()
    with pytest.raises(Rejection) as caught, held_to(soon(), 1234):
        work()
    assert time.monotonic() - began < 10
    assert caught.value.code == "took-too-long"
    assert "1,234 bytes" in caught.value.reason
    assert "fewer pixels" in caught.value.advice


@ON_POSIX
def test_code_that_forgives_every_exception_does_not_forgive_this() -> None:
    def forgiving() -> None:
        with suppress(Exception):
            work()
        raise AssertionError("the alarm was swallowed")

    with pytest.raises(Rejection), held_to(soon(), 1):
        forgiving()


@ON_POSIX
def test_an_alarm_that_was_lost_rings_again() -> None:
    def losing() -> None:
        with suppress(BaseException):
            work()
        work()

    with pytest.raises(Rejection), held_to(soon(), 1):
        losing()


@ON_POSIX
def test_an_alarm_that_somebody_set_before_still_rings() -> None:
    rang = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(time.monotonic()))
    began = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0.4)
    try:
        with pytest.raises(Rejection), held_to(soon(), 1):
            work()
        while not rang and time.monotonic() < began + 10:
            time.sleep(0.05)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rang
    assert rang[0] - began >= 0.3


def test_a_fault_of_the_program_passes_unchanged() -> None:
    with pytest.raises(KeyError), held_to(Run(memory=10**9, ends=time.monotonic() + 60), 1):
        raise KeyError


def test_another_thread_than_the_main_one_is_not_bound_and_not_disturbed() -> None:
    done = []

    def run() -> None:
        with held_to(Run(memory=1, ends=time.monotonic()), 1):
            done.append(bytearray(1_000_000_000))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done


def test_a_run_leaves_time_to_say_so_and_never_less_than_half() -> None:
    now = time.monotonic()
    assert Run.within("", None, None) == Run()
    assert Run.within("", 10**9, None).memory == 10**9 - BASE
    for seconds, given in ((120, 120 - MARGIN), (6, 3)):
        run = Run.within("", None, seconds)
        assert run.ends == pytest.approx(now + given, abs=1)
        assert run.begin_by == pytest.approx(now + given / 2, abs=1)


@ON_POSIX
@pytest.mark.parametrize(
    ("step", "slow"),
    [
        ("imaging.reconciling.decode", work),
        ("imaging.reconciling.render", lambda *_: iter(work, "never")),
        ("imaging.encoding.encode", partial(work, seconds=3)),  # in a thread, which the alarm does not reach
    ],
)
def test_a_file_that_takes_too_long_replaces_nothing(step: str, slow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = MemoryStorage()
    storage.upload(KEY, picture(1))
    published = reconcile(KEY, RECIPE, storage).manifest
    before = dict(storage.renditions)
    storage.upload(KEY, picture(2))
    monkeypatch.setattr(step, slow)
    outcome = reconcile(KEY, RECIPE, storage, soon())
    assert outcome.status == "rejected"
    assert outcome.manifest is not None
    assert outcome.manifest.rejection is not None
    assert outcome.manifest.rejection.code == "took-too-long"
    assert published is not None
    assert outcome.manifest.renditions == published.renditions
    changed = [key for key in storage.renditions if storage.renditions[key] != before.get(key)]
    assert changed == [f"{KEY}/manifest.json"]
    assert reconcile(KEY, RECIPE, storage).status == "unchanged"


def test_a_fault_in_the_last_rendition_replaces_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = MemoryStorage()
    storage.upload(KEY, picture(1))
    reconcile(KEY, RECIPE, storage)
    before = {key: file for key, file in storage.renditions.items() if not key.endswith("manifest.json")}
    storage.upload(KEY, picture(2))

    def made(*args: Any, **options: Any) -> Any:
        yield from list(encode_all(*args, **options))[:-1]
        raise MemoryError

    monkeypatch.setattr(reconciling, "encode_all", made)
    assert reconcile(KEY, RECIPE, storage).status == "rejected"
    assert before == {key: file for key, file in storage.renditions.items() if not key.endswith("manifest.json")}
