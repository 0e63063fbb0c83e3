"""Quantisation steps in training (source: CSGaussian 4.2, with CAT-3DGS' range); ``format.networks.steps`` codes them.

A network gives the raw step r, the mean and the log scale t; then q = 1.1 + tanh r and sigma = 2**t, all in base steps.
"""

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.format.networks.steps import RAW_STEP_BITS, RAW_STEP_LIMIT
from csgaussian_ns.quant.rounding import clamp_inward

STEP_OFFSET = 1.1
_LIMIT = RAW_STEP_LIMIT / 2**RAW_STEP_BITS


def step_from_raw(raw: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Quantisation step ``1.1 + tanh(raw)``, between 0.10 and 2.10 base steps."""
    return STEP_OFFSET + torch.tanh(clamp_inward(raw, -_LIMIT, _LIMIT))
