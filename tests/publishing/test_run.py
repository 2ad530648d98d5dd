import pytest

from imaging.publishing.run import Run


def test_each_run_has_a_stopwatch_of_its_own() -> None:
    one, other = Run(), Run()
    one.add("read", 1.0)
    assert other.seconds == {}
    with pytest.raises(TypeError):
        Run(seconds={})  # type: ignore[call-arg]


def test_the_times_of_a_step_add_up_and_one_that_fails_is_counted_too() -> None:
    run = Run()
    run.add("write", 1.0)
    with run.step("write"):
        pass
    with pytest.raises(OSError, match="away"), run.step("write"):
        raise OSError("S3 is away")
    assert 1.0 < run.seconds["write"] < 1.5
    assert list(run.seconds) == ["write"]
