"""What the sandbox has answered about one picture so far, and whether that is a whole answer to the order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imaging.errors import Rejection
from imaging.exchange import File, Header, Made, Measure, Order
from imaging.formats import resolved
from imaging.recipe.geometry import Size
from imaging.sandbox.frames import BrokenFrameError, answer_of


class HungryError(Exception):
    """The sandbox ran out of memory and said so."""


class OwnFaultError(Exception):
    """The sandbox met a fault of ours; the message holds the traceback."""


@dataclass(slots=True)
class Answers:
    """The answers to one order. `begun` once the whole order has arrived; `done` once no more comes."""

    order: Order
    begun: bool = False
    done: bool = False
    measure: Measure | None = None
    header: Header | None = None
    files: list[File] = field(default_factory=list)
    rejection: Rejection | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak: int = 0

    @property
    def pixels(self) -> Size | None:
        """The size of the source, where the file has told it."""
        return (self.measure.width, self.measure.height) if self.measure else None

    def take(self, plain: Mapping[str, Any], content: bytes) -> None:
        """Take in one frame; raises `BrokenFrameError` for one that cannot come now."""
        match plain:
            case {"begun": True} if not self.begun:
                self.begun = True
            case {"hungry": True}:
                raise HungryError
            case {"failure": str(traceback)}:
                raise OwnFaultError(traceback)
            case {"done": {"peak": int(peak), "seconds": {"decode": float(decode), "render": float(render)}}} if (
                self.begun
            ):
                self.peak = peak
                self.seconds = {"decode": decode, "render": render}
                self.done = True
            case _ if self.begun and self.rejection is None:
                self._keep(answer_of(plain, content))
            case _:
                raise BrokenFrameError(f"{list(plain)!r:.100} comes out of turn")

    def _keep(self, answer: Measure | Header | File | Rejection) -> None:
        match answer:
            case Measure():
                self.measure = answer
            case Header():
                self.header = answer
            case File():
                self.files.append(answer)
            case Rejection():
                self.rejection = answer

    def made(self) -> Made:
        """The whole picture, its files in the order of the specs.

        Raises the Rejection where that is the answer, and `BrokenFrameError` for too few files, too many or others.
        """
        if self.rejection:
            raise self.rejection
        if self.header is None:
            raise BrokenFrameError("no header came")
        files: list[File] = []
        for spec in self.order.specs:
            of_spec = {file.format: file for file in self.files if file.name == spec.name}
            names = next(
                (names for alpha in (False, True) if set(names := resolved(spec.formats, alpha=alpha)) == set(of_spec)),
                None,
            )
            if names is None:
                raise BrokenFrameError(f"of {spec.name} came {sorted(of_spec)}, and its formats are {spec.formats}")
            files += [of_spec[name] for name in names]
        if len(files) != len(self.files):
            raise BrokenFrameError(f"{len(self.files)} files came, and {len(files)} were ordered")
        return Made(self.header, tuple(files), self.seconds, self.peak)
