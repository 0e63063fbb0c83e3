"""The network of every hyperprior: from the encoding of an anchor's place to the prior of its attributes."""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.entropy.rate_steps import RateSteps
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.quant.coded_linear import CodedLinear


class Prior(NamedTuple):
    """What is expected of an anchor's channels by the hyperprior alone.

    Attributes:
        mean: Expected value, in base steps.
        log_scale: log2 of the spread, in base steps: standard deviation of a Gaussian, mean absolute deviation of a
            Laplacian.
        raw_step: Logit of each type's step, see ``quant.steps.step_from_raw``.
    """

    mean: Float[Tensor, "A D"]
    log_scale: Float[Tensor, "A D"]
    raw_step: Float[Tensor, "A T"]


class Hyperprior(nn.Module):
    """Spatial encoding -> two hidden layers -> mean, log scale, raw steps. A constant one has no hidden layers.

    The last layer starts near zero, so that at first every anchor gets the scene's statistics (``set_statistics``).
    """

    def __init__(self, layout: ChannelLayout, encoding: SpatialEncoding, hidden_dim: int, beside: int = 0) -> None:
        """Build the network.

        Args:
            layout: Which channels to model.
            encoding: What it will read; not kept.
            hidden_dim: Width of both hidden layers.
            beside: Inputs behind the encoding.
        """
        super().__init__()
        self.layout, self.beside = layout, beside
        inputs = encoding.channels + beside
        width = inputs if encoding.CONSTANT else hidden_dim
        hidden = [CodedLinear(inputs, hidden_dim), nn.ReLU(), CodedLinear(hidden_dim, hidden_dim), nn.ReLU()]
        self.trunk = nn.Sequential(*([] if encoding.CONSTANT else hidden))
        self.head = CodedLinear(width, 2 * layout.channels + layout.types)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()
        self.rate_steps: RateSteps | None = None

    def resize(self, hidden_dim: int) -> None:
        """Take on another width in place, see ``CodedLinear.resize``; a constant encoding has no width."""
        layers = [layer for layer in (*self.trunk, self.head) if isinstance(layer, CodedLinear)]
        for number, layer in enumerate(layers if len(layers) > 1 else ()):
            inputs = layer.in_features if number == 0 else hidden_dim
            layer.resize(inputs, hidden_dim if layer is not self.head else layer.out_features)
        if self.rate_steps is not None:
            self.rate_steps.resize(self.head.in_features)

    @torch.no_grad()
    def set_statistics(self, values: Float[Tensor, "A D"]) -> None:
        """Start from the mean and spread of ``values`` (in base steps) as the scene's prior."""
        channels = self.layout.channels
        self.head.bias[:channels] = values.mean(dim=0)
        self.head.bias[channels : 2 * channels] = torch.log2(values.std(dim=0).clamp(min=0.1))

    def hidden(self, encoding: Float[Tensor, "A E"]) -> Float[Tensor, "A H"]:
        """Hidden state of each anchor; the costly part that steps and priors share."""
        return self.trunk(encoding)

    def raw_step(self, hidden: Float[Tensor, "A H"], rate_weight: float = 0.0) -> Float[Tensor, "A T"]:
        """Logits of the steps alone, at a lambda where they depend on it."""
        rows = slice(-self.layout.types, None)
        if self.rate_steps is None:
            return nn.functional.linear(hidden, self.head.coded_weight(rows), self.head.bias[rows])
        weight, bias = self.rate_steps.layer(self.head.weight[rows], self.head.bias[rows], rate_weight)
        return nn.functional.linear(hidden, self.head.coded(weight), bias)

    @torch.no_grad()
    def at_rate(self, rate_weight: float) -> "Hyperprior":
        """The same without lambda, for one lambda: what a file holds."""
        if self.rate_steps is None:
            return self
        fixed, rows = copy.deepcopy(self), slice(-self.layout.types, None)
        weight, bias = self.rate_steps.layer(self.head.weight[rows], self.head.bias[rows], rate_weight)
        fixed.head.weight[rows], fixed.head.bias[rows], fixed.rate_steps = weight, bias, None
        return fixed

    def prior(self, hidden: Float[Tensor, "A H"]) -> Prior:
        """The whole prior."""
        mean, log_scale, raw_step = self.head(hidden).split(
            (self.layout.channels, self.layout.channels, self.layout.types), dim=-1
        )
        return Prior(mean, log_scale, raw_step)
