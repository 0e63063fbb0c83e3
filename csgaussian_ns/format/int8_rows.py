"""Weights in 8 bits or fewer, one scale per row.

Fewer bits are the same bytes with smaller integers in them; what is left over, deflate saves.
"""

import numpy as np

from csgaussian_ns.core.shapes import Float32, Int8

SMALLEST_ROW = 1e-12
"""Rows of zeros get a scale too."""


def weight_limit(bits: int) -> int:
    """Largest integer of a weight with so many bits (2 to 8), sign included."""
    return (1 << (bits - 1)) - 1


def to_int8(
    weight: Float32[np.ndarray, "outputs inputs"], bits: int = 8
) -> tuple[Float32[np.ndarray, " outputs"], Int8[np.ndarray, "outputs inputs"]]:
    """Scale of each row, such that its largest weight becomes ``weight_limit(bits)``; integers, halves to even."""
    limit = weight_limit(bits)
    scale = np.maximum(np.abs(weight).max(axis=1), np.float32(SMALLEST_ROW)) / np.float32(limit)
    return scale, np.rint(weight / scale[:, None]).clip(-limit, limit).astype(np.int8)
