"""What one reconcile came to, for replies, log lines and notices."""

from dataclasses import dataclass

from imaging.publishing.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one reconcile came to.

    `status` is what it did: published, rejected, removed, rewritten, unchanged or ignored. `manifest` is how things
    stand. For operators: `cause` is what a picture library said of a rejected source, or how the sandbox ended, and
    `crashes` how many sources in a row have crashed the sandbox where this one is the last of them.
    """

    key: str
    status: str
    manifest: Manifest | None = None
    cause: str = ""
    crashes: int = 0

    def summary(self) -> dict[str, str]:
        """The outcome as a caller of the function sees it."""
        rejection = self.manifest.rejection if self.manifest else None
        why = {"code": rejection.code, "reason": rejection.reason, "advice": rejection.advice} if rejection else {}
        return {"key": self.key, "status": self.status, **why}
