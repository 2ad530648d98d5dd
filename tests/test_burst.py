"""The model of a burst: what AWS documents, and nothing that the model makes up."""

import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.burst import DELIVERY, LONGEST_WAIT, OLDEST, Burst, Course, Upload, at_best, course
from ops.prices import PRICES, READ, Prices

FREE = Prices({"arm64": 0.0, "x86_64": 0.0}, 0.0, 0.0, 0.0)
US = PRICES["us-east-1"]


def run(burst: Burst, upload: Upload | None = None, prices: Prices = US) -> Course:
    return course(burst, upload or Upload(), prices)


def test_one_upload_waits_for_the_event_a_new_function_and_its_picture() -> None:
    one = run(Burst(1, 10), Upload(seconds=0.8, cold_seconds=0.6))
    assert one.last_manifest == one.longest_wait == one.median_wait == pytest.approx(DELIVERY + 0.6 + 0.8)
    assert (one.throttled, one.cold_starts, one.failed) == (0, 1, 0)


def test_a_function_that_is_warm_is_used_again() -> None:
    one = run(Burst(10, 10, over=100), Upload(seconds=0.8, cold_seconds=0.6))
    assert one.cold_starts == 1
    assert one.median_wait == pytest.approx(DELIVERY + 0.8)


def test_with_enough_functions_nothing_is_throttled() -> None:
    assert run(Burst(500, 500)).throttled == 0
    assert run(Burst(500, 499)).throttled > 0


def test_lambda_starts_a_thousand_functions_at_once_and_no_more_whatever_the_account_has() -> None:
    one = run(Burst(3000, 3000), Upload(seconds=60, cold_seconds=0))
    assert one.throttled > 0
    assert one.cold_starts == 3000, "a hundred more may start with each second"


@pytest.mark.parametrize("concurrency", [10, 100, 1000])
def test_throttled_events_take_longer_than_if_no_function_stood_idle(concurrency: int) -> None:
    burst = Burst(1000, concurrency)
    ideal, real = at_best(burst, Upload()), run(burst).last_manifest
    assert ideal * 0.95 <= real <= ideal + LONGEST_WAIT


def test_more_functions_never_mean_a_later_end() -> None:
    ends = [run(Burst(1000, concurrency)).last_manifest for concurrency in (10, 30, 100, 300, 1000)]
    assert all(later >= sooner for later, sooner in itertools.pairwise(ends))


def test_waiting_in_the_queue_costs_nothing_and_a_new_function_costs_its_start() -> None:
    warm = Upload(cold_seconds=0)
    assert run(Burst(1000, 10), warm).usd == pytest.approx(1000 * warm.price(US))
    assert run(Burst(1000, 10)).usd == pytest.approx(
        1000 * Upload().price(US) + 10 * Upload().cold_seconds * 1769 / 1024 * US.compute["arm64"]
    )


def test_a_failed_attempt_is_paid_and_repeated_after_a_minute() -> None:
    good, bad = run(Burst(1000, 1000)), run(Burst(1000, 1000, failing=0.05))
    assert bad.longest_wait > 60 + good.longest_wait - 2
    assert bad.usd > good.usd
    assert bad.failed == 0


def test_what_fails_three_times_is_in_the_failure_queue() -> None:
    one = run(Burst(10, 10, failing=1.0), Upload(seconds=0.8, cold_seconds=0))
    assert (one.failed, one.last_manifest) == (10, 0)
    assert one.usd == pytest.approx(30 * Upload().price(US))


def test_an_event_of_six_hours_is_given_up() -> None:
    one = run(Burst(100, 1), Upload(seconds=1000, cold_seconds=0))
    assert one.failed > 0
    assert one.longest_wait < OLDEST + LONGEST_WAIT + 1000
    assert at_best(Burst(1_000_000, 10), Upload()) > OLDEST


def test_one_folder_takes_so_many_files_a_second_however_many_functions_run() -> None:
    upload = Upload(seconds=0.1, cold_seconds=0)
    one, four = (run(Burst(5000, 1000, over=1, folders=folders), upload) for folders in (1, 4))
    assert one.last_manifest > 5000 * upload.puts / 3500 > four.last_manifest / 2
    assert one.last_manifest > 1.5 * four.last_manifest


@given(
    st.builds(
        Burst,
        st.integers(1, 300),
        st.integers(1, 50),
        over=st.floats(0, 100),
        failing=st.floats(0, 1),
    )
)
def test_every_upload_ends_published_or_in_the_failure_queue(burst: Burst) -> None:
    upload = Upload(cold_seconds=0)
    one = course(burst, upload, Prices({"arm64": 0.0, "x86_64": 0.0}, 1.0, 0.0, 0.0))
    assert burst.uploads - one.failed <= one.usd <= 3 * burst.uploads, "each attempt costs one"
    assert one.median_wait <= one.longest_wait
    assert one == course(burst, upload, Prices({"arm64": 0.0, "x86_64": 0.0}, 1.0, 0.0, 0.0))


def test_an_upload_costs_what_the_requests_and_the_seconds_cost() -> None:
    upload = Upload(seconds=1.0, memory=1024, renditions=8)
    assert (upload.puts, upload.writes, upload.reads) == (9, 10, 4)
    assert upload.price(US) == pytest.approx(0.0000133334 + 0.0000002 + 10 * 0.000005 + 4 * 0.0000004)
    assert upload.price(FREE) == 0


def test_each_rendition_s_format_costs_five_dollars_a_million() -> None:
    more = (Upload(renditions=9).price(US) - Upload(renditions=8).price(US)) * 1_000_000
    assert more == pytest.approx(5.0)


def test_frankfurt_is_dearer_than_virginia_by_its_requests_alone() -> None:
    frankfurt = PRICES["eu-central-1"]
    assert frankfurt.compute == US.compute
    assert frankfurt.s3_write > US.s3_write
    assert frankfurt.s3_read > US.s3_read


def test_the_table_says_when_it_was_read() -> None:
    assert date(2026, 1, 1) < READ <= date(2030, 1, 1)
