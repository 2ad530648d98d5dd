"""The loop's side of the sandbox: hand over a source and an order, take what was made, and judge every end.

A bad file ends as a Rejection, whatever it did to the process. Our own faults, the machine's and a shortage of time
end as other errors, which escape to Lambda's retry. After any end but a clean one the process is replaced.
"""

import hashlib
import logging
import signal
from time import monotonic
from types import TracebackType
from typing import Self

from imaging.errors import OutOfTime, Rejection, SandboxError, damaged, needs_too_much_memory, took_too_long
from imaging.exchange import Made, Order
from imaging.formats import FORMATS
from imaging.sandbox import locks
from imaging.sandbox.answers import Answers, HungryError, OwnFaultError
from imaging.sandbox.child import Child, Ending, memory_of_this_process
from imaging.sandbox.frames import BrokenFrameError, plain_order

PICTURES = 300
"""Pictures that one process makes before it is replaced, so that nothing that it gathers lasts."""
RESERVE = 32_000_000
"""Bytes of the function's memory that neither process counts on: the runtime's own."""
OUTPUTS_SHARE = 16
"""The files of one picture may take this part of the function's memory, while the loop holds them."""
MOST_OUTPUTS = 1 << 31
"""Bytes of all files of one picture where memory is not bound."""
NEAR = 0.9
"""A process that ends while it holds this part of its memory has run out of it, whatever the signal says."""
FILLED = 0.25
"""A process that has held this part of the function's memory may have kept some of it."""
LEAST = 100_000_000
"""Bytes that the process needs to open anything at all, however little the function has."""
PIXEL = 4
"""Bytes that a decoded pixel takes at least."""
CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")
"""Signals that end a codec when it meets bytes that it cannot handle."""


class _EndedError(Exception):
    """The process ended while it had a picture, and was not asked to."""

    def __init__(self, ending: Ending, *, hungry: bool = False) -> None:
        self.ending = ending
        self.hungry = hungry
        super().__init__(str(ending))


