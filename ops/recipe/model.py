"""recipe.toml as pydantic reads it: each field with what it takes, its default and one line of help.

Formats, fits, names and defaults stand in `imaging`. A recipe can say what is new there at once.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from imaging.formats import FORMATS, WRITTEN
from imaging.recipe.geometry import FITS
from imaging.recipe.spec import (
    COLOUR,
    GRAVITIES,
    LONGEST_SIDE,
    NAME,
    SIDES,
    SUBSAMPLINGS,
    Limits,
    Overlay,
    RenditionSpec,
)
from ops.recipe.kinds import TAKES, ByFormat, Level, Matching, OneOf, without_twins

LARGEST = 10**12
"""The highest number in a field that nothing else bounds; every JSON reader keeps it exact."""

QUALITIES = ByFormat(
    tuple(
        Level(name, f"Quality of {FORMATS[name].spoken}: 100 is best and largest.", writing.quality, 1, 100)
        for name, writing in WRITTEN.items()
        if writing.quality
    )
)
EFFORTS = ByFormat(
    tuple(
        Level(
            name,
            f"Effort of {FORMATS[name].spoken}: {takes.most} is slowest and smallest.",
            takes.default,
            takes.least,
            takes.most,
        )
        for name, writing in WRITTEN.items()
        if (takes := writing.effort)
    )
)
SUBSAMPLED = tuple(name for name, writing in WRITTEN.items() if writing.subsampling)

Name = Annotated[str, Matching(NAME.pattern, '1 to 40 lower-case letters, digits, - and _, but not "manifest"')]
Side = Annotated[int, Field(ge=1, le=LONGEST_SIDE)]
Count = Annotated[int, Field(ge=1, le=LARGEST)]
Format = Annotated[str, OneOf((*WRITTEN, "auto"))]
Quality = Annotated[dict[str, int], QUALITIES]
Effort = Annotated[dict[str, int], EFFORTS]
Pattern = Annotated[
    str, Matching(".+", 'a pattern such as "folder/**" (* within a folder, ? one character, ** any folders)')
]
KeyTemplate = Annotated[
    str,
    Matching(
        r"\{key\}/(?=.*\{name\})(?=.*\{ext\})([A-Za-z0-9._-]|\{(name|ext|digest)\})+",
        '"{key}/" and a file name of {name}, {ext}, perhaps {digest}, and letters, digits, . _ -',
    ),
]

_SPEC = RenditionSpec("default")
_OVERLAY = Overlay(b"")
_LIMITS = Limits()
_UNIQUE: dict[str, Any] = {"uniqueItems": True}


class Table(BaseModel):
    """A table of the recipe: it knows its fields and no others, and takes no text for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OverlayTable(Table):
    """A watermark."""

    file: Annotated[str, Matching(r"[^/\\].*", "a path relative to the recipe")] = Field(
        description="The watermark, a PNG, WebP or JPEG file."
    )
    position: Annotated[str, OneOf(tuple(SIDES))] = Field(_OVERLAY.position, description="Where it stands.")
    scale: float = Field(
        _OVERLAY.scale, ge=0.01, le=1, allow_inf_nan=False, description="Its width as a share of the rendition's."
    )
    opacity: float = Field(
        _OVERLAY.opacity, ge=0, le=1, allow_inf_nan=False, description="0 is invisible, 1 lets nothing through."
    )


