"""Pictures for people: several images of one view side by side, each with its name."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

STRIP = 20
"""Height of the strip that carries the names, in pixels."""


def side_by_side(images: dict[str, Float[Tensor, "H W 3"]]) -> Image.Image:
    """All ``images`` (RGB in [0, 1], same size) in one row under their names."""
    panels = [_labelled(name, image) for name, image in images.items()]
    return Image.fromarray(np.concatenate(panels, axis=1))


def stack(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of the same width, one below the other."""
    return Image.fromarray(np.concatenate([np.asarray(picture) for picture in pictures], axis=0))


def _labelled(name: str, image: Float[Tensor, "H W 3"]) -> NDArray[np.uint8]:
    pixels = (image.detach().cpu().clamp(0, 1).numpy() * 255 + 0.5).astype(np.uint8)
    strip = Image.new("RGB", (pixels.shape[1], STRIP), "white")
    ImageDraw.Draw(strip).text((4, 3), name, fill="black", font=ImageFont.load_default())
    return np.concatenate([np.asarray(strip), pixels], axis=0)
