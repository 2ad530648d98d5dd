"""How alike files are to their photos, `PROGRAM FOLDER PHOTO...`: the mean of each kind, `{"jpeg-320": 0.98}`.

Each file is compared with its whole photo, scaled to the file's size at once by LANCZOS. SSIM of the brightness, in a
gaussian window of sigma 1.5 (Wang, Bovik, Sheikh and Simoncelli, IEEE Transactions on Image Processing, April 2004).
"""

import json
import statistics
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pyvips
from PIL import Image, ImageOps

SIGMA = 1.5
EVEN, CONTRAST = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""The two constants that keep the formula from dividing by nothing."""


def ssim(one: Image.Image, other: Image.Image) -> float:
    """How alike two pictures of one size are: 1 is the same."""
    x, y = (pyvips.Image.new_from_memory(each.tobytes(), *each.size, 1, "uchar").cast("float") for each in (one, other))

    def mean(image: pyvips.Image) -> pyvips.Image:
        return image.gaussblur(SIGMA, precision="float")

    mean_x, mean_y = mean(x), mean(y)
    spread_x, spread_y = mean(x * x) - mean_x * mean_x, mean(y * y) - mean_y * mean_y
    together = mean(x * y) - mean_x * mean_y
    alike = (2 * mean_x * mean_y + EVEN) * (2 * together + CONTRAST)
    apart = (mean_x * mean_x + mean_y * mean_y + EVEN) * (spread_x + spread_y + CONTRAST)
    value: float = (alike / apart).avg()
    return value


@cache
def brightness(photo: Path) -> Image.Image:
    """The whole photo, upright."""
    with Image.open(photo) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


@cache
def reference(photo: Path, size: tuple[int, int]) -> Image.Image:
    """What a file of this size should show."""
    return brightness(photo).resize(size, Image.Resampling.LANCZOS).convert("L")


def main(folder: str, *photos: str) -> None:
    """Print the means. A file that lies as the camera held it is turned first."""
    kinds: dict[str, list[float]] = defaultdict(list)
    for photo in map(Path, photos):
        for file in sorted(Path(folder).glob(f"{photo.stem}-*.*")):
            width = file.stem.removeprefix(f"{photo.stem}-")
            if not width.isdigit():  # of another photo, whose name begins alike
                continue
            with Image.open(file) as image:
                picture = image.convert("L")
            upright = brightness(photo)
            if (picture.width > picture.height) != (upright.width > upright.height):
                with Image.open(photo) as turned:
                    picture.getexif()[0x0112] = turned.getexif().get(0x0112, 1)
                picture = ImageOps.exif_transpose(picture)
            kinds[f"{file.suffix[1:]}-{width}"].append(ssim(picture, reference(photo, picture.size)))
        brightness.cache_clear()
        reference.cache_clear()
    sys.stdout.write(json.dumps({kind: statistics.mean(values) for kind, values in kinds.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
