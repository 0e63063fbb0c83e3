"""Pictures as text that stands in a page."""

import base64
import io

import numpy as np
from PIL import Image

from csgaussian_ns.core.shapes import Float

QUALITY = 85
"""Of JPEG: differences between a photo and its decoded picture stay visible."""


def jpeg_address(picture: Float[np.ndarray, "H W 3"]) -> str:
    """A picture (RGB in [0, 1]) as a ``data:`` address."""
    buffer = io.BytesIO()
    pixels = (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
