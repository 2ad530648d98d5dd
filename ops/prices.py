"""What AWS asks for what an upload uses: list prices in USD, without what is free. One table, with its date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

READ = date(2026, 11, 25)
"""When the table was last compared with its sources."""


@dataclass(frozen=True, slots=True)
class Prices:
    """One region's. `compute` is a GB-second of Lambda by processor, in the first tier; all others are for one."""

    compute: Mapping[str, float]
    invocation: float
    s3_write: float
    """PUT, COPY, POST and LIST; DELETE is free."""
    s3_read: float
    """GET, HEAD and all others."""


LAMBDA = {"arm64": 0.0000133334, "x86_64": 0.0000166667}
"""The same in both regions (aws.amazon.com/lambda/pricing)."""

PRICES: Mapping[str, Prices] = {
    "us-east-1": Prices(LAMBDA, 0.20 / 1e6, 0.005 / 1e3, 0.0004 / 1e3),
    "eu-central-1": Prices(LAMBDA, 0.20 / 1e6, 0.0054 / 1e3, 0.00043 / 1e3),
}
"""By region (aws.amazon.com/s3/pricing; for eu-central-1 AWS's price list API as published on 2026-08-31)."""
