"""One log line and one set of metrics for each outcome, with Powertools: JSON lines and EMF.

Service, namespace and level come from the POWERTOOLS_ variables in serverless.yml.
"""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from imaging.model import Outcome

logger = Logger()


class Telemetry:
    """Tells the operators what became of each key. Keys are data: JSON escapes what would break a line."""

    def __init__(self, stage: str) -> None:
        self._metrics = Metrics()
        self._metrics.set_default_dimensions(stage=stage)

    def started(self, context: Any) -> None:
        """Every line that follows carries this invocation's request id."""
        logger.set_correlation_id(getattr(context, "aws_request_id", None) or "local")

    def reconciled(self, outcome: Outcome, seconds: float) -> None:
        """A key stands as it should."""
        details: dict[str, Any] = {"key": outcome.key, "status": outcome.status, "seconds": round(seconds, 3)}
        if outcome.manifest and outcome.manifest.rejection:
            details["code"] = outcome.manifest.rejection.code
            details["reason"] = outcome.manifest.rejection.reason
        logger.info("reconciled", extra=details)
        self._measure(outcome.status.capitalize(), seconds)
        if outcome.manifest and outcome.status == "published":
            self._metrics.add_metric("BytesIn", MetricUnit.Bytes, outcome.manifest.source.bytes)
            written = sum(rendition.bytes for rendition in outcome.manifest.renditions)
            self._metrics.add_metric("BytesOut", MetricUnit.Bytes, written)
        self._metrics.flush_metrics()

    def failed(self, key: str, error: Exception, seconds: float) -> None:
        """A key could not be reconciled; Lambda will try again."""
        logger.error(
            "failed",
            exc_info=error,
            extra={"key": key, "status": "failed", "seconds": round(seconds, 3)},
        )
        self._measure("Failed", seconds)
        self._metrics.flush_metrics()

    def untold(self, key: str, error: Exception) -> None:
        """The editors could not be told of a rejection; its manifest says it all the same."""
        logger.error("untold", exc_info=error, extra={"key": key})

    def _measure(self, name: str, seconds: float) -> None:
        self._metrics.add_metric(name, MetricUnit.Count, 1)
        self._metrics.add_metric("Duration", MetricUnit.Milliseconds, seconds * 1000)
