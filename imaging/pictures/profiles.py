"""Colours told in numbers -> an ICC profile that says the same (ICC.1:2001-04).

Standard range is three primaries and a curve. High dynamic range is a table: what is brighter than white rolls off
there by a pixel's brightest channel, so that colours keep their hue.
"""

import math
import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import product as combinations

from imaging.pictures.numbers import (
    Matrix,
    Numbers,
    Row,
    UnknownNumbersError,
    inverse,
    light_of,
    product,
    transposed,
    value_of,
)

D50: Row = (0.9642, 1.0, 0.8249)
"""White of the profile connection space, as XYZ."""
BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
"""From XYZ to what an eye adapts by (ICC.1:2022, annex E)."""

KNEE = 0.94
"""The value, of 1 for white, up to which a picture of high dynamic range is shown as it is."""
NODES = 33
"""Points of the table along each channel."""
STEPS = 4096
"""Numbers in each curve behind the table, which turn values into light. More cannot be (ICC.1:2001-04, 6.5.7)."""


@lru_cache(maxsize=4)
def profile_of(numbers: Numbers) -> bytes:
    """The profile; raises `UnknownNumbersError` for primaries that no picture can be shown by."""
    matrix = numbers.primaries.xyz()
    adapted = _adapted(matrix, numbers.primaries.white_xyz())
    if numbers.hdr:
        return _icc([(b"A2B0", _table(numbers, matrix[1], adapted))])
    columns = [b"XYZ \0\0\0\0" + _fixed(column) for column in transposed(adapted)]
    curves = [_curve(curve) for curve in numbers.curves] * (3 // len(numbers.curves))
    return _icc([*zip((b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"), (*columns, *curves), strict=True)])


def _adapted(matrix: Matrix, white: Row) -> Matrix:
    """The matrix with its white as that of the connection space, as an eye would have it."""
    before, after = product(BRADFORD, white), product(BRADFORD, D50)
    if min(before) < 0.05:
        raise UnknownNumbersError(f"nobody sees {white} as white")
    back = inverse(BRADFORD)
    columns = []
    for column in transposed(matrix):
        one, two, three = (
            value * new / old for value, new, old in zip(product(BRADFORD, column), after, before, strict=True)
        )
        columns.append(product(back, (one, two, three)))
    return transposed((columns[0], columns[1], columns[2]))


def _icc(tags: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A profile of a screen with these tags."""
    table, data, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags:
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content + b"\0" * (-len(content) % 4)
    header = struct.pack(">I4xI4s4s4s12x4s", start + len(data), 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return (header + b"\0" * 28 + _fixed(D50)).ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def _fixed(values: Sequence[float]) -> bytes:
    """Numbers with 16 bits behind the point."""
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _curve(curve: Sequence[float]) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">I", len(curve)) + _words(curve)


def _words(shares: Sequence[float]) -> bytes:
    """Shares of 1 as 16 bits each."""
    return struct.pack(f">{len(shares)}H", *(round(65535 * min(1.0, max(0.0, share))) for share in shares))


# -- high dynamic range ------------------------------------------------------------------------------------


def _table(numbers: Numbers, luminance: Row, adapted: Matrix) -> bytes:
    """A table from values to XYZ; `luminance` is what each channel adds to a pixel's brightness.

    Between its nodes colours are found along straight lines. So values that are even to the eye stand before and behind
    it: curves lead to them and back to light.
    """
    spread = [[_spread(value_of(light)) for light in curve] for curve in numbers.curves]
    most = max(map(max, spread))
    curves = [_words([value / most for value in each]) for each in spread] * (3 // len(spread))
    lights = [light_of(_gathered(most * node / (NODES - 1))) for node in range(NODES)]
    pixels = combinations(lights, lights, lights)
    colours = _words([value for pixel in pixels for value in _shown(pixel, numbers.gamma, luminance, adapted)])
    back = [light_of(step / (STEPS - 1)) / 2 for step in range(STEPS)]  # 16 bits of XYZ reach up to 2
    behind = b"".join(_words([light * white for light in back]) for white in D50)
    head = b"mft2\0\0\0\0" + bytes((3, 3, NODES, 0)) + _fixed((1, 0, 0, 0, 1, 0, 0, 0, 1))
    return head + struct.pack(">HH", len(spread[0]), STEPS) + b"".join(curves) + colours + behind


def _spread(value: float) -> float:
    """Values brighter than white drawn together, so that most nodes are below and enough are just above it."""
    return value if value <= 1 else 1 + 0.2 * math.log1p((value - 1) / 0.2)


def _gathered(value: float) -> float:
    """What was spread to this value."""
    return value if value <= 1 else 1 + 0.2 * math.expm1((value - 1) / 0.2)


def _rolled_off(value: float) -> float:
    """A value of any brightness as one up to 1: that of white as 0.97, that of a light five times white as 0.997."""
    above = max(0.0, value - KNEE) / (1 - KNEE)
    return min(value, KNEE) + (1 - KNEE) * above / (1 + above)


def _shown(pixel: Row, gamma: float, luminance: Row, adapted: Matrix) -> list[float]:
    """XYZ of a pixel on a screen of standard range, each as a value of sRGB beside that of white."""
    brightest = max(pixel)
    if brightest <= 0:
        return [0.0, 0.0, 0.0]
    red, green, blue = pixel
    brightness = red * luminance[0] + green * luminance[1] + blue * luminance[2]
    on_screen = brightest * max(0.0, brightness) ** (gamma - 1)
    scale = light_of(_rolled_off(value_of(on_screen))) / brightest
    return [
        value_of(min(1.0, max(0.0, scale * (red * row[0] + green * row[1] + blue * row[2]) / white)))
        for row, white in zip(adapted, D50, strict=True)
    ]
