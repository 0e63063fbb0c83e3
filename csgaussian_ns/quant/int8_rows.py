"""Weights in 8 bits, one scale per row: one grid for training and for the file, so that neither surprises the other."""

import torch
from jaxtyping import Float, Int8
from torch import Tensor

WEIGHT_LIMIT = 127
SMALLEST_ROW = 1e-12
"""Rows of zeros get a scale too."""


def to_int8(
    weight: Float[Tensor, "outputs inputs"],
) -> tuple[Float[Tensor, " outputs"], Int8[Tensor, "outputs inputs"]]:
    """Scale of each row, such that its largest weight becomes ``WEIGHT_LIMIT``, and the integers (halves to even)."""
    scale = weight.detach().abs().amax(dim=1).clamp(min=SMALLEST_ROW) / WEIGHT_LIMIT
    integers = (weight.detach() / scale[:, None]).round().clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT)
    return scale, integers.to(torch.int8)


def on_int8_grid(weight: Float[Tensor, "outputs inputs"]) -> Float[Tensor, "outputs inputs"]:
    """The weights that a decoder reads, with a straight-through gradient: training in the rounding stage sees them."""
    scale, integers = to_int8(weight)
    return weight + (integers * scale[:, None] - weight).detach()
