"""Positional encoding of voxel coordinates in integers, so that training and coding feed networks the same numbers.

1. Normalise: ``u = ((grid - origin) * multiplier) >> 32`` with ``multiplier = (2**48 - 1) // (extent + 1)`` and
   ``extent`` the longest edge of the anchors' bounding box in voxels. One multiplier for the three axes keeps the
   scene's proportions. u is in 0 .. 65535.
2. Octave l: ``phase = ((u << l) & 0xffff) >> 6``, a 1024th of a turn; sine ``S[phase]`` by table, cosine
   ``S[(phase + 256) & 1023]``. Amplitude 511.
3. Columns: for x, then y, then z: sines of all octaves, cosines of all octaves. Then the three normalised coordinates
   ``((u - 32768) * 511) >> 15`` in -511 .. 510. They tell the two ends of the scene apart, which octave 0, a full turn,
   maps onto each other.

Floating-point networks take these integers divided by 511.
"""

from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.core.shapes import Int, Int64
from csgaussian_ns.format.tables import integers

AMPLITUDE = 511
OCTAVES = 10
CHANNELS = 3 * (2 * OCTAVES + 1)
MAX_EXTENT = (1 << 31) - 1
_COORDINATE_BITS = 16
_SHIFT = 32
_TABLE_BITS = 10


@dataclass(frozen=True)
class VoxelBox:
    """Bounding box of the anchors: where u starts and how far it reaches.

    Attributes:
        origin: Smallest voxel coordinate per axis.
        extent: Longest edge, largest minus smallest coordinate, 0 .. 2**31 - 1.
    """

    origin: tuple[int, int, int]
    extent: int

    def __post_init__(self) -> None:
        if not 0 <= self.extent <= MAX_EXTENT:
            raise QuantisationError(f"extent of the voxel box must lie in 0..{MAX_EXTENT}, got {self.extent}")

    @property
    def multiplier(self) -> int:
        """Factor from voxels to 1/2**32 of a unit of u; ``extent * multiplier < 2**48``."""
        return ((1 << (_COORDINATE_BITS + _SHIFT)) - 1) // (self.extent + 1)


def normalise(grid: Int[np.ndarray, "A 3"], box: VoxelBox) -> Int64[np.ndarray, "A 3"]:
    """Coordinates u in 0 .. 65535. Voxels outside the box are moved to its border."""
    return ((grid.astype(np.int64) - np.array(box.origin)).clip(0, box.extent) * box.multiplier) >> _SHIFT


def encode_positions(grid: Int[np.ndarray, "A 3"], box: VoxelBox) -> Int64[np.ndarray, "A inputs"]:
    """Network inputs in -511 .. 511 for each voxel, ``CHANNELS`` of them; the module's docstring defines every bit.

    Args:
        grid: Voxel coordinates.
        box: Box of all anchors of the scene, not of a part.
    """
    table, u = integers("sines.bin"), normalise(grid, box)
    phase = ((u[:, :, None] << np.arange(OCTAVES)) & 0xFFFF) >> (_COORDINATE_BITS - _TABLE_BITS)
    turns = np.concatenate([phase, (phase + len(table) // 4) & (len(table) - 1)], axis=2)
    centred = ((u - (1 << (_COORDINATE_BITS - 1))) * AMPLITUDE) >> (_COORDINATE_BITS - 1)
    return np.concatenate([table[turns.reshape(len(grid), CHANNELS - 3)], centred], axis=1)
