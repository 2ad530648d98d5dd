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


@dataclass(frozen=True, slots=True)
class Plan:
    """Every rendition of a source, the largest first, and the size to decode the upright source at."""

    targets: tuple[Target, ...]
    decoded: Size

    @classmethod
    def of(cls, specs: Sequence[RenditionSpec], size: Size) -> "Plan":
        """The plan for an upright source of `size` pixels.

        Renditions are made from the largest to the smallest, so that the slow scale-down of the whole picture happens
        once. The decoded picture is exactly as large as the largest rendition where that one shows all of it.
        """
        targets = [Target(spec, spec.shape(*size)) for spec in specs]
        targets.sort(key=lambda each: (each.shape.scale, each.shape.whole, each.shape.size), reverse=True)
        largest = targets[0].shape
        if largest.scale >= 1:
            return cls(tuple(targets), size)
        if largest.whole:
            return cls(tuple(targets), largest.size)
        scaled = max(1, round(size[0] * largest.scale)), max(1, round(size[1] * largest.scale))
        return cls(tuple(targets), scaled)
