"""What will be made of one opened source: the size of every rendition, and how much of the source to decode.

All of it follows from the header, before a pixel is decoded. Only where a crop lies is decided later, by the pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from imaging.formats import Format
from imaging.recipe.geometry import Shape, Size
from imaging.recipe.spec import RenditionSpec


@dataclass(frozen=True, slots=True)
class Target:
    """One rendition of one source: its spec, and the shape that the source gives it."""

    spec: RenditionSpec
    shape: Shape

    def most_bytes(self, name: str, format: Format, source_bytes: int) -> int | None:
        """How many bytes the file in format `name` may have; None is any number.

        The recipe may set a budget. A file of the source's own format and size need not be heavier than the source.
        """
        bounds = [self.spec.max_bytes] if self.spec.max_bytes else []
        if name == format.name and self.shape.canvas == self.shape.source:
            bounds.append(source_bytes)
        return min(bounds, default=None)

    def holds(self, other: "Target") -> bool:
        """Whether this rendition shows all of the source, in as many pixels as `other` needs, or one less."""
        own, needed = self.shape, other.shape
        return own.whole and all(
            needed.size[axis] <= own.size[axis] * needed.part[axis] / own.part[axis] + 1 for axis in (0, 1)
        )


SPARE = 1.6
"""How much larger than a rendition the whole picture is that it is made from, where there is one. Of ten neighbouring
widths, each made from the one before, the last lose half a hundredth of their SSIM (docs/performance.md).
"""
NEAR = (1.01, 1.4)
"""How much larger the decoded picture is than a rendition that would lose by it. One of less than that is its size."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every rendition of a source, the largest first, and the size to decode the upright source at.

    `larger` is a second size, where renditions are near to the largest: they are made from that.
    """

    targets: tuple[Target, ...]
    decoded: Size
    larger: Size | None = None

    @classmethod
    def of(cls, specs: Sequence[RenditionSpec], size: Size) -> "Plan":
        """The plan for an upright source of `size` pixels.

        Renditions are made from the largest to the smallest, so that the slow scale-down of the whole picture happens
        once. The decoded picture is exactly as large as the largest rendition where that one shows all of it.
        """
        targets = [Target(spec, spec.shape(*size)) for spec in specs]
        targets.sort(key=lambda each: (each.shape.scale, each.shape.whole, each.shape.size), reverse=True)
        shapes = [each.shape for each in targets]
        width, height = (max(shape.size[axis] * size[axis] / shape.part[axis] for shape in shapes) for axis in (0, 1))
        decoded = min(size[0], max(1, round(width))), min(size[1], max(1, round(height)))
        ratios = [decoded[0] / size[0] / shape.scale for shape in shapes]
        nearest = min((ratio for ratio in ratios if NEAR[0] < ratio < NEAR[1]), default=None)
        if nearest is None or decoded == size:
            return cls(tuple(targets), decoded)
        larger = min(decoded[0] / nearest * SPARE / size[0], 1.0)
        return cls(tuple(targets), decoded, (round(size[0] * larger), round(size[1] * larger)))
