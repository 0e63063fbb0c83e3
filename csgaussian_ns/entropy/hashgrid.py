"""Signs in hash tables of grids in space and in planes: the hyperprior of HAC (arXiv 2403.14530), sized by the scene.

As there: numbers are -1 or 1, a straight-through sign, 12 levels in space and 4 per plane with 4 channels each, and
the entropy of the signs in the loss. Tables and resolutions are HAC's (2**13 and 2**15 rows; 18 .. 514 and 130 .. 1026
nodes) at 2**19 anchors; anchors lie on surfaces, so tables scale with their number and resolutions with its root.
"""

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.entropy.encoding import DEFAULT_SIZE
from csgaussian_ns.entropy.interpolated import InterpolatedEncoding
from csgaussian_ns.format.networks.encodings import IntegerHashgrid
from csgaussian_ns.format.networks.lattice import PLANES, SPACE, Lattice
from csgaussian_ns.quant.rounding import clamp_inward, straight_through

SOURCE_SIZE = 19
SPACE_RESOLUTIONS = (18, 24, 33, 44, 59, 80, 108, 148, 201, 275, 376, 514)
PLANE_RESOLUTIONS = (130, 258, 514, 1026)
SPACE_ROWS, PLANE_ROWS = 13, 15
"""log2, at ``SOURCE_SIZE``."""
CHANNELS = 4
SPREAD = 1e-4


class HashgridEncoding(InterpolatedEncoding):
    """A mix of space and planes."""

    CODED, NUMBER_UNIT = IntegerHashgrid, 1.0

    def __init__(self, size: int = DEFAULT_SIZE) -> None:
        """Tables for about ``2**size`` anchors, signs at random."""
        space, planes = (_scaled(all_, size) for all_ in (SPACE_RESOLUTIONS, PLANE_RESOLUTIONS))
        space_rows, plane_rows = (max(rows + size - SOURCE_SIZE, 1) for rows in (SPACE_ROWS, PLANE_ROWS))
        lattices = (Lattice(SPACE, CHANNELS, space_rows, space), Lattice(PLANES, CHANNELS, plane_rows, planes))
        super().__init__(lattices, SPREAD)

    def numbers(self, table: Float[Tensor, "rows C"]) -> Float[Tensor, "rows C"]:
        """Signs. Parameters are held within +-1: none drifts so far that it could not change its sign any more."""
        return straight_through(clamp_inward(table, -1.0, 1.0), torch.where(table >= 0, 1.0, -1.0))

    def number_bits(self, numbers: Float[Tensor, "rows C"]) -> Float[Tensor, ""]:
        """Entropy of the share of ones in each channel."""
        ones = ((numbers + 1) / 2).mean(dim=0).clamp(1e-4, 1 - 1e-4)
        entropy = -ones * torch.log2(ones) - (1 - ones) * torch.log2(1 - ones)
        return entropy.sum() * len(numbers)


def _scaled(resolutions: tuple[int, ...], size: int) -> tuple[int, ...]:
    return tuple(max(round(resolution * 2 ** ((size - SOURCE_SIZE) / 2)), 2) for resolution in resolutions)
