"""Colour profiles that the tests are about, made from their numbers, and what their colours are in sRGB."""

import math
import struct
from collections.abc import Callable, Mapping, Sequence

MARK = b"CANARY-7f3a"
"""What private metadata is made of in the tests that look for it in renditions."""


def icc(space: bytes, kind: bytes, pcs: bytes, tags: Sequence[tuple[bytes, bytes]]) -> bytes:
    """An ICC profile of version 2 (ICC.1:2001-04), its description made of marks."""
    described = b"desc\0\0\0\0" + struct.pack(">I", len(MARK) + 1) + MARK + b"\0" * 79
    said = b"text\0\0\0\0" + MARK + b"\0"
    white = _xyz(0.9642, 1.0, 0.8249)
    table, data = b"", b""
    everything = [(b"desc", described), (b"cprt", said), (b"wtpt", white), *tags]
    start = 128 + 4 + 12 * len(everything)
    for name, content in everything:
        padded = content + b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", start + len(data), len(content))
        data += padded
    header = struct.pack(">I4sI4s4s4s12x4s", start + len(data), b"\0" * 4, 0x02400000, kind, space, pcs, b"acsp")
    header += b"\0" * 28 + struct.pack(">iii", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(everything)) + table + data


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(value * 65536) for value in values))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


P3_TO_XYZ = ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407))
"""Display P3's primaries, adapted to the profile connection space's white (D50)."""

XYZ_TO_LINEAR_SRGB = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)


def p3_profile() -> bytes:
    """A wide-gamut RGB profile: the primaries of Display P3, gamma 2.2."""
    return icc(b"RGB ", b"mntr", b"XYZ ", _p3_tags())


def coded_profile(*code: int) -> bytes:
    """The same with a code beside it that says otherwise (ICC.1:2022, 9.2.17)."""
    return icc(b"RGB ", b"mntr", b"XYZ ", [*_p3_tags(), (b"cicp", b"cicp\0\0\0\0" + bytes(code))])


def _p3_tags() -> list[tuple[bytes, bytes]]:
    columns = [_xyz(*column) for column in zip(*P3_TO_XYZ, strict=True)]
    curves = [(name, _curve(2.2)) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return [*zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True), *curves]


def p3_in_srgb(colour: Sequence[int]) -> tuple[int, ...]:
    """What a colour under `p3_profile` is in sRGB, by the formulas."""
    linear = [(value / 255) ** (563 / 256) for value in colour]  # 2.2 as the profile can say it
    return xyz_in_srgb([sum(a * b for a, b in zip(row, linear, strict=True)) for row in P3_TO_XYZ])


def xyz_in_srgb(xyz: Sequence[float]) -> tuple[int, ...]:
    """A colour of the connection space in sRGB (IEC 61966-2-1)."""
    linear = [sum(a * b for a, b in zip(row, xyz, strict=True)) for row in XYZ_TO_LINEAR_SRGB]
    return tuple(srgb_of_linear(value) for value in linear)


def srgb_of_linear(value: float) -> int:
    """The sRGB value, 0 to 255, of a linear one, 0 to 1."""
    return round(255 * srgb_signal(min(1.0, max(0.0, value))))


def grey_profile(gamma: float) -> bytes:
    """A grey profile of this gamma."""
    return icc(b"GRAY", b"mntr", b"XYZ ", [(b"kTRC", _curve(gamma))])


RED_INK = (50.0, 62.0, 40.0)
"""CIE Lab of full magenta and yellow under `cmyk_profile`: a duller red than plain arithmetic gives."""


def cmyk_profile() -> bytes:
    """A printer's profile: paper is white, magenta on yellow is `RED_INK`, everything else is black."""
    lab = {(0, 0, 0, 0): (100.0, 0.0, 0.0), (0, 1, 1, 0): RED_INK}
    corners = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    table = b"".join(_lab8(*lab.get(corner, (0.0, 0.0, 0.0))) for corner in corners)
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    look_up = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix + ramp * 4 + table + ramp * 3
    return icc(b"CMYK", b"prtr", b"Lab ", [(b"A2B0", look_up), (b"A2B1", look_up)])


