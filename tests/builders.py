"""The pictures that the tests are about, each made where it is needed: nothing is downloaded or stored."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageMath, ImageStat

from imaging.errors import Rejection
from imaging.exchange import Made, Order
from imaging.pictures import making
from imaging.pictures.picture import Picture
from imaging.recipe.spec import Limits, RenditionSpec
from tests.making import InProcess
from tests.profiles import MARK, p3_profile

WHOLE = RenditionSpec("whole")
"""The spec that changes nothing: every pixel of the source."""

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


def renditions_of(body: bytes, *specs: RenditionSpec, **order: Any) -> Made:
    """What the whole way makes of a file; the whole picture unless specs say otherwise."""
    return InProcess().make(body, Order(specs or (WHOLE,), **order))


def decoded(body: bytes, *specs: RenditionSpec, limits: Limits | None = None) -> Picture:
    """The picture in a file before any rendition is made of it; the whole of it unless specs say otherwise."""
    steps = making._picture(body, Order(specs or (WHOLE,), limits or Limits()))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            picture: Picture = end.value[0]
            return picture


def rejection_of(body: bytes, *specs: RenditionSpec, limits: Limits | None = None) -> Rejection:
    """The rejection that a file ends in."""
    with pytest.raises(Rejection) as raised:
        decoded(body, *specs, limits=limits)
    return raised.value


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


CANVAS = (6, 4)
HALF, CORNER, DOT = (0, 0, 3, 4), (3, 2, 6, 4), (0, 0, 1, 1)
"""Boxes on that canvas, for patches of a `gif`."""


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


# -- every format, and damage ------------------------------------------------------------------------------


def heic() -> bytes:
    """The file of a kind that nothing here can write: the sample of the commands."""
    return (Path(__file__).parent.parent / "ops" / "samples" / "picture.heic").read_bytes()


SOURCES: Mapping[str, Callable[[], bytes]] = {
    "jpeg": partial(saved, scene(), "jpeg"),
    "png": partial(saved, scene(), "png"),
    "webp": partial(saved, scene(), "webp"),
    "avif": partial(saved, scene(), "avif"),
    "gif": partial(saved, scene(), "gif"),
    "tiff": partial(saved, scene(), "tiff"),
    "bmp": partial(saved, scene(), "bmp"),
    "heic": heic,
}
"""A small still file of each format that is opened."""


def mutants(body: bytes, random_: random.Random, count: int) -> list[bytes]:
    """The file damaged in the ways that disks, networks and attackers damage files."""
    damaged = []
    for _ in range(count):
        mutant = bytearray(body)
        for _ in range(random_.choice((1, 1, 2, 8))):
            at = random_.randrange(min(len(mutant), random_.choice((64, 400, len(mutant)))))
            match random_.randrange(6):
                case 0:
                    mutant[at] ^= 1 << random_.randrange(8)
                case 1:
                    mutant[at : at + 4] = random_.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"))
                case 2:
                    mutant[at : at + 16] = random_.randbytes(16)
                case 3:
                    del mutant[at : at + random_.randrange(1, 40)]
                case 4:
                    mutant[at:at] = mutant[at : at + random_.randrange(1, 400)]
                case 5:
                    del mutant[max(12, at) :]
            if not mutant:
                break
        damaged.append(bytes(mutant))
    return damaged
