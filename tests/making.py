"""Makers for tests of the loop: the real pictures in this process, or none at all."""

from collections.abc import Callable
from dataclasses import dataclass

from imaging.exchange import File, Header, Made, Order
from imaging.formats import resolved
from imaging.pictures.making import make


@dataclass
class InProcess:
    """Makes pictures as the sandbox does, but in this process and without its locks."""

    memory: int | None = None
    crashes: int = 0

    def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:  # noqa: ARG002  nothing here is late
        """Every file of the order."""
        answers = list(make(body, order))
        (header,) = (answer for answer in answers if isinstance(answer, Header))
        return Made(header, tuple(answer for answer in answers if isinstance(answer, File)))


@dataclass
class Instant:
    """Makes of any bytes files that hold their name and the bytes, so that a test counts without a codec.

    `refuse` may raise a Rejection, or anything else, for the bytes it is given.
    """

    memory: int | None = None
    crashes: int = 0
    refuse: Callable[[bytes], None] = lambda _body: None

    def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:  # noqa: ARG002  nothing here is late
        """A file for each format of each spec."""
        self.refuse(body)
        header = Header("png", 4, 4, 1, "data:image/webp;base64,AA==", "#808080")
        files = tuple(
            File(spec.name, name, spec.width or 1, spec.height or 1, f"{spec.name} {name} ".encode() + body)
            for spec in order.specs
            for name in resolved(spec.formats, alpha=False)
        )
        return Made(header, files)
