"""Pictures made on the spot, the same on every machine: `python -m benchmarks.photos DIR [PHOTOS] [WIDTH]`.

Octaves of noise under hard shapes and a sensor's grain compress much as camera photos do: at 1,920 pixels and quality
80 they come to 0.16 bytes per pixel as JPEG and 0.10 as WebP; of six camera photos these were 0.13 and 0.08 on average.
Run as a program of its own, so that Pillow's memory is not in the parent of what is measured.
"""

import random
import sys
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

OCTAVES = ((6, 110), (24, 60), (96, 34), (384, 22), (1536, 12))
"""Cells across the picture and their swing in grey levels: the finer, the fainter, as in nature."""
GRAIN = 5


def noise(size: tuple[int, int], seed: random.Random, swing: int) -> Image.Image:
    """Even noise around the middle grey, `swing` levels either way."""
    grain = Image.frombytes("L", size, seed.randbytes(size[0] * size[1]))
    return grain.point(lambda value: 128 + (value - 128) * swing // 128)


def photo(width: int, height: int, seed: int) -> Image.Image:
    """A picture with soft light, texture, hard edges and grain."""
    chance = random.Random(seed)  # noqa: S311  the same pictures for everybody
    bands = []
    for _ in range(3):
        band = Image.new("L", (width, height), 128)
        for cells, swing in OCTAVES:
            fine = noise((cells, max(2, cells * height // width)), chance, swing)
            fine = fine.resize((width, height), Image.Resampling.BICUBIC)
            band = ImageChops.add(band, fine, offset=-128)
        bands.append(band)
    grey = bands[0]  # colours differ less from place to place than brightness does
    picture = Image.merge("RGB", [grey, *(Image.blend(grey, band, 0.3) for band in bands[1:])])
    shapes = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(shapes)
    for _ in range(60):
        x, y, side = chance.randrange(width), chance.randrange(height), chance.randrange(width // 40, width // 8)
        shape = chance.choice((draw.ellipse, draw.rectangle))
        shape((x, y, x + side, y + side), fill=chance.choice((0, 70, 140)))
    shapes = shapes.filter(ImageFilter.GaussianBlur(1.2))
    tinted = Image.composite(Image.new("RGB", (width, height), "#c08040"), picture, shapes)
    grain = noise((width, height), chance, GRAIN)
    return ImageChops.add(tinted, Image.merge("RGB", (grain, grain, grain)), offset=-128)


def main(folder: str, photos: str = "4", width: str = "4032") -> None:
    """Write the photos, a third of them lying on their side as phones write them."""
    across = int(width)
    for number in range(int(photos)):
        exif = Image.Exif()
        exif[0x0112] = 6 if number % 3 == 2 else 1
        picture = photo(across, across * 3 // 4, number)
        picture.save(Path(folder, f"made-{number}.jpg"), quality=93, subsampling="4:2:2", exif=exif)


if __name__ == "__main__":
    main(*sys.argv[1:])
