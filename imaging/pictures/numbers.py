"""Colours told in numbers: primaries and a curve, by themselves or by their code (ITU-T H.273, tables 2 and 3).

`profiles.py` makes a profile of them. That is the one way in which numbers are converted.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Point = tuple[float, float]
"""A colour without its brightness, as CIE x and y."""
Row = tuple[float, float, float]
Matrix = tuple[Row, Row, Row]
Curve = tuple[float, ...]
"""The light that each of 256 values stands for; 1 is white."""

REFERENCE_WHITE = 203.0
"""Light of a white page in a picture of high dynamic range, in cd/m2 (ITU-R BT.2408, 2.1)."""


class UnknownNumbersError(Exception):
    """Numbers that no picture can be shown by."""


# -- primaries ---------------------------------------------------------------------------------------------


def cross(one: Row, other: Row) -> Row:
    """The vector product."""
    (a, b, c), (x, y, z) = one, other
    return b * z - c * y, c * x - a * z, a * y - b * x


def product(matrix: Matrix, vector: Row) -> Row:
    """The matrix times a column."""
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third


def transposed(matrix: Matrix) -> Matrix:
    """Rows as columns."""
    first, second, third = zip(*matrix, strict=True)
    return first, second, third


def inverse(matrix: Matrix) -> Matrix:
    """The matrix that undoes this one."""
    one, two, three = matrix
    columns = cross(two, three), cross(three, one), cross(one, two)
    determinant = sum(a * b for a, b in zip(one, columns[0], strict=True))
    if abs(determinant) < 1e-6:
        raise UnknownNumbersError("primaries that lie on one line")
    a, b, c = (tuple(value / determinant for value in column) for column in columns)
    return transposed(((a[0], a[1], a[2]), (b[0], b[1], b[2]), (c[0], c[1], c[2])))


@dataclass(frozen=True, slots=True)
class Primaries:
    """The colours of white and of the three channels alone."""

    white: Point
    red: Point
    green: Point
    blue: Point

    def is_near(self, other: "Primaries") -> bool:
        """Whether these are the others, rounded."""
        mine, theirs = ((*each.white, *each.red, *each.green, *each.blue) for each in (self, other))
        return all(abs(one - two) <= 0.005 for one, two in zip(mine, theirs, strict=True))

    def white_xyz(self) -> Row:
        """White as XYZ, with a Y of 1."""
        x, y = self.white
        if not (math.isfinite(x) and math.isfinite(y) and 0 <= x <= 1 and 0.01 <= y <= 1):
            raise UnknownNumbersError(f"{self.white} is no white")
        return x / y, 1.0, (1 - x - y) / y

    def xyz(self) -> Matrix:
        """What turns the channels' light into XYZ; raises `UnknownNumbersError` where nothing does."""
        points = (self.red, self.green, self.blue)
        if not all(math.isfinite(value) and -1 <= value <= 2 for point in points for value in point):
            raise UnknownNumbersError(f"{points} are no primaries")
        red, green, blue = ((x, y, 1 - x - y) for x, y in points)
        columns = transposed((red, green, blue))
        shares = product(inverse(columns), self.white_xyz())
        if not all(0 < share < 20 for share in shares):
            raise UnknownNumbersError("primaries that do not make white")
        one, two, three = (tuple(value * share for value, share in zip(row, shares, strict=True)) for row in columns)
        return (one[0], one[1], one[2]), (two[0], two[1], two[2]), (three[0], three[1], three[2])


_D65, _C = (0.3127, 0.329), (0.31, 0.316)

