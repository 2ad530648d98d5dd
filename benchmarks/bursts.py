"""The model of ops/burst.py as rows: a thousand uploads at once, and a million."""

from benchmarks.bench import Bench, Rows
from ops.burst import OLDEST, Burst, Upload, at_best, course
from ops.prices import PRICES, READ

CONCURRENCIES = (10, 100, 1000)
THOUSAND, MILLION = 1000, 1_000_000
FAILING = 0.01


def measure(_bench: Bench) -> Rows:
    """Time, waits and price by how many functions may run at once. It takes no measurement, only arithmetic."""
    upload = Upload()
    prices = PRICES["us-east-1"]
    rows: Rows = {
        f"USD for a million uploads, prices of {READ}": {
            region: round(MILLION * upload.price(each), 2) for region, each in PRICES.items()
        }
    }
    for concurrency in CONCURRENCIES:
        for failing in (0.0, FAILING):
            one = course(Burst(THOUSAND, concurrency, failing=failing), upload, prices)
            name = f"1,000 uploads, {concurrency:,} functions" + f", {failing:.0%} of attempts failing" * bool(failing)
            rows[name] = {
                "s to the last manifest": one.last_manifest,
                "the median wait": one.median_wait,
                "throttled": one.throttled,
                "lost": one.failed,
                "USD": one.usd,
            }
    for concurrency in CONCURRENCIES:
        seconds = at_best(Burst(MILLION, concurrency), upload)
        lost = ", more than an event may wait" if seconds > OLDEST else ""
        rows[f"1,000,000 uploads, {concurrency:,} functions, at best"] = f"{seconds / 3600:.1f} h{lost}"
    return rows
