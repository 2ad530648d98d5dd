"""What each effort of an encoder gains, `PROGRAM FOLDER`: seconds of CPU, bytes and SSIM over the PNG files there.

SSIM is of what a reader decodes to the pixels that went in. Prints JSON.
"""

import io
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.programs.similarity import ssim

JPEG = {"quality": 80, "subsampling": "4:2:0"}
AVIF = {"quality": 60, "subsampling": "4:2:0", "max_threads": 1}
CODINGS: dict[str, dict[str, Any]] = {
    **{f"webp {effort}": {"quality": 80, "method": effort} for effort in (4, 3, 2, 1)},
    "jpeg plain": JPEG,
    "jpeg optimised": {**JPEG, "optimize": True},
    "jpeg progressive and optimised": {**JPEG, "optimize": True, "progressive": True},
    **{f"avif {effort}": {**AVIF, "speed": 10 - effort} for effort in (4, 3, 2)},
    **{f"png {effort}": {"compress_level": effort} for effort in (9, 6, 3)},
}
SLOW = ("avif", "png")
SLOW_WIDTH = "640"
"""The only width at which the slow formats are measured."""


def main(folder: str) -> None:
    """Encode each file at each effort."""
    pictures = []
    for file in sorted(Path(folder).glob("*.png")):
        with Image.open(file) as image:
            pictures.append((file.stem.rpartition("-")[2], image.convert("RGB")))
    answer = {}
    for name, options in CODINGS.items():
        format = name.partition(" ")[0]
        used, size, alike = 0.0, 0, []
        for width, picture in pictures:
            if format not in SLOW or width == SLOW_WIDTH:
                content = io.BytesIO()
                began = time.process_time()
                picture.save(content, format, **options)
                used += time.process_time() - began
                size += len(content.getvalue())
                with Image.open(content) as decoded:
                    alike.append(ssim(decoded.convert("L"), picture.convert("L")))
        answer[name] = {"s of CPU": used, "bytes": size, "SSIM": statistics.mean(alike)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
