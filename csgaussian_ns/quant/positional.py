"""Positional encoding of voxel coordinates in integers, so that training and coding feed networks the same numbers.

1. Normalise: ``u = ((grid - origin) * multiplier) >> 32`` with ``multiplier = (2**48 - 1) // (extent + 1)`` and
   ``extent`` the longest edge of the anchors' bounding box in voxels. One multiplier for the three axes keeps the
   scene's proportions. u is in 0 .. 65535.
2. Octave l: ``phase = ((u << l) & 0xffff) >> 6``, a 1024th of a turn; sine ``SINE_TABLE[phase]``, cosine
   ``SINE_TABLE[(phase + 256) & 1023]``. Amplitude 511.
3. Columns: for x, then y, then z: sines of octaves 0 .. L-1, cosines of octaves 0 .. L-1. Then, if asked for, the
   three normalised coordinates ``((u - 32768) * 511) >> 15`` in -511 .. 510. They tell the two ends of the scene
   apart, which octave 0, a full turn, maps onto each other.

Floating-point networks take these integers divided by 511.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int, Int32, Int64
from torch import Tensor

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.quant.tables import SINE_TABLE

AMPLITUDE = 511
DEFAULT_OCTAVES = 10
MAX_OCTAVES = 16
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


def voxel_box(grid: Int[Tensor, "A 3"]) -> VoxelBox:
    """Box of the given voxel coordinates; of none at all, a single voxel at the origin."""
    if len(grid) == 0:
        return VoxelBox((0, 0, 0), 0)
    wide = grid.to(torch.int64)
    x, y, z = wide.amin(dim=0).tolist()
    return VoxelBox((x, y, z), int((wide.amax(dim=0) - wide.amin(dim=0)).max()))


def normalise(grid: Int[Tensor, "A 3"], box: VoxelBox) -> Int64[Tensor, "A 3"]:
    """Coordinates u in 0 .. 65535. Voxels outside the box are moved to its border."""
    origin = torch.tensor(box.origin, dtype=torch.int64, device=grid.device)
    return ((grid.to(torch.int64) - origin).clamp(0, box.extent) * box.multiplier) >> _SHIFT


def encode_positions(
    grid: Int[Tensor, "A 3"], box: VoxelBox, octaves: int = DEFAULT_OCTAVES, with_coordinates: bool = True
) -> Int32[Tensor, "A inputs"]:
    """Network inputs in -511 .. 511 for each voxel; the module's docstring defines every bit.

    Args:
        grid: Voxel coordinates.
        box: Box of all anchors of the scene, not of a part.
        octaves: Number of frequencies L, 1 .. 16. Octave l has a wavelength of 2**-l of the longest edge.
        with_coordinates: Append the three normalised coordinates.

    Returns:
        ``6 * octaves`` columns, and three more with coordinates.

    Raises:
        ValueError: ``octaves`` is out of range.
    """
    if not 1 <= octaves <= MAX_OCTAVES:
        raise ValueError(f"octaves must lie in 1..{MAX_OCTAVES}, got {octaves}")
    table = _device_sine(grid.device)
    u = normalise(grid, box)
    turned = u[:, :, None] << torch.arange(octaves, device=grid.device)
    phase = (turned & 0xFFFF) >> (_COORDINATE_BITS - _TABLE_BITS)
    columns = torch.cat([table[phase], table[(phase + len(table) // 4) & (len(table) - 1)]], dim=-1).flatten(1)
    if with_coordinates:
        centred = ((u - (1 << (_COORDINATE_BITS - 1))) * AMPLITUDE) >> (_COORDINATE_BITS - 1)
        columns = torch.cat([columns, centred.to(torch.int32)], dim=1)
    return columns


def real_inputs(integers: Int[Tensor, "A inputs"]) -> Float[Tensor, "A inputs"]:
    """The same inputs for a floating-point network: divided by 511, so in -1 .. 1."""
    return integers.to(torch.float32) / AMPLITUDE


@lru_cache(maxsize=16)
def _device_sine(device: torch.device) -> Int32[Tensor, " entries"]:
    return torch.tensor(SINE_TABLE.tolist(), dtype=torch.int32, device=device)
