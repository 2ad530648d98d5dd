"""The nouns: frozen values, validated when made. They know no bucket and no picture library."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

MANIFEST_VERSION = 1
LONGEST_KEY = 1024
"""Bytes of UTF-8 that an S3 key may have (Amazon S3 User Guide, "Naming Amazon S3 objects")."""


class Format(NamedTuple):
    """How a rendition's format is named in keys and in HTTP, and how many pixels a side of it can have."""

    extension: str
    content_type: str
    longest: int


FORMATS: Mapping[str, Format] = {
    "jpeg": Format("jpg", "image/jpeg", 65_500),
    "png": Format("png", "image/png", 2**31 - 1),
    "webp": Format("webp", "image/webp", 16_383),
    "avif": Format("avif", "image/avif", 32_768),  # more is written, and read by nobody
    "gif": Format("gif", "image/gif", 65_535),
}


def prefix_of(key: str) -> str:
    """The prefix under which everything made of the source `key` stands in the renditions bucket.

    It is `<key>/`. A key so long that not even its manifest would fit gets `/<sha256 of the key>.` instead:
    that could only belong to a source with an empty key, which S3 does not know, so prefixes stay injective.
    """
    if len(f"{key}/manifest.json".encode()) <= LONGEST_KEY:
        return f"{key}/"
    return f"/{hashlib.sha256(key.encode()).hexdigest()}."


def manifest_key_of(key: str) -> str:
    """The key of the source's manifest in the renditions bucket."""
    return f"{prefix_of(key)}manifest.json"


@dataclass(frozen=True, slots=True)
class Source:
    """An object an editor put into the raw bucket, as HEAD saw it; what decoding learns is added later.

    Of a source that is gone only the key is known.
    """

    key: str
    etag: str = ""
    bytes: int = 0
    modified: str = ""
    version_id: str | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def identity(self) -> str:
        """Changes with every upload: the version id; without versioning, ETag and modification time."""
        return self.version_id or f"{self.etag} {self.modified}"


class Crop(NamedTuple):
    """A rendition's geometry: `box` of the upright source (left, top, right, bottom) becomes `size` pixels.

    `whole` when the box is all of the source.
    """

    box: tuple[float, float, float, float]
    size: tuple[int, int]
    whole: bool = False

    @property
    def scale(self) -> float:
        """Rendition pixels per source pixel; how much of the source must be decoded."""
        return max(
            self.size[0] / (self.box[2] - self.box[0]),
            self.size[1] / (self.box[3] - self.box[1]),
        )


@dataclass(frozen=True, slots=True)
class Overlay:
    """A picture laid over a rendition (a watermark): `content` is the file, `scale` its share of the width."""

    file: str
    content: bytes = field(repr=False)
    position: str = "south-east"
    scale: float = 0.2
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class RenditionSpec:
    """What one rendition shall be: its box in pixels, how the picture meets the box, formats and quality.

    `quality` and `effort` are by format; `sharpen` is a percentage; `max_bytes` None means any size.
    """

    name: str
    width: int | None = None
    height: int | None = None
    fit: str = "limit"
    gravity: str = "centre"
    enlarge: bool = False
    background: str = "#ffffff"
    sharpen: int = 0
    overlay: Overlay | None = None
    formats: tuple[str, ...] = ("webp", "auto")
    quality: Mapping[str, int] = field(default_factory=dict)
    effort: Mapping[str, int] = field(default_factory=dict)
    subsampling: str = "4:2:0"
    max_bytes: int | None = None
    animated: bool = True

    def crop(self, width: int, height: int, focus: tuple[float, float] = (0.5, 0.5)) -> Crop:
        """Where in a source of `width` x `height` this rendition comes from, and how large it becomes.

        `limit` and `pad` take the whole source and fit it into the box, and into what the formats can hold. `fill`
        covers the box exactly and cuts what stands over, keeping `focus` (fractions of width and height) as near the
        middle as the edges allow; of a source too small for that it makes the largest picture of the box's shape.
        """
        most = float("inf") if self.enlarge else 1.0
        if self.fit == "fill" and self.width and self.height:
            shrink = 1 if self.enlarge else min(1, width / self.width, height / self.height)
            size = _at_least_one(self.width * shrink, self.height * shrink)
            scale = max(size[0] / width, size[1] / height)
            across, down = min(width, size[0] / scale), min(height, size[1] / scale)
            left = min(max(0, focus[0] * width - across / 2), width - across)
            top = min(max(0, focus[1] * height - down / 2), height - down)
            return Crop((left, top, left + across, top + down), size)
        longest = min(FORMATS["jpeg" if name == "auto" else name].longest for name in self.formats)
        scale = min((self.width or most * width) / width, (self.height or most * height) / height, most)
        if scale == float("inf"):
            scale = 1.0
        scale = min(scale, longest / max(width, height))
        return Crop((0, 0, width, height), _at_least_one(width * scale, height * scale), whole=True)


