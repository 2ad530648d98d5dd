"""The exceptions of this package, as a tree.

::

    ImagingError
    ├── SetupError     the function was deployed wrong: a variable missing, both buckets the same
    ├── RecipeError    recipe.toml is wrong; carries every problem, not the first
    ├── EventError     an envelope nobody can read; says what was received
    ├── Rejection      the source is at fault: code, reason and advice for the editor
    └── Contention     others kept changing this key; transient, so that Lambda's retry is the cure

Only a Rejection is a result. Everything else, botocore's own errors included, escapes the function, is
retried by Lambda and ends in the failure queue.
"""

from collections.abc import Iterable


class ImagingError(Exception):
    """Base of every exception this package raises on purpose."""


class SetupError(ImagingError):
    """The environment of the function cannot work; the message names what to change."""


class RecipeError(ImagingError):
    """The recipe is not valid.

    `problems` holds one sentence for each: its place, the value found and the fix.
    """

    def __init__(self, problems: Iterable[str], where: str) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
        super().__init__("\n  - ".join([f"{where} has {count}:", *self.problems]))


class EventError(ImagingError):
    """An event, or one record of it, that names no source we may touch; says what was received."""


class Rejection(ImagingError):  # noqa: N818  a result with a name, not an error of the program
    """The source cannot become renditions, and trying again would not help.

    `code` is for programs, `reason` says what is wrong with this very file, `advice` what the editor can do.
    """

    def __init__(self, code: str, reason: str, advice: str) -> None:
        self.code = code
        self.reason = reason
        self.advice = advice
        super().__init__(f"{code}: {reason} {advice}")


class Contention(ImagingError):  # noqa: N818  names the condition
    """Every round of reconciling found the key changed by somebody else."""
