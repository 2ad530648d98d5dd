"""One log line and one set of metrics for each outcome, with Powertools: JSON lines and EMF.

Service, namespace and level come from the POWERTOOLS_ variables in serverless.yml.
"""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from imaging.bounds import Run
from imaging.model import Outcome

logger = Logger()


class Telemetry:
    """Tells the operators what became of each key. Keys are data: JSON escapes what would break a line."""

    def __init__(self, stage: str) -> None:
        self._metrics = Metrics()
        self._metrics.set_default_dimensions(stage=stage)
        self._invocations = 0

    def started(self, invocation: str) -> None:
        """Every line that follows carries this invocation's request id, and whether the process was new."""
        self._invocations += 1
        logger.append_keys(function_request_id=invocation, cold_start=self._invocations == 1)

    def settled(self, key: str, outcome: Outcome | None, error: Exception | None, run: Run, requests: int) -> None:
        """Log what became of `key`: an outcome, or the error that makes Lambda try again; `requests` are S3's."""
        status = outcome.status if outcome else "failed"
        total = run.seconds.get("total", 0)
        # What is neither decoding nor talking to S3 is rendering and encoding.
        seconds = run.seconds | {"render": 2 * total - sum(run.seconds.values())}
        details: dict[str, Any] = {
            "correlation_id": run.id,
            "key": key,
            "status": status,
            "seconds": {step: round(spent, 3) for step, spent in seconds.items()},
            "requests": requests,
        }
        self._measure(status.capitalize(), MetricUnit.Count, 1)
        self._measure("Duration", MetricUnit.Milliseconds, total * 1000)
        manifest = outcome.manifest if outcome else None
        if manifest and manifest.rejection:
            details |= {"code": manifest.rejection.code, "reason": manifest.rejection.reason}
        if manifest and status == "published":
            source, out = manifest.source, sum(rendition.bytes for rendition in manifest.renditions)
            pixels = (source.width or 0) * (source.height or 0) * (source.frames or 0)
            details |= {"bytes_in": source.bytes, "bytes_out": out, "pixels": pixels}
            self._measure("BytesIn", MetricUnit.Bytes, source.bytes)
            self._measure("BytesOut", MetricUnit.Bytes, out)
        self._metrics.flush_metrics()
        if error:
            logger.error("failed", exc_info=error, extra=details)
        else:
            logger.info("reconciled", extra=details)

    def untold(self, key: str, error: Exception) -> None:
        """The editors could not be told of a rejection; its manifest says it all the same."""
        logger.error("untold", exc_info=error, extra={"key": key})

    def _measure(self, name: str, unit: MetricUnit, value: float) -> None:
        self._metrics.add_metric(name, unit, value)
