"""Pictures for people: several images of one view side by side, each with its name."""

import colorsys

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from csgaussian_ns.core.shapes import Float, Integer

STRIP = 20
"""Height of the strip that carries the names, in pixels."""


def side_by_side(images: dict[str, Float[Tensor, "H W 3"]]) -> NDArray[np.uint8]:
    """All ``images`` (RGB in [0, 1], same size) in one row under their names."""
    return np.concatenate([_labelled(name, image) for name, image in images.items()], axis=1)


def _labelled(name: str, image: Float[Tensor, "H W 3"]) -> NDArray[np.uint8]:
    pixels = (image.detach().cpu().clamp(0, 1).numpy() * 255 + 0.5).astype(np.uint8)
    strip = Image.new("RGB", (pixels.shape[1], STRIP), "white")
    ImageDraw.Draw(strip).text((4, 3), name, fill="black", font=ImageFont.load_default())
    return np.concatenate([np.asarray(strip), pixels], axis=0)


def tinted(
    image: Float[Tensor, "H W 3"], labels: Integer[Tensor, "H W"], strength: float = 0.55
) -> Float[Tensor, "H W 3"]:
    """``image`` (RGB in [0, 1]) with a colour of its own over the pixels of each label from 1 on."""
    numbers = torch.unique(labels).tolist()
    result = image.detach().cpu().clamp(0, 1).clone()
    for number in numbers:
        if number > 0:
            chosen = labels.cpu() == number
            result[chosen] = (1 - strength) * result[chosen] + strength * torch.tensor(label_colour(number))
    return result


def label_colour(number: int) -> tuple[float, float, float]:
    """RGB in [0, 1] of a label; neighbouring numbers differ most (hues a golden ratio apart)."""
    return colorsys.hsv_to_rgb(0.618034 * number % 1.0, 0.85, 1.0 if number % 2 else 0.75)
