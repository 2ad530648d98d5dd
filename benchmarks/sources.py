"""Sources of other formats, each made of one photo: `python -m benchmarks.sources DIR PHOTO`."""

import sys
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageOps


def main(folder: str, photo: str) -> None:
    """Write a source of each kind; without a HEIC encoder there is no HEIC."""
    into = Path(folder)
    image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    small = image.resize((4032, 3024))
    small.save(into / "webp-12mp.webp", quality=90, method=2)
    with suppress(ImportError):
        from pillow_heif import register_heif_opener  # noqa: PLC0415  only in the benchmark's own packages

        register_heif_opener()
        small.save(into / "heic-12mp.heic", quality=90)
    small.save(into / "avif-12mp.avif", quality=80, speed=9)
    huge = image.resize((11_648, 8_736))
    huge.save(into / "jpeg-100mp.jpg", quality=85)
    huge.close()
    deep = image.resize((6000, 4000))
    deep.putalpha(Image.radial_gradient("L").resize(deep.size))
    deep.save(into / "png-24mp-alpha.png", compress_level=3)
    frames = [small.resize((480, 360), box=(x, 0, x + 2400, 1800)) for x in range(0, 1600, 80)]
    frames[0].save(into / "gif-20-frames.gif", save_all=True, append_images=frames[1:], duration=80, loop=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
