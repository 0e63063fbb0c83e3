"""Where an anchor is, as the input of a hyperprior: the integers of ``quant.positional``, in training as in coding."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csgaussian_ns.quant.positional import DEFAULT_OCTAVES, VoxelBox, encode_positions, real_inputs

MIDDLE = 0.96
"""Share of the anchors, per axis, that the encoded box spans. Captures have far outliers; they go to its border."""


class PositionalEncoding(nn.Module):
    """The encoding of every anchor of a scene, computed once per set of anchors.

    Attributes:
        corner: Smallest voxel of the box ``[3]``.
        extent: Its longest edge in voxels, 0-d.
    """

    corner: Int[Tensor, "3"]
    extent: Int[Tensor, ""]

    def __init__(self) -> None:
        """A box of one voxel, until ``fit``."""
        super().__init__()
        self.register_buffer("corner", torch.zeros(3, dtype=torch.int64))
        self.register_buffer("extent", torch.zeros((), dtype=torch.int64))
        self._known: tuple[Tensor, Tensor] | None = None

    @property
    def channels(self) -> int:
        """Inputs of the network that reads the encoding."""
        return 6 * DEFAULT_OCTAVES + 3

    @property
    def box(self) -> VoxelBox:
        """The box as coding needs it."""
        x, y, z = self.corner.tolist()
        return VoxelBox((x, y, z), int(self.extent))

    def fit(self, grid: Int[Tensor, "A 3"]) -> None:
        """Choose the box from the anchors of a scene."""
        ordered = grid.sort(dim=0).values.to(torch.int64)
        first = int((1 - MIDDLE) / 2 * (len(grid) - 1))
        self.corner = ordered[first].clone()
        self.extent = (ordered[len(grid) - 1 - first] - self.corner).max()
        self._known = None

    def forward(self, grid: Int[Tensor, "A 3"]) -> Float[Tensor, "A E"]:
        """The encoding of every anchor; kept until another tensor comes."""
        if self._known is None or self._known[0] is not grid:
            self._known = (grid, real_inputs(encode_positions(grid, self.box)))
        return self._known[1]
