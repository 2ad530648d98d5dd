"""The pictures that the tests are about, each made where it is needed: nothing is downloaded or stored."""

import io
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageMath, ImageStat

from imaging.decoding import Picture, decode
from imaging.model import Limits, RenditionSpec

WHOLE = RenditionSpec("whole")
"""The spec that changes nothing: every pixel of the source."""

MARK = b"CANARY-7f3a"
"""What private metadata is made of in the tests that look for it in renditions."""

STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera held in each orientation stores an upright scene (CIPA DC-008, tag 0x0112)."""


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """A smooth picture that looks different from every side: turned wrongly, it is far from itself."""
    down = Image.linear_gradient("L").resize((width, height))
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    round_ = Image.radial_gradient("L").resize((width, height))
    image = Image.merge("RGB", (down, across, round_))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 3, height // 4), fill=(230, 40, 40))
    draw.rectangle((2 * width // 3, 0, width, height // 5), fill=(30, 200, 60))
    draw.ellipse((width // 8, height // 2, width // 2, height - 2), fill=(40, 60, 220))
    return image


def see_through(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """A scene that fades out from the left, where nothing is to be seen, to the right, where all is."""
    image = scene(*size).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").rotate(90).resize(size))
    return image


def saved(image: Image.Image, name: str, **options: Any) -> bytes:
    """The file that Pillow makes of `image`."""
    buffer = io.BytesIO()
    image.save(buffer, name.upper(), **options)
    return buffer.getvalue()


def opened(content: bytes) -> Image.Image:
    """The picture in a file, all of it read."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def decoded(body: bytes, *specs: RenditionSpec, limits: Limits | None = None) -> Picture:
    """What decoding makes of a file; the whole picture unless specs say otherwise."""
    return decode(body, specs or (WHOLE,), limits or Limits())


def still(body: bytes) -> Image.Image:
    """The only frame of a file, decoded whole."""
    (frame,) = decoded(body).frames
    return frame


def mean_difference(one: Image.Image, other: Image.Image, mode: str = "RGB") -> float:
    """How far apart two pictures are: the mean of each channel's differences, the worst channel's."""
    assert one.size == other.size
    return max(ImageStat.Stat(ImageChops.difference(one.convert(mode), other.convert(mode))).mean)


def worst_difference(one: Image.Image, other: Image.Image, mode: str = "RGB") -> int:
    """The largest difference of any value of any pixel."""
    assert one.size == other.size
    extrema = ImageChops.difference(one.convert(mode), other.convert(mode)).getextrema()
    bands = [extrema] if len(mode) == 1 else extrema
    return max(int(band[1]) for band in bands)  # type: ignore[index]


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Structural similarity of two pictures' brightness (Wang et al. 2004), in blocks of 8 x 8; 1 is the same."""
    x, y = (image.convert("L").convert("F") for image in (one, other))

    def mean(product: Callable[[Any], Any]) -> Image.Image:
        return ImageMath.lambda_eval(product, x=x, y=y).reduce(8)

    means = {
        "x": mean(lambda of: of["x"] * 1.0),
        "y": mean(lambda of: of["y"] * 1.0),
        "xx": mean(lambda of: of["x"] * of["x"]),
        "yy": mean(lambda of: of["y"] * of["y"]),
        "xy": mean(lambda of: of["x"] * of["y"]),
    }

    def similarity(of: Any) -> Any:
        squares, product = of["x"] * of["x"] + of["y"] * of["y"], of["x"] * of["y"]
        brightness = (product * 2 + 6.5025) / (squares + 6.5025)
        return brightness * ((of["xy"] - product) * 2 + 58.5225) / (of["xx"] + of["yy"] - squares + 58.5225)

    blocks = ImageMath.lambda_eval(similarity, **means)
    return float(blocks.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))


def exif(**tags: Any) -> Image.Exif:
    """EXIF with the tags named as Pillow names them."""
    made = Image.Exif()
    for name, value in tags.items():
        made[ExifTags.Base[name]] = value
    return made