def _at_least_one(width: float, height: float) -> tuple[int, int]:
    return max(1, round(width)), max(1, round(height))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source may cost at most, whatever the memory: bytes, pixels, pixels x frames, JPEG scans."""

    source_bytes: int = 200_000_000
    pixels: int = 250_000_000
    animation_pixels: int = 100_000_000
    scans: int = 64


@dataclass(frozen=True, slots=True)
class Rendition:
    """One image made of a source, as it stands in the renditions bucket."""

    name: str
    key: str
    format: str
    content_type: str
    width: int
    height: int
    bytes: int
    etag: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Superseded:
    """A rendition that no manifest lists any more, kept for pages that are cached; `since` is ISO 8601."""

    key: str
    etag: str
    since: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a source was rejected: a code for programs, a reason and an advice for the editor.

    `memory` is how many bytes there were for it, where more of them could help.
    """

    code: str
    reason: str
    advice: str
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The state of one source: what was published, or why nothing was.

    A `rejected` manifest still lists what was published last, for that stays up.
    """

    status: str
    write_id: str
    source: Source
    recipe: str = ""
    renditions: tuple[Rendition, ...] = ()
    superseded: tuple[Superseded, ...] = ()
    srcset: Mapping[str, str] = field(default_factory=dict)
    picture: str = ""
    placeholder: str = ""
    dominant_colour: str = ""
    alt: str = ""
    credit: str = ""
    copyright: str = ""
    artist: str = ""
    focal_point: tuple[float, float] | None = None
    warnings: tuple[str, ...] = ()
    rejection: Reason | None = None

    def __post_init__(self) -> None:
        if self.status not in ("published", "rejected", "removed"):
            raise ValueError(f"a manifest is published, rejected or removed, not {self.status!r}")
        if (self.status == "rejected") != (self.rejection is not None):
            raise ValueError("a rejected manifest has a rejection, and no other has")

    def to_json(self) -> bytes:
        """The manifest as it is stored: UTF-8 JSON, empty fields left out."""
        content = {"manifest": MANIFEST_VERSION, **_without_empty(asdict(self))}
        content["source"].pop("metadata", None)
        return json.dumps(content, ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, body: bytes) -> Self | None:
        """The manifest that `body` holds, or None where somebody else's bytes stand in its place."""
        try:
            content = json.loads(body)
            if content.pop("manifest") != MANIFEST_VERSION:
                return None
            known = _known(cls, content)
            known["source"] = Source(**_known(Source, known["source"]))
            known["renditions"] = tuple(Rendition(**_known(Rendition, r)) for r in known.get("renditions", ()))
            known["superseded"] = tuple(Superseded(**_known(Superseded, s)) for s in known.get("superseded", ()))
            if known.get("focal_point"):
                x, y = known["focal_point"]
                known["focal_point"] = (float(x), float(y))
            known["warnings"] = tuple(known.get("warnings", ()))
            if known.get("rejection"):
                known["rejection"] = Reason(**_known(Reason, known["rejection"]))
            return cls(**known)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None


def _without_empty(content: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in content.items():
        plain = _without_empty(value) if isinstance(value, Mapping) else value
        if plain not in (None, "", (), {}):
            kept[name] = plain
    return kept


def _known(cls: type, content: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields this version knows: a newer one may have added some."""
    return {name: content[name] for name in cls.__dataclass_fields__ if name in content}  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one reconcile came to.

    `status` is what it did: published, rejected, removed, unchanged or ignored; `manifest` is how things stand.
    """

    key: str
    status: str
    manifest: Manifest | None = None

    def summary(self) -> dict[str, str]:
        """The outcome as a caller of the function sees it."""
        reason = self.manifest.rejection if self.manifest else None
        said = {"code": reason.code, "reason": reason.reason, "advice": reason.advice} if reason else {}
        return {"key": self.key, "status": self.status, **said}
