"""The entropy model of the semantic features: a hyperprior of their own, for training, encoding and decoding."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csgaussian_ns.entropy.base import Prior, per_channel
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.entropy.hyperprior import Hyperprior
from csgaussian_ns.entropy.likelihood import gaussian_bits
from csgaussian_ns.entropy.registry import new_encoding
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.quant.steps import step_from_raw


def semantic_layout(feature_dim: int, base_step: float) -> ChannelLayout:
    """Channels of a semantic feature: one attribute type, so one step per anchor (CSGaussian 4.2)."""
    return ChannelLayout((feature_dim,), (base_step,))


class SemanticEntropyModel(nn.Module):
    """Hyperprior from the position; no autoregression, six channels would not pay for it.

    ```
    voxel -> spatial encoding -> hyperprior -> mean, log scale, step -> bits
    ```
    All values are in base steps (``ChannelLayout.base_steps``); their prior is Gaussian.
    """

    base_step: Float[Tensor, " D"]

    def __init__(self, layout: ChannelLayout, hidden_dim: int, encoding: SpatialEncoding | None = None) -> None:
        """Build the network, ``hidden_dim`` wide, behind an encoding of ``entropy.registry`` (``inr``)."""
        super().__init__()
        self.layout = layout
        self.encoding = encoding or new_encoding("inr")
        self.hyperprior = Hyperprior(layout, self.encoding, hidden_dim)
        self.register_buffer("base_step", per_channel(layout, torch.tensor(layout.base_steps)), persistent=False)

    def start(self, grid: Int[Tensor, "A 3"], feature: Float[Tensor, "A D"]) -> None:
        """Fit the position range and the first prior to features whose rate is about to be paid for."""
        self.encoding.fit(grid)
        self.hyperprior.set_statistics(self.values(feature))

    def values(self, feature: Float[Tensor, "A D"]) -> Float[Tensor, "A D"]:
        """Features in base steps."""
        return feature / self.base_step

    def feature(self, values: Float[Tensor, "A D"]) -> Float[Tensor, "A D"]:
        """Features from values in base steps."""
        return values * self.base_step

    def steps(self, hidden: Float[Tensor, "A H"]) -> Float[Tensor, "A 1"]:
        """Step of each anchor, in base steps, from the hyperprior's hidden state."""
        return step_from_raw(self.hyperprior.raw_step(hidden), 1.0)

    def bits(self, values: Float[Tensor, "A D"], prior: Prior, steps: Float[Tensor, "A 1"]) -> Float[Tensor, "A D"]:
        """Code length of quantised (or noisy) values, channel by channel; all arguments in base steps."""
        return gaussian_bits(values - prior.mean, torch.exp2(prior.log_scale), per_channel(self.layout, steps))

    @torch.no_grad()
    def quantised(
        self, values: Float[Tensor, "A D"], prior: Prior, steps: Float[Tensor, "A 1"]
    ) -> Float[Tensor, "A D"]:
        """Values rounded on the grid centred on their mean, as the decoder will see them; all in base steps."""
        step = per_channel(self.layout, steps)
        return prior.mean + torch.round((values - prior.mean) / step) * step
