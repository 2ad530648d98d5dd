"""A picture made on the spot, to show that the pipeline works."""

import io

from PIL import Image, ImageDraw


def sample_picture() -> bytes:
    """A small JPEG with something to see in it."""
    picture = Image.linear_gradient("L").resize((1600, 1000))
    picture = Image.merge("RGB", (picture, picture.transpose(Image.Transpose.ROTATE_180), picture))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((500, 200, 1100, 800), fill="#f4c542")
    draw.text((800, 500), "hello", fill="#222222", anchor="mm", font_size=160)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