class RenditionTable(Table):
    """One image made of each source."""

    name: Name = Field(description="It stands in the rendition's key.")
    width: Side | None = Field(None, description="Width of the box in pixels. Any, when left out.")
    height: Side | None = Field(None, description="Height of the box in pixels. Any, when left out.")
    fit: Annotated[str, OneOf(tuple(FITS))] = Field(
        _SPEC.fit,
        description=f"How a picture meets the box. {' '.join(f'{name}: {fit.__doc__}' for name, fit in FITS.items())}",
    )
    gravity: Annotated[str, OneOf(GRAVITIES)] = Field(
        _SPEC.gravity,
        description="What a crop keeps: a side, the editor's focal point, or where the picture is busiest (smart).",
    )
    enlarge: bool = Field(_SPEC.enlarge, description="Whether a source smaller than the box is enlarged.")
    background: Annotated[str, Matching(COLOUR.pattern, 'a colour such as "#ffffff"')] = Field(
        _SPEC.background, description="Colour of padding, and behind transparency in JPEG."
    )
    sharpen: int = Field(_SPEC.sharpen, ge=0, le=300, description="Sharpening after the resize, in percent.")
    overlay: OverlayTable | None = Field(None, description="A watermark.")
    formats: Annotated[list[Format], AfterValidator(without_twins)] = Field(
        list(_SPEC.formats),
        min_length=1,
        description="One file is made in each. auto is JPEG for an opaque picture and PNG for a transparent one.",
        json_schema_extra=_UNIQUE,
    )
    quality: Quality = Field(default_factory=dict, description="Goes before the quality of the whole recipe.")
    effort: Effort = Field(default_factory=dict, description="Goes before the effort of the whole recipe.")
    subsampling: Annotated[str, OneOf(SUBSAMPLINGS)] = Field(
        _SPEC.subsampling,
        description=f"Colour detail of {' and '.join(SUBSAMPLED)}; 4:4:4 keeps thin red text sharp.",
    )
    max_bytes: Annotated[int, Field(ge=1000, le=LARGEST)] | None = Field(
        None, description="Byte budget of each file; quality goes down to meet it."
    )
    animated: bool = Field(_SPEC.animated, description="Whether animations move; false keeps the first frame.")


class RuleTable(Table):
    """Which renditions a key gets."""

    match: Pattern = Field(description="Which keys. The first rule that matches wins.")
    renditions: (
        Annotated[list[Annotated[str, Matching(".+", "the name of a rendition")]], AfterValidator(without_twins)] | None
    ) = Field(None, min_length=1, description="Which renditions. All, when left out.", json_schema_extra=_UNIQUE)


class LimitsTable(Table):
    """What a source may cost."""

    source_bytes: Count = Field(_LIMITS.source_bytes, description="Bytes of a source.")
    pixels: Count = Field(_LIMITS.pixels, description="Width x height of a source.")
    animation_pixels: Count = Field(_LIMITS.animation_pixels, description="Width x height x frames of an animation.")
    scans: Count = Field(_LIMITS.scans, description="Scans of a progressive JPEG; real ones have 20 at most.")


class RecipeTable(Table):
    """What is made of every source."""

    key_template: KeyTemplate = Field(
        "{key}/{name}.{ext}", description="How keys are built. With {digest} a key changes whenever its file does."
    )
    cache_control: Annotated[str, Matching("[ -~]+", "a Cache-Control header in plain ASCII")] | None = Field(
        None, description="When left out: no-cache, or immutable for a year with {digest}."
    )
    base_url: Annotated[
        str, Matching(r"[^\s\"'<>,]*/", "a URL that ends with /, without spaces, quotes and commas")
    ] = Field("/", description="It stands before keys in srcset and markup, such as the address of your CDN.")
    ignore: Annotated[list[Pattern], AfterValidator(without_twins)] = Field(
        ["**/.DS_Store", "**/Thumbs.db", "**/desktop.ini", "**/._*"],
        description="Keys that nothing is made of.",
        json_schema_extra=_UNIQUE,
    )
    embed_credit: bool = Field(default=False, description="Whether the editor's credit is written into files.")
    quality: Quality = Field(default_factory=dict, description="Quality of all renditions.")
    effort: Effort = Field(default_factory=dict, description="Effort of all renditions.")
    limits: LimitsTable = Field(
        default_factory=lambda: LimitsTable.model_validate({}), description="A source beyond one of them is rejected."
    )
    rendition: list[RenditionTable] = Field(
        min_length=1,
        description="One image made of each source.",
        json_schema_extra={TAKES: "tables headed [[rendition]]"},
    )
    rule: list[RuleTable] = Field(
        default_factory=list,
        description="Which renditions a key gets. The first rule that matches wins.",
        json_schema_extra={TAKES: "tables headed [[rule]]"},
    )
