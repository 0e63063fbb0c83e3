"""The prior of a value in training; what it is about, ``format.attributes`` says."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from csgaussian_ns.format.attributes import ChannelLayout


def per_channel(layout: ChannelLayout, per_type: Float[Tensor, "*batch T"]) -> Float[Tensor, "*batch D"]:
    """Repeat one value per attribute type over the channels of the type."""
    parts = [per_type[..., i : i + 1].expand(*per_type.shape[:-1], size) for i, size in enumerate(layout.sizes)]
    return torch.cat(parts, dim=-1)


class Prior(NamedTuple):
    """What is expected of an anchor's channels by the hyperprior alone.

    Attributes:
        mean: Expected value, in base steps.
        log_scale: log2 of the spread, in base steps: standard deviation of a Gaussian (feature, scaling), mean
            absolute deviation of a Laplacian (offset: they have heavy tails).
        raw_step: Logit of each type's step, see ``quant.steps.step_from_raw``.
    """

    mean: Float[Tensor, "A D"]
    log_scale: Float[Tensor, "A D"]
    raw_step: Float[Tensor, "A T"]
