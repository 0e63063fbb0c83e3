"""Sines and cosines of the position: the encoding of CSGaussian (4.2), in training as in coding that of ``quant``."""

from jaxtyping import Float, Int
from torch import Tensor

from csgaussian_ns.entropy.encoding import IntegerEncoding, SpatialEncoding
from csgaussian_ns.quant.positional import DEFAULT_OCTAVES, encode_positions, real_inputs


class IntegerInr(IntegerEncoding):
    """``quant.positional``."""

    KIND = 0

    @property
    def channels(self) -> int:
        """Sine and cosine per axis and octave, and three coordinates."""
        return 6 * DEFAULT_OCTAVES + 3

    def __call__(self, grid: Int[Tensor, "A 3"]) -> Int[Tensor, "A E"]:
        """See ``encode_positions``."""
        return encode_positions(grid, self.box)


class InrEncoding(SpatialEncoding):
    """Nothing to learn: the network behind it is an implicit function of the position."""

    @property
    def channels(self) -> int:
        """Those of ``IntegerInr``."""
        return 6 * DEFAULT_OCTAVES + 3

    def places(self, grid: Int[Tensor, "A 3"]) -> tuple[Float[Tensor, "A E"]]:
        """The encoding itself."""
        return (real_inputs(encode_positions(grid, self.box)),)

    def encode(self, *places: Tensor) -> Float[Tensor, "A E"]:
        """Known already."""
        return places[0]

    def integers(self, grid: Int[Tensor, "A 3"]) -> IntegerInr:
        """The same integers."""
        return IntegerInr(self.box)