def faded_profile() -> bytes:
    """An RGB profile of a device whose black is a dark grey, CIE L 20."""
    corners = [(r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
    table = b"".join(_lab8(20 + 80 * sum(corner) / 3, 0.0, 0.0) for corner in corners)
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    look_up = b"mft1\0\0\0\0" + bytes((3, 3, 2, 0)) + matrix + ramp * 3 + table + ramp * 3
    return icc(b"RGB ", b"scnr", b"Lab ", [(b"A2B0", look_up), (b"A2B1", look_up)])


def _lab8(lightness: float, a: float, b: float) -> bytes:
    return bytes((round(lightness * 255 / 100), round(a + 128), round(b + 128)))


def lab_in_srgb(lightness: float, a: float, b: float) -> tuple[int, ...]:
    """A CIE Lab colour (D50) in sRGB."""
    y = (lightness + 16) / 116

    def unfolded(value: float) -> float:
        return value**3 if value > 6 / 29 else 3 * (6 / 29) ** 2 * (value - 4 / 29)

    return xyz_in_srgb((0.9642 * unfolded(y + a / 500), unfolded(y), 0.8249 * unfolded(y - b / 200)))


# -- the same colours in other numbers ---------------------------------------------------------------------


LINEAR_SRGB_TO: Mapping[str, Sequence[Sequence[float]]] = {
    "sRGB": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "P3": ((0.8224621, 0.1775380, 0.0), (0.0331942, 0.9668058, 0.0), (0.0170826, 0.0723974, 0.9105199)),
    "Adobe RGB": ((0.7151256, 0.2848744, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0411619, 0.9588381)),
    "BT.2020": (
        (0.6274039, 0.3292830, 0.0433131),
        (0.0690973, 0.9195404, 0.0113623),
        (0.0163914, 0.0880133, 0.8955953),
    ),
}
"""Light under one set of primaries as light under another, as published (Apple, Adobe, ITU-R BT.2087)."""
LUMINANCE = (0.2627, 0.6780, 0.0593)
"""What the channels of BT.2020 add to a pixel's brightness."""


def linear_of(value: int) -> float:
    """The light, 0 to 1, of an sRGB value (IEC 61966-2-1)."""
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def srgb_signal(light: float) -> float:
    """Light as sRGB stores it."""
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def pq_signal(light: float) -> float:
    """Light as PQ stores it, 1 at 203 cd/m2 (SMPTE ST 2084)."""
    share = (203 * light / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * share) / (1 + 2392 / 128 * share)) ** (2523 / 32)


def hlg_signal(light: float) -> float:
    """Light of the scene as HLG stores it (ITU-R BT.2100)."""
    return math.sqrt(3 * light) if light <= 1 / 12 else 0.17883277 * math.log(12 * light - 0.28466892) + 0.55991073


def stored(
    colour: Sequence[int], primaries: str, signal: Callable[[float], float] = srgb_signal, top: int = 255
) -> tuple[int, ...]:
    """An sRGB colour as values up to `top` under these primaries and this curve."""
    linear = [linear_of(value) for value in colour]
    lights = [sum(a * b for a, b in zip(row, linear, strict=True)) for row in LINEAR_SRGB_TO[primaries]]
    if signal is hlg_signal:  # a screen of 1,000 cd/m2 raises the brightness of a pixel to the power of 1.2
        shown = [0.203 * light for light in lights]
        brightness = sum(a * b for a, b in zip(LUMINANCE, shown, strict=True)) ** (1 / 1.2)
        lights = [light / brightness**0.2 for light in shown] if brightness else shown
    return tuple(round(top * min(1.0, max(0.0, signal(max(0.0, light))))) for light in lights)
