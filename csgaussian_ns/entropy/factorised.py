"""No position at all: one prior per channel and one step per type for the whole scene. The baseline of the others."""

import numpy as np
from torch import Tensor

from csgaussian_ns.core.shapes import Float, Float32, Int
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.format.networks.encodings import IntegerFactorised


class FactorisedEncoding(SpatialEncoding):
    """One channel that is always 1."""

    CODED, CONSTANT = IntegerFactorised, True

    @property
    def channels(self) -> int:
        """That of ``IntegerFactorised``."""
        return 1

    def places(self, grid: Int[np.ndarray, "A 3"]) -> tuple[Float32[np.ndarray, "A 1"]]:
        """The channel itself."""
        return (np.ones((len(grid), 1), np.float32),)

    def encode(self, *places: Tensor) -> Float[Tensor, "A 1"]:
        """Known already."""
        return places[0]