class Sandbox:
    """A process in which pictures are opened, and its replacements. One picture at a time.

    `memory` is how many bytes the function has, and `seconds` how many of the processor's one picture may take; None is
    no bound. `crashes` counts the different sources that crashed it one after the other. `peak` is the most bytes of
    memory that the process had held when its last picture ended.
    """

    def __init__(self, memory: int | None = None, seconds: float | None = None) -> None:
        self.memory = memory
        self.seconds = seconds
        self.peak = 0
        self._filtered = True
        self._crashed: set[bytes] = set()
        self._child = Child()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def crashes(self) -> int:
        """How many different sources have crashed the process, one after the other."""
        return len(self._crashed)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._child.pid

    @property
    def _filled(self) -> bool:
        """Whether earlier pictures may have left the process with much of the memory in use."""
        return self._child.pictures > 0 and self.peak >= FILLED * (self.memory or 0)

    def close(self) -> None:
        """End the process."""
        self._child.end()
        self._child.buried()

    def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:
        """Every file of the order, made of the source in `body`, by `ends` on the clock of time.monotonic().

        Raises `Rejection` where the source is at fault, `OutOfTime` where less time is left than a picture may take or
        where it ran out, `SandboxError` where we or the machine are at fault.
        """
        for last in (False, True):
            if ends is not None and ends - monotonic() < (self.seconds or 0):
                raise OutOfTime("this invocation has less time left than a picture may take")
            self._stand()
            filled, answers = self._filled, Answers(order)
            try:
                return self._made(body, answers, ends)
            except _EndedError as end:
                # A process that died between two pictures, or that earlier ones had filled, is no fault of this one.
                blameless = not answers.begun or (end.hungry and filled)
                if last or not blameless or end.ending.why:
                    raise self._verdict(end, body, answers) from None
        raise AssertionError("the last try has returned or raised")

    def _made(self, body: bytes, answers: Answers, ends: float | None) -> Made:
        """What the process makes of one source; `_EndedError` when it ended over it."""
        memory, outputs = self._shares()
        child = self._child
        child.pictures += 1
        try:
            with child.watched(ends, memory):
                child.ask({"order": plain_order(answers.order), "memory": memory, "seconds": self.seconds}, body)
                while not answers.done:
                    answers.take(*child.answer(outputs - sum(len(file.content) for file in answers.files)))
                made = answers.made()
        except Rejection:
            raise  # the clean end of a bad file
        except HungryError:
            raise _EndedError(child.buried(), hungry=True) from None
        except (EOFError, OSError):
            ending = child.buried()
            raise _EndedError(ending, hungry=_was_hungry(ending, answers, memory)) from None
        except OwnFaultError as error:
            child.buried()
            raise SandboxError(f"a fault of ours, where pictures are opened:\n{error}") from None
        except BrokenFrameError as error:
            self.close()
            raise SandboxError(f"the sandbox answered what no picture leads to: {error}") from error
        except BaseException:  # Ctrl-C: its next answer would be about this picture
            self.close()
            raise
        finally:
            if answers.done:
                self._settle(answers.peak, memory)
        return made

    def _settle(self, peak: int, memory: int | None) -> None:
        """After a clean end: forget the crashes before it, and end a process that has made or held a lot."""
        self.peak = peak
        self._crashed.clear()
        # A process that once came near its limit would look hungry at any later end.
        if self._child.pictures >= PICTURES or (memory and peak >= NEAR * memory):
            self.close()

    def _verdict(self, end: _EndedError, body: bytes, answers: Answers) -> Exception:
        """What an end that was not clean says of the source, of us or of the machine."""
        ending = end.ending
        self.peak = ending.peak
        name = signal.Signals(ending.signal).name if ending.signal else ""
        if ending.why == "time":
            return OutOfTime(f"the invocation's time ran out over this picture: {ending}")
        if end.hungry or ending.why == "memory":
            memory, _ = self._shares()
            return needs_too_much_memory(len(body), answers.pixels, memory or ending.peak).because(str(ending))
        if name == "SIGXCPU":
            return took_too_long(len(body), answers.pixels, round(self.seconds or 0)).because(str(ending))
        if name in CRASHES:
            self._crashed.add(hashlib.sha256(body).digest())
            spoken = FORMATS[answers.measure.format].spoken if answers.measure else "picture"
            return damaged(spoken).because(str(ending))
        return SandboxError(str(ending))

    def _shares(self) -> tuple[int | None, int]:
        """Bytes that the process may hold for one picture, and bytes that the files of the picture may have in all."""
        if self.memory is None:
            return None, MOST_OUTPUTS
        outputs = self.memory // OUTPUTS_SHARE
        return max(LEAST, self.memory - memory_of_this_process() - outputs - RESERVE), outputs

    def _stand(self) -> None:
        """Have a process that stands, locked and ready; SandboxError where none can be had."""
        if self._child.ended:
            self._child.buried()
            self._child = Child(filtered=self._filtered)
        if self._child.ready:
            return
        trouble = self._child.get_ready()
        if trouble and self._filtered:
            # A kernel may take the filter, and a codec then miss a call that it needs.
            logging.getLogger(__name__).warning("The sandbox starts without its filter of system calls: %s", trouble)
            self._filtered = False
            self._child = Child(filtered=False)
            trouble = self._child.get_ready()
        if trouble:
            raise SandboxError(f"the sandbox does not start: {trouble}")
        if self._filtered and locks.LINUX and not self._child.filtered:
            logging.getLogger(__name__).warning("The kernel takes no filter of system calls; the other locks hold.")
            self._filtered = False


def _was_hungry(ending: Ending, answers: Answers, memory: int | None) -> bool:
    """Whether a process that had `memory` bytes for its picture ended for want of more, whatever the signal says.

    A codec that asks for much at once and aborts where it is refused (libheif does) has not held much by then.
    """
    if memory is None:
        return False
    width, height = answers.pixels or (0, 0)
    return ending.peak >= NEAR * memory or PIXEL * width * height >= memory
