"""The canonical order of anchors: Morton order (z-order) of their voxel coordinates.

The key interleaves the coordinates' bits, most significant first and x before y before z: bit ``b`` of x becomes bit
``3 b + 2`` of the key, of y bit ``3 b + 1``, of z bit ``3 b``. Points of one cell of any octree level are neighbours in
this order, so a run of consecutive anchors is a compact piece of space.
"""

import numpy as np

from csgaussian_ns.core.shapes import Int32, Int64, Integer, UInt64

MAX_BITS = 21
"""Bits per coordinate: three of them fill 63 bits, so that keys are exact in signed 64-bit integers too."""

MAX_ORIGIN = 1 << 30
"""Bound on the origin's coordinates; with ``MAX_BITS`` on top they stay far inside an int32."""

# Shift and mask that move each bit 3 b apart from its neighbours, doubling the number of separate groups at each step.
_SPREAD = (
    (32, 0x001F00000000FFFF),
    (16, 0x001F0000FF0000FF),
    (8, 0x100F00F00F00F00F),
    (4, 0x10C30C30C30C30C3),
    (2, 0x1249249249249249),
)


def morton_key(grid: Integer[np.ndarray, "N 3"]) -> UInt64[np.ndarray, " N"]:
    """Morton keys of voxel coordinates.

    Args:
        grid: Voxel coordinates ``x y z``, each in ``[0, 2^21)``.

    Returns:
        Keys below ``2^63``; distinct exactly where the coordinates are.

    Raises:
        ValueError: A coordinate is negative or needs more than 21 bits.
    """
    if grid.size and (grid.min() < 0 or grid.max() >= 1 << MAX_BITS):
        raise ValueError(
            f"voxel coordinates must lie in [0, {1 << MAX_BITS}); these span [{grid.min()}, {grid.max()}]. "
            "Subtract the smallest coordinates, or use larger voxels."
        )
    key = np.zeros(len(grid), np.uint64)
    for axis in range(3):
        bits = grid[:, axis].astype(np.uint64)
        for shift, mask in _SPREAD:
            bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
        key |= bits << np.uint64(2 - axis)
    return key


def morton_cells(key: UInt64[np.ndarray, " N"] | Int64[np.ndarray, " N"]) -> Int32[np.ndarray, "N 3"]:
    """Voxel coordinates of Morton keys below ``2^63``: the inverse of ``morton_key``."""
    grid = np.empty((len(key), 3), np.int32)
    for axis in range(3):
        bits = (key.astype(np.uint64) >> np.uint64(2 - axis)) & np.uint64(_SPREAD[-1][1])
        for (shift, _), (_, mask) in zip(_SPREAD[::-1], (*_SPREAD[-2::-1], (0, (1 << MAX_BITS) - 1)), strict=True):
            bits = (bits | (bits >> np.uint64(shift))) & np.uint64(mask)
        grid[:, axis] = bits
    return grid


def morton_order(grid: Integer[np.ndarray, "N 3"]) -> Int64[np.ndarray, " N"]:
    """Permutation that sorts voxel coordinates into Morton order; equal coordinates keep their order.

    Args:
        grid: Voxel coordinates, each in ``[0, 2^21)``.

    Returns:
        Indices such that ``grid[order]`` is sorted.

    Raises:
        ValueError: As ``morton_key``.
    """
    return np.argsort(morton_key(grid), kind="stable")
