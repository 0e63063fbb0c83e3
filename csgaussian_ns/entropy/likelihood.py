"""Code lengths of values under a Gaussian or Laplacian prior."""

import math

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.streams.symbol_tables import GAUSSIAN, LAPLACE

MIN_MASS = 1e-6
"""Smallest probability of a bin in training: 20 bits, about what an escape costs in the file."""
TAIL_SLOPE = 0.3
"""Bits per unit of normalised distance added beyond the reach of float32's erfc, so that far values are pulled back."""
TAIL_START = 3.3


def gaussian_bits(
    residual: Float[Tensor, "*shape"], scale: Float[Tensor, "*shape"], step: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Bits of a value in a bin of width ``step`` around it, standard deviation ``scale`` (CSGaussian, section 4.2).

    Args:
        residual: Value minus mean.
        scale: Standard deviation, > 0, same unit.
        step: Bin width, > 0, same unit.
    """
    distance = residual.abs()
    inverse = 1 / (scale * math.sqrt(2))
    near, far = (distance - step / 2) * inverse, (distance + step / 2) * inverse
    mass = 0.5 * (torch.erfc(near) - torch.erfc(far))
    return -torch.log2(mass.clamp(min=MIN_MASS)) + TAIL_SLOPE * torch.relu(near - TAIL_START)


def laplacian_bits(
    residual: Float[Tensor, "*shape"], scale: Float[Tensor, "*shape"], step: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Bits of a value in a bin of width ``step`` around it, mean absolute deviation ``scale``."""
    distance, half = residual.abs() / scale, step / (2 * scale)
    # Outside the centre bin: exp(-distance) * sinh(half); inside: 1 - exp(-half) * cosh(distance). In logs: far tails
    # keep their gradient.
    outside = -distance + half + torch.log(-torch.expm1(-2 * half)) - math.log(2)
    within = torch.minimum(distance, half)
    inside = torch.log1p(-0.5 * (torch.exp(within - half) + torch.exp(-within - half)))
    return -torch.where(distance >= half, outside, inside) / math.log(2)


_BITS = {GAUSSIAN: gaussian_bits, LAPLACE: laplacian_bits}


def code_length(
    layout: ChannelLayout, residual: Float[Tensor, "A D"], scale: Float[Tensor, "A D"], step: Float[Tensor, "A D"]
) -> Float[Tensor, "A D"]:
    """Bits of all channels, each type by the family of its tables; arguments as of these, one column per channel."""
    parts = [_BITS[family](residual[:, run], scale[:, run], step[:, run]) for run, family in layout.runs]
    return torch.cat(parts, dim=-1)
