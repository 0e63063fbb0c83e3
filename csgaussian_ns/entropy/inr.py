"""Sines and cosines of the position: the encoding of CSGaussian (4.2), in training the very integers of coding."""

import numpy as np
from torch import Tensor

from csgaussian_ns.core.shapes import Float, Float32, Int
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.format.networks.encodings import IntegerInr
from csgaussian_ns.format.networks.positional import AMPLITUDE, CHANNELS, encode_positions


class InrEncoding(SpatialEncoding):
    """Nothing to learn: the network behind it is an implicit function of the position."""

    CODED = IntegerInr

    @property
    def channels(self) -> int:
        """Sine and cosine per axis and octave, and three coordinates."""
        return CHANNELS

    def places(self, grid: Int[np.ndarray, "A 3"]) -> tuple[Float32[np.ndarray, "A E"]]:
        """The encoding itself."""
        return (encode_positions(grid, self.box).astype(np.float32) / np.float32(AMPLITUDE),)

    def encode(self, *places: Tensor) -> Float[Tensor, "A E"]:
        """Known already."""
        return places[0]
