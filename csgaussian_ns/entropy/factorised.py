"""No position at all: one prior per channel and one step per type for the whole scene. The baseline of the others."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from csgaussian_ns.entropy.encoding import IntegerEncoding, SpatialEncoding


class IntegerFactorised(IntegerEncoding):
    """One channel that is always 511."""

    KIND = 1

    @property
    def channels(self) -> int:
        """The network needs an input to be a network."""
        return 1

    def __call__(self, grid: Int[Tensor, "A 3"]) -> Int[Tensor, "A 1"]:
        """511 for every voxel."""
        return torch.full((len(grid), 1), self.LIMIT, dtype=torch.int32, device=grid.device)


class FactorisedEncoding(SpatialEncoding):
    """One channel that is always 1."""

    CONSTANT = True

    @property
    def channels(self) -> int:
        """That of ``IntegerFactorised``."""
        return 1

    def places(self, grid: Int[Tensor, "A 3"]) -> tuple[Float[Tensor, "A 1"]]:
        """The channel itself."""
        return (torch.ones(len(grid), 1, device=grid.device),)

    def encode(self, *places: Tensor) -> Float[Tensor, "A 1"]:
        """Known already."""
        return places[0]

    def integers(self, grid: Int[Tensor, "A 3"]) -> IntegerFactorised:
        """The same, times 511."""
        return IntegerFactorised(self.box)
