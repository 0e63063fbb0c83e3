"""Weights in 8 bits or fewer, one scale per row: one grid for training and for the file, so that both see the same.

Fewer bits are the same bytes with smaller integers in them; what is left over, deflate saves.
"""

import torch
from jaxtyping import Float, Int8
from torch import Tensor

SMALLEST_ROW = 1e-12
"""Rows of zeros get a scale too."""


def weight_limit(bits: int) -> int:
    """Largest integer of a weight with so many bits (2 to 8), sign included."""
    return (1 << (bits - 1)) - 1


def to_int8(
    weight: Float[Tensor, "outputs inputs"], bits: int = 8
) -> tuple[Float[Tensor, " outputs"], Int8[Tensor, "outputs inputs"]]:
    """Scale of each row, such that its largest weight becomes ``weight_limit(bits)``; integers, halves to even."""
    limit = weight_limit(bits)
    scale = weight.detach().abs().amax(dim=1).clamp(min=SMALLEST_ROW) / limit
    integers = (weight.detach() / scale[:, None]).round().clamp(-limit, limit)
    return scale, integers.to(torch.int8)


def on_int8_grid(weight: Float[Tensor, "outputs inputs"], bits: int = 8) -> Float[Tensor, "outputs inputs"]:
    """The weights that a decoder reads, with a straight-through gradient: training in the rounding stage sees them."""
    scale, integers = to_int8(weight, bits)
    return weight + (integers * scale[:, None] - weight).detach()
