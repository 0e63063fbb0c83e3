"""What a hyperprior knows of an anchor's place, in training; ``format.networks.encodings`` has what coding evaluates.

A hyperprior is a spatial encoding (voxel -> channels) followed by a small network (``entropy.hyperprior``). Entropy
models of the literature differ in the encoding. Each is one file here, and one line of ``entropy.registry``.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Float, Int
from csgaussian_ns.format.networks.encodings import IntegerEncoding
from csgaussian_ns.format.networks.positional import VoxelBox

MIDDLE = 0.96
"""Share of the anchors, per axis, that the encoded box spans. Captures have far outliers; they go to its border."""
DEFAULT_SIZE = 15
"""log2 of the anchors that learned encodings are sized for."""


class SpatialEncoding(nn.Module, ABC):
    """A function of the voxel, differentiable in whatever parameters it has.

    Attributes:
        corner: Smallest voxel of the box ``[3]``.
        extent: Its longest edge in voxels, 0-d.
    """

    CODED: ClassVar[type[IntegerEncoding]]
    """The same function for coding."""
    UNIT: ClassVar[float] = 1 / IntegerEncoding.LIMIT
    """What one unit of the integer encoding stands for."""
    CONSTANT: ClassVar[bool] = False
    """The same for all voxels: a network of its own would only repeat what biases can say."""

    corner: Int[Tensor, "3"]
    extent: Int[Tensor, ""]

    def __init__(self, size: int = DEFAULT_SIZE) -> None:
        """A box of one voxel, until ``fit``. What is learned is sized for about ``2**size`` anchors."""
        super().__init__()
        self.register_buffer("corner", torch.zeros(3, dtype=torch.int64))
        self.register_buffer("extent", torch.zeros((), dtype=torch.int64))
        self._known: tuple[Tensor, Any] | None = None

    @property
    @abstractmethod
    def channels(self) -> int:
        """Inputs of the network that reads the encoding."""

    @abstractmethod
    def places(self, grid: Int[np.ndarray, "A 3"]) -> tuple[np.ndarray, ...]:
        """What of the encoding does not change in training, one row per voxel."""

    @abstractmethod
    def encode(self, *places: Tensor) -> Float[Tensor, "A E"]:
        """The encoding, from rows of ``places``."""

    def integers(self, grid: Int[np.ndarray, "A 3"]) -> IntegerEncoding:
        """The encoding for coding the scene with the given voxels."""
        return self.CODED(self.box)

    def table_bits(self) -> Float[Tensor, ""]:
        """Estimated cost of the encoding's own parameters in bits, differentiable; 0 without any."""
        return torch.zeros((), device=self.corner.device)

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

    def forward(self, grid: Int[Tensor, "A 3"], index: Int[Tensor, " V"] | None = None) -> Float[Tensor, "rows E"]:
        """The encoding of all anchors, or of those of ``index``. Places are kept until another ``grid`` comes."""
        if self._known is None or self._known[0] is not grid:
            places = self.places(grid.cpu().numpy())
            self._known = (grid, tuple(torch.from_numpy(part).to(grid.device) for part in places))
        places = self._known[1]
        return self.encode(*(places if index is None else (part.index_select(0, index) for part in places)))
