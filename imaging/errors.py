"""The exceptions of this package, as a tree, and every rejection in its words.

::

    ImagingError
    ├── SetupError     the function was deployed wrong: a variable missing, both buckets the same, a stale recipe
    ├── RecipeError    recipe.toml is wrong; carries every problem, not the first
    ├── EventError     an envelope nobody can read; says what was received
    ├── SandboxError   the sandbox ended or answered in a way that no picture explains
    ├── OutOfTime      other keys or a busy machine took the invocation's time
    ├── Contention     others kept changing this key
    └── Rejection      the source is at fault: code, reason and advice for the editor, cause for the log

Only a Rejection is a result. Everything else, botocore's own errors included, escapes the function. Lambda retries it
and then parks its event in the failure queue.
"""

import math
from collections.abc import Iterable


class ImagingError(Exception):
    """Base of every exception this package raises on purpose."""


class SetupError(ImagingError):
    """The function cannot work as it was deployed; the message names what to change."""


class RecipeError(ImagingError):
    """The recipe is not valid. `problems` holds one sentence for each: its line, the value found and the fix."""

    def __init__(self, problems: Iterable[str], where: str) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
        super().__init__("\n  - ".join([f"{where} has {count}:", *self.problems]))


class EventError(ImagingError):
    """An event, or one record of it, that names no source we may touch; says what was received."""


class SandboxError(ImagingError):
    """Our own fault or the machine's, found where pictures are opened; the message holds the traceback there."""


class OutOfTime(ImagingError):  # noqa: N818  names the condition
    """The invocation has too little time left to begin or to finish this key; a retry has all of it."""


class Contention(ImagingError):  # noqa: N818  names the condition
    """Every round of reconciling found the key changed by somebody else."""


class Rejection(ImagingError):  # noqa: N818  a result with a name, not an error of the program
    """The source cannot become renditions, and trying again would not help.

    `code` is for programs, `reason` says what is wrong with this very file, `advice` what the editor can do. `cause`
    is for operators: what a picture library said, or how the sandbox ended.
    """

    def __init__(self, code: str, reason: str, advice: str, cause: str = "") -> None:
        if code not in CODES:
            raise ValueError(f"{code!r} is no code of a rejection")
        self.code = code
        self.reason = reason
        self.advice = advice
        self.cause = cause
        super().__init__(f"{code}: {reason} {advice}")

    def because(self, error: BaseException | str) -> "Rejection":
        """The same rejection with its cause."""
        cause = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        return Rejection(self.code, self.reason, self.advice, cause[:1000])


CODES = (
    "archived",
    "damaged",
    "empty",
    "key-too-long",
    "needs-too-much-memory",
    "too-large",
    "too-many-frames",
    "too-many-pixels",
    "too-many-scans",
    "took-too-long",
    "truncated",
    "unsupported-format",
)
"""Every code that a rejection can have."""

OF_RESOURCES = ("needs-too-much-memory", "took-too-long")
"""Codes of rejections that a larger function may be spared: it has more memory and a faster processor."""

# -- every rejection, worded once --------------------------------------------------------------------------

_EXPORT_AGAIN = "Open the picture in an editor, export it again and upload the new file."


def unsupported(what: str, how: str) -> Rejection:
    """The file is of a kind that is not opened here: `what` with its article, and how to get a picture of it."""
    return Rejection("unsupported-format", f"This is {what}, which cannot be opened here.", how)


def unknown_format(opened: Iterable[str]) -> Rejection:
    """The file's first bytes are those of no picture; `opened` are the spoken names of what is opened here."""
    *names, last = opened
    reason = "This file is no picture that can be opened here."
    return Rejection("unsupported-format", reason, f"Upload a {', '.join(names)} or {last} file.")


def unsupported_layout(spoken: str, stores: str) -> Rejection:
    """The format is opened here, but not what this file stores in it."""
    reason = f"This {spoken} stores {stores}, which cannot be opened here."
    return Rejection("unsupported-format", reason, "Save it with 8 or 16 bits per channel, or as PNG, and upload that.")


def damaged(spoken: str) -> Rejection:
    """A picture library could not make sense of the file."""
    reason = f"This {spoken} file is damaged, or of a rare kind, and cannot be opened."
    return Rejection("damaged", reason, _EXPORT_AGAIN)


