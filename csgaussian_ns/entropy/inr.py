"""The hyperprior of CSGaussian: a small network from an anchor's position to the prior of its attributes (4.2)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from csgaussian_ns.entropy.base import ChannelLayout, Prior


class InrHyperprior(nn.Module):
    """Positional encoding -> two hidden layers -> mean, log scale, raw steps.

    The last layer starts near zero, so that at first every anchor gets the scene's statistics (``set_statistics``).
    """

    def __init__(self, layout: ChannelLayout, encoding_dim: int, hidden_dim: int) -> None:
        """Build the network.

        Args:
            layout: Which channels to model.
            encoding_dim: Channels of the positional encoding.
            hidden_dim: Width of both hidden layers.
        """
        super().__init__()
        self.layout = layout
        self.trunk = nn.Sequential(
            nn.Linear(encoding_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim), nn.ReLU()
        )
        self.head = nn.Linear(hidden_dim, 2 * layout.channels + layout.types)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()

    @torch.no_grad()
    def set_statistics(self, values: Float[Tensor, "A D"]) -> None:
        """Start from the mean and spread of ``values`` (in base steps) as the scene's prior."""
        channels = self.layout.channels
        self.head.bias[:channels] = values.mean(dim=0)
        self.head.bias[channels : 2 * channels] = torch.log2(values.std(dim=0).clamp(min=0.1))

    def hidden(self, encoding: Float[Tensor, "A E"]) -> Float[Tensor, "A H"]:
        """Hidden state of each anchor; the costly part that steps and priors share."""
        return self.trunk(encoding)

    def raw_step(self, hidden: Float[Tensor, "A H"]) -> Float[Tensor, "A T"]:
        """Logits of the steps alone."""
        weight, bias = self.head.weight[-self.layout.types :], self.head.bias[-self.layout.types :]
        return nn.functional.linear(hidden, weight, bias)

    def prior(self, hidden: Float[Tensor, "A H"]) -> Prior:
        """The whole prior."""
        mean, log_scale, raw_step = self.head(hidden).split(
            (self.layout.channels, self.layout.channels, self.layout.types), dim=-1
        )
        return Prior(mean, log_scale, raw_step)