SRGB = Primaries(_D65, (0.64, 0.33), (0.3, 0.6), (0.15, 0.06))
ADOBE_RGB = Primaries(_D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
_SMPTE_170M = Primaries(_D65, (0.63, 0.34), (0.31, 0.595), (0.155, 0.07))

PRIMARIES: Mapping[int, Primaries] = {
    1: SRGB,
    2: SRGB,  # "unspecified"
    4: Primaries(_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: Primaries(_D65, (0.64, 0.33), (0.29, 0.6), (0.15, 0.06)),
    6: _SMPTE_170M,
    7: _SMPTE_170M,
    8: Primaries(_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: Primaries(_D65, (0.708, 0.292), (0.17, 0.797), (0.131, 0.046)),
    10: Primaries((1 / 3, 1 / 3), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
    11: Primaries((0.314, 0.351), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    12: Primaries(_D65, (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    22: Primaries(_D65, (0.63, 0.34), (0.295, 0.605), (0.155, 0.077)),
}
"""Primaries by their code (H.273, table 2)."""


# -- curves ------------------------------------------------------------------------------------------------


def light_of(value: float) -> float:
    """Light of a value of sRGB (IEC 61966-2-1)."""
    return value / 12.92 if value <= 0.04045 else math.pow((value + 0.055) / 1.055, 2.4)


def value_of(light: float) -> float:
    """The value of sRGB for this light, which may be brighter than white."""
    return 12.92 * light if light <= 0.0031308 else 1.055 * math.pow(light, 1 / 2.4) - 0.055


def power(exponent: float) -> Callable[[float], float]:
    """The curve of a plain exponent; raises `UnknownNumbersError` for one that no screen has."""
    if not 0.2 <= exponent <= 10:
        raise UnknownNumbersError(f"a gamma of {exponent}")
    return lambda value: math.pow(value, exponent)


def _smpte_240m(value: float) -> float:
    return value / 4 if value < 0.0912 else math.pow((value + 0.1115) / 1.1115, 1 / 0.45)


def _smpte_428(value: float) -> float:
    return min(1.0, 52.37 / 48 * math.pow(value, 2.6))


def _pq(value: float) -> float:
    """Light as shares of the reference white (SMPTE ST 2084)."""
    root = math.pow(value, 32 / 2523)
    nits = 10_000 * math.pow(max(0.0, root - 0.8359375) / (18.8515625 - 18.6875 * root), 16384 / 2610)
    return nits / REFERENCE_WHITE


def _hlg(value: float) -> float:
    """Light of the scene (ITU-R BT.2100, table 5), so that a screen of 1,000 cd/m2 shows the reference white as 1."""
    scene = value * value / 3 if value <= 0.5 else (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return scene * math.pow(1000 / REFERENCE_WHITE, 1 / HLG_GAMMA)


HLG_GAMMA = 1.2
"""What HLG makes of the scene's brightness on a screen of 1,000 cd/m2 (ITU-R BT.2100, table 5)."""
PQ, HLG = 16, 18

CURVES: Mapping[int, Callable[[float], float]] = {
    2: light_of,  # "unspecified"
    4: power(2.2),
    5: power(2.8),
    7: _smpte_240m,
    8: power(1.0),
    13: light_of,
    PQ: _pq,
    17: _smpte_428,
    HLG: _hlg,
    # The curves of video cameras. Screens do not undo them exactly: BT.1886 has an exponent of 2.4, and Chromium
    # takes sRGB's. Programs that save sRGB have often written 1.
    1: light_of,
    6: light_of,
    11: light_of,
    12: light_of,
    14: light_of,
    15: light_of,
}
"""Curves by their code (H.273, table 3)."""


def curve_of(light: Callable[[float], float], *, narrow: bool = False) -> Curve:
    """The curve as 256 numbers; a `narrow` one has black at 16 and white at 235, as video does."""
    low, span = (16, 219) if narrow else (0, 255)
    return tuple(light(min(1.0, max(0.0, (value - low) / span))) for value in range(256))


SRGB_CURVE = curve_of(light_of)


# -- both --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Numbers:
    """Primaries, and one curve or three. `gamma` is what a screen does to the brightness of the whole pixel."""

    primaries: Primaries
    curves: tuple[Curve, ...]
    gamma: float = 1.0

    @property
    def hdr(self) -> bool:
        """Whether there is light brighter than white."""
        return max(self.curves[0]) > 1

    @property
    def are_srgb(self) -> bool:
        """Whether a picture by these numbers looks as it is stored."""
        pairs = [pair for curve in self.curves for pair in zip(curve, SRGB_CURVE, strict=True)]
        return self.primaries.is_near(SRGB) and all(
            abs(value_of(light) - value_of(wanted)) <= 0.002 for light, wanted in pairs
        )


def numbers_by_code(primaries: int, transfer: int, *, narrow: bool = False) -> Numbers:
    """What these codes mean; raises `UnknownNumbersError` for those that mean nothing."""
    if primaries not in PRIMARIES or transfer not in CURVES:
        raise UnknownNumbersError(f"primaries {primaries}, transfer {transfer}")
    curve = curve_of(CURVES[transfer], narrow=narrow)
    return Numbers(PRIMARIES[primaries], (curve,), HLG_GAMMA if transfer == HLG else 1.0)