def oriented(upright: Image.Image, orientation: int, name: str, **options: Any) -> bytes:
    """The file of a camera that was held so that `orientation` makes its picture upright."""
    turn = STORED[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    return saved(stored, name, exif=exif(Orientation=orientation), **options)


# -- files that Pillow reads but does not write ------------------------------------------------------------


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size: tuple[int, int], colour: int, depth: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG of colour type `colour` and bit depth `depth`; `rows` are packed, `extra` chunks go before IDAT."""
    width, height = size
    stride = len(rows) // height
    filtered = b"".join(b"\0" + rows[at : at + stride] for at in range(0, len(rows), stride))
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
        + b"".join(png_chunk(kind, data) for kind, data in extra)
        + png_chunk(b"IDAT", zlib.compress(filtered))
        + png_chunk(b"IEND", b"")
    )


def png_with(body: bytes, kind: bytes, data: bytes) -> bytes:
    """The PNG with one more chunk, right behind its header."""
    return body[:33] + png_chunk(kind, data) + body[33:]


def deep(pixels: bytes, order: str = ">") -> bytes:
    """Eight-bit values as 16-bit ones: v * 257, plus a low byte that is not the high one's copy."""
    return struct.pack(f"{order}{len(pixels)}H", *(min(65535, value * 257 + 31) for value in pixels))


def tiff(
    size: tuple[int, int],
    bands: int,
    depth: int,
    photometric: int,
    rows: bytes,
    *extra: tuple[int, int, int, int],
) -> bytes:
    """A little-endian TIFF of one uncompressed strip; `extra` are directory entries."""
    entries = [
        (256, 4, 1, size[0]),
        (257, 4, 1, size[1]),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (277, 3, 1, bands),
        (278, 4, 1, size[1]),
        (279, 4, 1, len(rows)),
        *extra,
    ]
    depths = struct.pack(f"<{bands}H", *[depth] * bands)
    directory = 2 + 12 * (len(entries) + 2) + 4
    after = 8 + directory
    entries.append((258, 3, bands, depth if bands == 1 else after))
    entries.append((273, 4, 1, after + len(depths)))
    body = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    for tag, kind, count, value in sorted(entries):
        body += struct.pack("<HHII", tag, kind, count, value)
    return body + struct.pack("<I", 0) + depths + rows


def gif(size: tuple[int, int], patches: Iterable[tuple[tuple[int, int, int, int], int, int, int]], loop: int) -> bytes:
    """An animated GIF of one-coloured patches: box, palette index, disposal and hundredths of a second of each.

    Index 0 is transparent; 1, 2 and 3 are red, green and blue. `loop` -1 leaves the loop out.
    """
    body = b"GIF89a" + struct.pack("<HHBBB", *size, 0x81, 0, 0)
    body += bytes((9, 9, 9, 255, 0, 0, 0, 255, 0, 0, 0, 255))
    if loop >= 0:
        body += b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", loop, 0)
    for (left, top, right, bottom), index, disposal, delay in patches:
        body += b"\x21\xf9\x04" + struct.pack("<BHBB", disposal << 2 | 1, delay, 0, 0)
        body += b"\x2c" + struct.pack("<HHHHB", left, top, right - left, bottom - top, 0)
        codes = [4, *(code for _ in range((right - left) * (bottom - top)) for code in (index, 4)), 5]
        bits = sum(code << 3 * at for at, code in enumerate(codes))
        data = bits.to_bytes(-(-3 * len(codes) // 8), "little")
        body += b"\x02" + b"".join(
            bytes((len(data[at : at + 255]),)) + data[at : at + 255] for at in range(0, len(data), 255)
        )
        body += b"\0"
    return body + b"\x3b"


def jpeg_segment(marker: int, data: bytes) -> bytes:
    """One segment of a JPEG file."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg_with(body: bytes, *segments: bytes) -> bytes:
    """The JPEG with more segments, right behind its start."""
    return body[:2] + b"".join(segments) + body[2:]


def jpeg_of_scans(scans: int, size: int = 8) -> bytes:
    """A valid progressive JPEG of one grey block that says nothing in `scans` scans."""
    first = jpeg_segment(0xDA, b"\1\1\0\0\0\0") + b"\x7f"
    again = jpeg_segment(0xDA, b"\1\1\0\1\x3f\0") + b"\xbf"
    return (
        b"\xff\xd8"
        + jpeg_segment(0xDB, b"\0" + b"\x10" * 64)
        + jpeg_segment(0xC2, struct.pack(">BHHB", 8, size, size, 1) + b"\1\x11\0")
        + jpeg_segment(0xC4, b"\0\1" + b"\0" * 15 + b"\0")
        + jpeg_segment(0xC4, b"\x10\1\1" + b"\0" * 14 + b"\xe0\0")
        + first
        + again * (scans - 1)
        + b"\xff\xd9"
    )


# -- colour profiles ---------------------------------------------------------------------------------------


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
    columns = [_xyz(*column) for column in zip(*P3_TO_XYZ, strict=True)]
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    curves = [(name, _curve(2.2)) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return icc(b"RGB ", b"mntr", b"XYZ ", [*zip(names, columns, strict=True), *curves])


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
    value = min(1.0, max(0.0, value))
    return round(255 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055))


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


# -- private metadata --------------------------------------------------------------------------------------


def marked_exif() -> Image.Exif:
    """EXIF full of marks: description, camera, software, maker note, comment, owner, and a place by GPS."""
    mark = MARK.decode()
    made = exif(ImageDescription=mark, Make=mark, Model=mark, Software=mark, HostComputer=mark, Orientation=1)
    made.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.MakerNote: MARK * 20,
            ExifTags.Base.UserComment: b"ASCII\0\0\0" + MARK,
            ExifTags.Base.CameraOwnerName: mark,
            ExifTags.Base.BodySerialNumber: mark,
        }
    )
    made.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: (52.0, 31.0, 12.0),
            ExifTags.GPS.GPSAreaInformation: MARK,
        }
    )
    return made


def marked_xmp() -> bytes:
    """An XMP packet with marks in it."""
    return b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:li>' + MARK + b"</rdf:li></x:xmpmeta>"


def iptc_record(dataset: int, value: bytes) -> bytes:
    """One IPTC-IIM data set of the application record."""
    return struct.pack(">BBBH", 0x1C, 2, dataset, len(value)) + value


def photoshop_segment(iptc: bytes) -> bytes:
    """The JPEG segment in which Photoshop keeps IPTC."""
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    return jpeg_segment(0xED, b"Photoshop 3.0\0" + resource)


def marked(name: str, image: Image.Image) -> bytes:
    """A file of format `name` with marks in every place for metadata that the format has."""
    everything = {"exif": marked_exif(), "xmp": marked_xmp(), "icc_profile": p3_profile()}
    match name:
        case "jpeg":
            body = saved(image, name, comment=MARK, **everything)
            return jpeg_with(body, photoshop_segment(iptc_record(120, MARK)), jpeg_segment(0xEA, MARK)) + MARK
        case "png":
            body = saved(image, name, exif=everything["exif"], icc_profile=everything["icc_profile"])
            for kind, data in (
                (b"tEXt", b"Comment\0" + MARK),
                (b"zTXt", b"Description\0\0" + zlib.compress(MARK)),
                (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + marked_xmp()),
            ):
                body = png_with(body, kind, data)
            return body
        case "gif":
            body = saved(image, name, comment=MARK)
            xmp = b"\x21\xff\x0bXMP DataXMP" + marked_xmp() + b"\1" + bytes(range(255, -1, -1)) + b"\0"
            return body[:-1] + xmp + b"\x21\xfe" + bytes((len(MARK),)) + MARK + b"\0\x3b"
        case "tiff":
            tags = {270: MARK.decode(), 305: MARK.decode(), 700: marked_xmp(), 33723: iptc_record(120, MARK)}
            return saved(image, name, tiffinfo=tags, icc_profile=p3_profile())
        case "bmp":
            return saved(image, name) + MARK
        case "webp" | "avif":
            return saved(image, name, **everything)
    raise ValueError(name)
