"""Pictures as PNG files."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from csgaussian_ns.core.files import replace_file
from csgaussian_ns.core.shapes import Shaped


def png(pixels: Shaped[np.ndarray, "H W *C"]) -> bytes:
    """A picture, as a PNG file.

    Args:
        pixels: uint8, grey, RGB or RGBA; or uint16, grey.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def write_png(path: Path, pixels: Shaped[np.ndarray, "H W *C"]) -> None:
    """Write a picture; at any moment the old one, the complete new one, or none is there.

    Raises:
        ConfigError: It cannot be written.
    """
    replace_file(path, png(pixels))
