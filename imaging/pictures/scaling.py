"""Pictures in another size: premultiplied where they have alpha, and averaged first where they shrink a lot."""

from PIL import Image

from imaging.recipe.geometry import Size

GAP = 3.0
"""How far above the wanted size averaging whole pixels stops and resampling goes on. The eye sees no difference."""
PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}
"""Modes in which a hidden colour weighs nothing."""


def scaled(
    image: Image.Image,
    size: Size,
    resample: Image.Resampling = Image.Resampling.LANCZOS,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """What `box` holds of the picture (all of it when None), in `size` pixels."""
    if premultiplied := PREMULTIPLIED.get(image.mode):
        return scaled(image.convert(premultiplied), size, resample, box).convert(image.mode)
    return image.resize(size, resample, box, reducing_gap=GAP)
