"""Weights in 8 bits or fewer, one scale per row: the grid of ``format.int8_rows`` while training."""

from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.format.int8_rows import SMALLEST_ROW, weight_limit


def on_int8_grid(weight: Float[Tensor, "outputs inputs"], bits: int = 8) -> Float[Tensor, "outputs inputs"]:
    """The weights that a decoder reads, with a straight-through gradient: training in the rounding stage sees them."""
    limit, exact = weight_limit(bits), weight.detach()
    scale = exact.abs().amax(dim=1, keepdim=True).clamp(min=SMALLEST_ROW) / limit
    return weight + ((exact / scale).round().clamp(-limit, limit) * scale - weight).detach()
