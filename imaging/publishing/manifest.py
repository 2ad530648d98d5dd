"""The manifest: the state of one source, as it stands in the renditions bucket beside what was made.

Each field and its type stand here once. The reader, the writer and docs/manifest.schema.json follow from them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Self

from imaging.exchange import LONGEST_PLACEHOLDER
from imaging.formats import REGISTER, WRITTEN
from imaging.publishing.entry import NOT_STORED, Entry
from imaging.recipe.geometry import FITS

VERSION = 1
"""Of the manifest's shape. Another one is no manifest to us."""

PUBLISHED, REJECTED, REMOVED = STATUSES = ("published", "rejected", "removed")

# What a schema says of a value beyond its type, in the words of JSON Schema.
Text = Annotated[str, {"minLength": 1}]
Count = Annotated[int, {"minimum": 1}]
Fraction = Annotated[float, {"minimum": 0, "maximum": 1}]


@dataclass(frozen=True, slots=True)
class Source(Entry):
    """An object an editor put into the raw bucket, as HEAD saw it. What its picture is like is added once it is opened.

    Of a source that is gone only the key is known.
    """

    key: Text
    etag: str = ""
    bytes: Annotated[int, {"minimum": 0}] = 0
    modified: datetime | None = None
    version_id: str | None = None
    format: Annotated[str | None, {"enum": [each.name for each in REGISTER if each.opened]}] = None
    width: Annotated[int | None, {"minimum": 1, "description": "Of the upright picture, in pixels."}] = None
    height: Annotated[int | None, {"minimum": 1}] = None
    frames: Annotated[int | None, {"minimum": 1}] = None
    hdr: Annotated[
        bool | None, {"description": "There is a high dynamic range, or a gain map for one. Renditions have neither."}
    ] = None
    metadata: Annotated[Mapping[str, str], NOT_STORED] = field(default_factory=dict, compare=False)
    archived: Annotated[bool, NOT_STORED] = field(default=False, compare=False)

    @property
    def identity(self) -> str:
        """Changes with every upload: the version id; without versioning, ETag and modification time."""
        return self.version_id or f"{self.etag} {self.modified}"


@dataclass(frozen=True, slots=True)
class Rendition(Entry):
    """One image made of a source, as it stands in the renditions bucket."""

    name: str
    key: str
    format: Annotated[str, {"enum": list(WRITTEN)}]
    content_type: Annotated[str, {"pattern": "^image/"}]
    width: Count
    height: Count
    bytes: Count
    etag: str
    sha256: Annotated[str, {"pattern": "^[0-9a-f]{64}$"}]
    fit: Annotated[str, {"enum": list(FITS), "description": "`fill` cuts away what `limit` and `pad` keep."}] = "limit"

    def __post_init__(self) -> None:
        if self.format not in WRITTEN or self.fit not in FITS:
            raise ValueError(f"no rendition is of format {self.format!r} and fit {self.fit!r}")


@dataclass(frozen=True, slots=True)
class Superseded(Entry):
    """A rendition that was listed until `since`. Its file stays for a day, since cached pages still show it."""

    key: str
    etag: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Reason(Entry):
    """Why a source was rejected: a code for programs, a reason and an advice for the editor."""

    code: str
    reason: str
    advice: str
    memory: Annotated[
        int | None, {"minimum": 1, "description": "Bytes the function had. One that has more tries again."}
    ] = None


@dataclass(frozen=True, slots=True)
class Manifest(Entry):
    """The state of one source: what was published, or why nothing was.

    A rejected manifest still holds all that was published last, for that stays up.
    """

    status: Annotated[str, {"enum": list(STATUSES)}]
    write_id: Annotated[
        str,
        {
            "minLength": 1,
            "description": "Different in every manifest ever written. Begins with the id of the request behind it.",
        },
    ]
    source: Source
    recipe: Annotated[str, {"description": "Fingerprint of what the recipe says of the rule's pixels."}] = ""
    words: Annotated[str, {"description": "Fingerprint of what the recipe says of markup and addresses."}] = ""
    renditions: Annotated[
        tuple[Rendition, ...], {"description": "What stands. In a rejected manifest, what was published last."}
    ] = ()
    superseded: tuple[Superseded, ...] = ()
    srcset: Annotated[Mapping[str, str], {"description": "A srcset value by format."}] = field(default_factory=dict)
    picture: Annotated[str, {"description": "A <picture> element, escaped."}] = ""
    placeholder: Annotated[str, {"pattern": "^data:image/", "maxLength": LONGEST_PLACEHOLDER}] = ""
    dominant_colour: Annotated[str, {"pattern": "^#[0-9a-f]{6}$"}] = ""
    alt: str = ""
    credit: str = ""
    copyright: str = ""
    artist: str = ""
    focal_point: tuple[Fraction, Fraction] | None = None
    warnings: tuple[str, ...] = ()
    rejection: Reason | None = None
    salt: Annotated[
        str, {"description": "Goes into the digest of new files' names. Another one after files were deleted."}
    ] = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"a manifest is {', '.join(STATUSES)}, not {self.status!r}")
        if (self.status == REJECTED) != (self.rejection is not None):
            raise ValueError("a rejected manifest has a rejection, and no other has")

    def all_keys(self) -> tuple[str, ...]:
        """The key of every file that it lists, superseded ones included."""
        return (*(each.key for each in self.renditions), *(each.key for each in self.superseded))

    def to_json(self) -> bytes:
        """The manifest as it is stored: UTF-8 JSON."""
        return _json({"manifest": VERSION, **self.plain()})

    @classmethod
    def from_json(cls, body: bytes) -> Self | None:
        """The manifest that `body` holds, or None where somebody else's bytes stand in its place."""
        try:
            content = json.loads(body)
            _json(content)  # what cannot be written again, such as half a character or infinity, is none of ours
            return cls.read(content) if content.pop("manifest") == VERSION else None
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
            return None


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1).encode()
