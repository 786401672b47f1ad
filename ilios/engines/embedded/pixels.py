"""Turning images of any kind into what is read and shown: 8 bits, square pixels, on white."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageChops, ImageCms
from PIL.TiffImagePlugin import TiffImageFile

DPI_RANGE: Final = (30, 2400)
"""Other resolutions are nonsense, as some programs write it."""
SQUARE_RATIO: Final = 1.1
"""Pixels are called square up to this ratio of their sides."""
OBLONG_RATIO: Final = 4.0
"""No device has pixels that are longer: the resolution is nonsense."""
DEPTH_AT_LEAST: Final = 2048
"""Levels of a 16-bit image that are spread at least: fewer are the noise of an even surface."""


def resolution(image: Image.Image) -> tuple[float, float] | None:
    """Return dots per inch across and down; None when the file declares none or nonsense.

    A file that declares only how long its pixels are gets a resolution of that ratio, at 72 dpi.
    """
    across, down = _numbers(image.info.get("dpi"))
    if not across and image.info.get("jfif_unit") == 0:
        across, down = _ratio(image.info.get("jfif_density"))
    if not across:
        across, down = _ratio(image.info.get("aspect") or image.info.get("resolution"))
    low, high = DPI_RANGE
    if not (low <= across <= high and low <= down <= high):
        return None
    if isinstance(image, TiffImageFile) and image.tag_v2.get(ExifTags.Base.Orientation, 1) > 4:
        return down, across  # Pillow has turned the image, but not what the file says of it
    return across, down


def oblongness(dpi: tuple[float, float] | None) -> float:
    """Return how many times as high as wide a pixel is; 1.0 when the ratio is no real one."""
    ratio = dpi[0] / dpi[1] if dpi else 1.0
    is_square = 1 / SQUARE_RATIO < ratio < SQUARE_RATIO
    return 1.0 if is_square or not 1 / OBLONG_RATIO <= ratio <= OBLONG_RATIO else ratio


def squared(image: Image.Image, ratio: float) -> Image.Image:
    """Lengthen the shorter side, so that pixels which are `ratio` times as high as wide fit.

    Else the letters of a fax are read squeezed.
    """
    if ratio == 1:
        return image
    size = (round(image.width * max(1 / ratio, 1)), round(image.height * max(ratio, 1)))
    return eight_bits(image).resize(size, Image.Resampling.BICUBIC)


def eight_bits(image: Image.Image) -> Image.Image:
    """Return an image with 8 bits a channel and grey instead of black and white."""
    if image.mode.startswith(("I", "F")):
        floor = DEPTH_AT_LEAST if image.mode.startswith("I;16") else 1
        return Image.fromarray(_spread(np.nan_to_num(np.asarray(image, np.float32)), floor))
    return image.convert("L") if image.mode == "1" else image


def on_white(image: Image.Image) -> Image.Image:
    """Return an image in RGB; what is transparent is white, or black behind white drawings."""
    drawn = shown(image)
    if drawn.mode == "RGB":
        return drawn
    white = _over("white", drawn)
    is_invisible = ImageChops.invert(white).getbbox() is None
    return _over("black", drawn) if is_invisible and drawn.getchannel("A").getbbox() else white


def shown(image: Image.Image) -> Image.Image:
    """Return an image as screens show it: in RGB, or RGBA where something is transparent."""
    image = eight_bits(image)
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _over(colour: str, layered: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", layered.size, colour)
    return Image.alpha_composite(ground, layered).convert("RGB")


def _spread(values: NDArray[np.float32], floor: int) -> NDArray[np.uint8]:
    low = float(values.min())
    span = max(float(values.max()) - low, floor)
    return np.asarray((values - low) * (255 / span), np.uint8)


def _numbers(value: Any) -> tuple[float, float]:
    try:
        return float(value[0]), float(value[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return 0.0, 0.0


def _ratio(value: Any) -> tuple[float, float]:
    across, down = _numbers(value)
    shorter = min(across, down)
    return (72 * across / shorter, 72 * down / shorter) if shorter > 0 else (0.0, 0.0)