def no_size(width: int, height: int) -> Rejection:
    """The file says that it has no pixels."""
    return Rejection("damaged", f"This picture says it is {width} x {height} pixels.", _EXPORT_AGAIN)


def swelling_text() -> Rejection:
    """A compressed text in a PNG unpacks to more than metadata ever needs."""
    reason = "A text in this PNG file swells to over 1 MB, as in files that attack."
    return Rejection("damaged", reason, _EXPORT_AGAIN)


def truncated(spoken: str) -> Rejection:
    """The file ends before its picture does."""
    reason = f"This {spoken} file breaks off before the picture is complete."
    return Rejection("truncated", reason, "The upload or the copy was probably cut short. Upload the original again.")


def too_many_pixels(width: int, height: int, limit: int) -> Rejection:
    """The picture is over the recipe's limit of pixels."""
    side = math.isqrt(limit * max(width, height) // min(width, height))
    return Rejection(
        "too-many-pixels",
        f"This picture has {_mega(width * height)} megapixels ({width:,} x {height:,}) and the limit is "
        f"{_mega(limit)}.",
        f"Export it at {side:,} pixels on the long side or less.",
    )


def too_many_frames(count: int, width: int, height: int, limit: int) -> Rejection:
    """The animation is over the recipe's limit of pixels in all frames."""
    return Rejection(
        "too-many-frames",
        f"This animation has {count:,} frames of {width:,} x {height:,} pixels, {_mega(count * width * height)} "
        f"megapixels in all, and the limit is {_mega(limit)}.",
        "Make it shorter or smaller, or upload it as a video somewhere else.",
    )


def too_many_scans(limit: int) -> Rejection:
    """A progressive JPEG refines its picture more often than any program writes it."""
    reason = f"This JPEG is built of more than {limit} scans; cameras and programs write 1 to 20."
    return Rejection("too-many-scans", reason, "Open it in a picture editor and save it as a new JPEG.")


def needs_too_much_memory(size: int, pixels: tuple[int, int] | None, memory: int) -> Rejection:
    """Opening the file or making its renditions takes more than there is: `size` and `memory` are in bytes."""
    measured = f"{pixels[0]:,} x {pixels[1]:,} pixels" if pixels else f"{size:,} bytes"
    return Rejection(
        "needs-too-much-memory",
        f"This picture of {measured} needs more memory than the {memory // 1_000_000:,} MB there are for it.",
        "Export it with fewer pixels, or a photo as a baseline (not progressive) JPEG, and upload it again.",
    )


def took_too_long(size: int, pixels: tuple[int, int] | None, seconds: int) -> Rejection:
    """Making the renditions takes more seconds of the processor than one picture may have."""
    measured = f"{pixels[0]:,} x {pixels[1]:,} pixels" if pixels else f"{size:,} bytes"
    return Rejection(
        "took-too-long",
        f"This picture of {measured} took too long: its renditions were not done after {seconds} seconds.",
        "Export it with fewer pixels or frames, and upload it again.",
    )


def key_too_long(key_bytes: int, longest: int, limit: int) -> Rejection:
    """The keys of the renditions would pass what S3 allows; `longest` is the longest of them, in bytes."""
    return Rejection(
        "key-too-long",
        f"The name of this file, folders included, is {key_bytes:,} bytes long; the names of its renditions would "
        f"reach {longest:,} and S3 allows {limit:,}.",
        f"Shorten the name or its folders by {longest - limit:,} bytes or more, then upload it again.",
    )


def archived() -> Rejection:
    """The source stands in an archive, where nobody can read it at once."""
    return Rejection(
        "archived",
        "This file is in the archive, from which it cannot be read at once.",
        "Its renditions are made when it has been restored. Or upload it again.",
    )


def empty() -> Rejection:
    """The file has no bytes."""
    return Rejection(
        "empty",
        "This file is empty: it has 0 bytes.",
        "The upload or the export probably broke off. Export the picture again and upload it.",
    )


def too_large(size: int, limit: int) -> Rejection:
    """The file has more bytes than the recipe allows."""
    return Rejection(
        "too-large",
        f"This file has {size:,} bytes and the limit is {limit:,}.",
        "Export the picture as JPEG, or with fewer pixels, and upload it again.",
    )


def _mega(pixels: int) -> str:
    return f"{pixels / 1e6:,.0f}" if pixels >= 10e6 else f"{pixels / 1e6:.1f}"
