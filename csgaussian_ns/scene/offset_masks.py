"""Learnable masks that drop single offsets, and whole anchors with them (Compact3D; view frequency: CAT-3DGS)."""

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Bool, Float

KEEP_ABOVE = 0.01
"""A slot stays while sigmoid(logit) * view frequency is above this (CAT-3DGS)."""


def keep_probability(logit: Float[Tensor, "A K"], frequency: Float[Tensor, " A"]) -> Float[Tensor, "A K"]:
    """How much speaks for each slot: its own logit, and how often its anchor is seen relative to the mean anchor."""
    return torch.sigmoid(logit) * frequency[:, None]


def straight_through_mask(logit: Float[Tensor, "A K"], frequency: Float[Tensor, " A"]) -> Float[Tensor, "A K"]:
    """The binary mask, with the gradient of the sigmoid."""
    soft = torch.sigmoid(logit)
    hard = (keep_probability(logit, frequency).detach() > KEEP_ABOVE).to(soft.dtype)
    return hard + soft - soft.detach()


def kept(logit: Float[Tensor, "A K"], frequency: Float[Tensor, " A"]) -> Bool[Tensor, "A K"]:
    """Which slots the mask keeps."""
    return keep_probability(logit, frequency) > KEEP_ABOVE
