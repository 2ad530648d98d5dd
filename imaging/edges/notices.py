"""Tells editors of a rejection, through the SNS topic that they subscribe to.

A notice is sent once the manifest with the same words stands, and at most once: where SNS fails, the next delivery of
the event finds nothing to do and sends nothing. A notice sent before the manifest could tell of a rejection that never
happened, and every retry would send it again. So a notice that fails is a line in the log. The manifest is the truth.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from imaging.keys import visible
from imaging.publishing.outcome import Outcome


class Editors:
    """The subscribers of `topic`, an ARN; `connect` makes the SNS client, at the first rejection."""

    def __init__(self, topic: str, connect: Callable[[], Any]) -> None:
        self._topic = topic
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def tell(self, outcome: Outcome) -> None:
        """Send a notice of a rejection that this run has found. Any other outcome sends none."""
        rejection = outcome.manifest.rejection if outcome.manifest else None
        if outcome.manifest is None or rejection is None or outcome.status != "rejected" or not self._topic:
            return
        key = visible(outcome.key)
        stays = "What was published of it before stays up.\n\n" if outcome.manifest.renditions else ""
        self._client.publish(
            TopicArn=self._topic,
            Subject=f"Rejected: {key.encode('ascii', 'replace').decode()}"[:100],  # the most that SNS takes
            Message=f"{key} was not published.\n\n{rejection.reason}\n{rejection.advice}\n\n{stays}"
            f"({rejection.code})\n",
        )
