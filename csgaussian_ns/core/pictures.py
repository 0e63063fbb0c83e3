"""Pictures for people: several images of one view side by side, each with its name."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from csgaussian_ns.core.shapes import Float, Integer, UInt8

STRIP = 20
"""Height of the strip that carries the names, in pixels."""


def side_by_side(images: dict[str, Float[np.ndarray, "H W 3"]]) -> UInt8[np.ndarray, "rows columns 3"]:
    """All ``images`` (RGB in [0, 1], same size) in one row under their names."""
    return np.concatenate([_labelled(name, image) for name, image in images.items()], axis=1)


def _labelled(name: str, image: Float[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "rows W 3"]:
    pixels = (image.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    strip = Image.new("RGB", (pixels.shape[1], STRIP), "white")
    ImageDraw.Draw(strip).text((4, 3), name, fill="black", font=ImageFont.load_default())
    return np.concatenate([np.asarray(strip), pixels], axis=0)


def tinted(
    image: Float[np.ndarray, "H W 3"], labels: Integer[np.ndarray, "H W"], strength: float = 0.55
) -> Float[np.ndarray, "H W 3"]:
    """``image`` (RGB in [0, 1]) with a colour of its own over the pixels of each label from 1 on."""
    result = image.clip(0, 1)
    for number in np.unique(labels).tolist():
        if number > 0:
            chosen = labels == number
            result[chosen] = (1 - strength) * result[chosen] + strength * np.array(label_colour(number), image.dtype)
    return result


def label_colour(number: int) -> tuple[float, float, float]:
    """RGB in [0, 1] of a label; neighbouring numbers differ most (hues a golden ratio apart)."""
    return colorsys.hsv_to_rgb(0.618034 * number % 1.0, 0.85, 1.0 if number % 2 else 0.75)
