"""Depth images: ``depth_file_path`` of a frame, as nerfstudio reads them."""

from pathlib import Path

import numpy as np
from PIL import Image

from csgaussian_ns.capture.photos import UNREADABLE
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float32

KEY = "depth_file_path"
UNIT = 1e-3
"""Of their numbers, in units of the poses, as nerfstudio takes it by default."""


def read_depth(path: Path) -> Float32[np.ndarray, "H W"]:
    """Depths along the optical axis, in units of the poses; 0 where nothing is known.

    Args:
        path: A PNG file of 16 bits.

    Raises:
        DataError: It cannot be read, or holds no depths.
    """
    try:
        with Image.open(path) as picture:
            values = np.asarray(picture)
    except UNREADABLE as error:
        raise DataError(f"the depths {path} cannot be read: {error}. Restore them or remove '{KEY}'") from error
    if values.ndim != 2 or values.dtype.kind not in "iuf" or values.dtype.itemsize < 2:
        raise DataError(
            f"the depths {path} are of shape {values.shape} and type {values.dtype}; expected one number of at least "
            f"16 bits for each pixel. Restore them or remove '{KEY}'"
        )
    depths = values.astype(np.float32) * UNIT
    return np.where(np.isfinite(depths) & (depths > 0), depths, np.float32(0))
