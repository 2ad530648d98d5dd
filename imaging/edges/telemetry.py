"""One log line and one set of metrics for each key, with Powertools: JSON lines and EMF.

Service, namespace and level come from the POWERTOOLS_ variables in serverless.yml.
"""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from imaging.publishing.manifest import Manifest
from imaging.publishing.outcome import Outcome
from imaging.publishing.run import Run

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
        details: dict[str, Any] = {
            "correlation_id": run.id,
            "key": key,
            "status": status,
            "seconds": {step: round(spent, 3) for step, spent in run.seconds.items()},
            "requests": requests,
        }
        self._measure(status.capitalize(), MetricUnit.Count, 1)
        self._measure("Duration", MetricUnit.Milliseconds, run.seconds.get("total", 0) * 1000)
        if outcome and outcome.manifest:
            details |= self._described(outcome, outcome.manifest)
        self._metrics.flush_metrics()
        if error:
            logger.error("failed", exc_info=error, extra=details)
        else:
            logger.info("reconciled", extra=details)

    def untold(self, key: str, error: Exception) -> None:
        """The editors could not be told of a rejection; its manifest holds it all the same."""
        logger.error("untold", exc_info=error, extra={"key": key})

    def _described(self, outcome: Outcome, manifest: Manifest) -> dict[str, Any]:
        details: dict[str, Any] = {}
        if manifest.rejection:
            details |= {"code": manifest.rejection.code, "reason": manifest.rejection.reason}
        if outcome.cause:
            details |= {"cause": outcome.cause}
        if outcome.crashes:
            # One file that crashes a library is that file. Several in a row are something else: an alarm rings at 2.
            self._measure("CrashesInARow", MetricUnit.Count, outcome.crashes)
        if outcome.status == "published":
            source, out = manifest.source, sum(rendition.bytes for rendition in manifest.renditions)
            pixels = (source.width or 0) * (source.height or 0) * (source.frames or 0)
            details |= {"bytes_in": source.bytes, "bytes_out": out, "pixels": pixels}
            self._measure("BytesIn", MetricUnit.Bytes, source.bytes)
            self._measure("BytesOut", MetricUnit.Bytes, out)
        return details

    def _measure(self, name: str, unit: MetricUnit, value: float) -> None:
        self._metrics.add_metric(name, unit, value)
