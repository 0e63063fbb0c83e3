"""Planes along the axes, in two resolutions: the hyperprior of CAT-3DGS (arXiv 2503.00357), sized by the scene.

As there: planes quantised to 1/16, base resolution sqrt(anchors / 36) and its double, bilinear interpolation, the
planes' own rate in the loss. Different: positions are those of the common box instead of a principal-axes frame; a
Laplacian per plane and channel estimates the rate in training, and an adaptive mixture of contexts codes (where
CAT-3DGS trains an autoregressive network for both); fewer channels, since their network is paid for here.
"""

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.entropy.encoding import DEFAULT_SIZE
from csgaussian_ns.entropy.interpolated import InterpolatedEncoding
from csgaussian_ns.entropy.likelihood import laplacian_bits
from csgaussian_ns.format.networks.encodings import IntegerTriplane
from csgaussian_ns.format.networks.lattice import MAX_LOG2_ROWS, PLANES, Lattice
from csgaussian_ns.quant.rounding import straight_through

CHANNELS = 8
"""Per plane. CAT-3DGS has 72 for scenes of 500 k anchors. On bonsai (30 k) 16 save 1 kB, and cost 4."""
ANCHORS_PER_NODE = 36
STEP = 1 / 16
SPREAD = 0.25
"""Planes start uniform in +- this: from nearly 0 (0.04) they cost 1.5 % more of bonsai's attributes after 300 steps."""
MIN_SPREAD = 0.02
"""Smallest mean magnitude that the rate estimate believes in, in steps."""


class TriplaneEncoding(InterpolatedEncoding):
    """Three planes of two resolutions."""

    CODED, NUMBER_UNIT, UNIT = IntegerTriplane, STEP, STEP / IntegerTriplane.GAIN

    def __init__(self, size: int = DEFAULT_SIZE) -> None:
        """Planes for about ``2**size`` anchors."""
        base = max(round((2**size / ANCHORS_PER_NODE) ** 0.5), 2)
        super().__init__((Lattice(PLANES, CHANNELS, MAX_LOG2_ROWS, (base, 2 * base)),), SPREAD)

    def numbers(self, table: Float[Tensor, "rows C"]) -> Float[Tensor, "rows C"]:
        """Rounded to steps."""
        inside = table / STEP
        return straight_through(inside, inside.round().clamp(-IntegerTriplane.LARGEST, IntegerTriplane.LARGEST))

    def number_bits(self, numbers: Float[Tensor, "rows C"]) -> Float[Tensor, ""]:
        """Under one Laplacian per channel."""
        spread = numbers.detach().abs().mean(dim=0, keepdim=True).clamp(min=MIN_SPREAD).expand_as(numbers)
        return laplacian_bits(numbers, spread, torch.ones_like(numbers)).sum()
