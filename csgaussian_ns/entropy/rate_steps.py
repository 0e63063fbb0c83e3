"""Quantisation steps for many rates in one model: what lambda changes of them (HEMGS 3.3.1).

Both forms are affine in the prior feature once lambda is known, so a frozen model has them in its last layer: files
need nothing for them, and decoders do not know lambda.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float

RateForm = Literal["gated", "concatenated"]
"""``concatenated``: lambda is one more channel of the prior feature, as published. ``gated``: besides, this feature is
multiplied by ``1 + L(exp(k lambda + c))``, as PCGS does; alone that says nothing where the feature says nothing yet."""
START = (0.25, 0.6, 1.0)
"""How far raw steps of the least and of the greatest lambda are from the middle at first, type by type; the last one's
holds for all that follow. That is how far apart runs of one lambda each end that differ six times in it."""


def check_rate(weight: float, trained: tuple[float, ...]) -> None:
    """Refuse a lambda that training has not seen the like of.

    Raises:
        ConfigError: It is outside of the range of those of training.
    """
    if not min(trained) <= weight <= max(trained):
        raise ConfigError(
            f"lambda {weight:g} lies outside of {min(trained):g}..{max(trained):g}, the range that this run is trained "
            "for; choose one inside, or train with others (rate_weights)"
        )


def place_of(weight: float, trained: tuple[float, ...]) -> float:
    """Where lambda is among those of training: -1 at the least, 1 at the greatest, evenly in its logarithm."""
    least, most = math.log(min(trained)), math.log(max(trained))
    return 2 * (math.log(weight) - least) / (most - least) - 1


class RateSteps(nn.Module):
    """From lambda to the weights and biases of the layer that gives raw steps; it starts with ``START`` alone.

    Attributes:
        weights: The lambdas of training, ascending.
        form: See ``RateForm``.
    """

    def __init__(self, weights: tuple[float, ...], form: RateForm, hidden: int, types: int) -> None:
        """Build it for a prior feature of ``hidden`` channels and ``types`` raw steps.

        Raises:
            ConfigError: A lambda that is not above 0, or less than two different ones.
        """
        super().__init__()
        if len(set(weights)) < 2 or not all(0 < weight < math.inf for weight in weights):
            raise ConfigError(f"rate_weights must be two or more different numbers above 0, got {weights}")
        self.weights, self.form = tuple(sorted(weights)), form
        self.exponent = nn.Parameter(torch.tensor([1.0, 0.0]))
        self.gate = nn.Linear(1, hidden)
        self.shift = nn.Parameter(torch.tensor([START[min(number, len(START) - 1)] for number in range(types)]))
        with torch.no_grad():
            self.gate.weight.zero_()
            self.gate.bias.zero_()

    def resize(self, hidden: int) -> None:
        """Take on another number of channels in place; before training, when all of them are zero."""
        self.gate.weight.data = self.gate.weight.data.new_zeros(hidden, 1)
        self.gate.bias.data = self.gate.bias.data.new_zeros(hidden)
        self.gate.out_features = hidden

    def layer(
        self, weight: Float[Tensor, "T H"], bias: Float[Tensor, " T"], rate_weight: float
    ) -> tuple[Float[Tensor, "T H"], Float[Tensor, " T"]]:
        """Weights and biases of the layer at one lambda.

        Args:
            weight: Its weights without lambda.
            bias: Its biases.
            rate_weight: Lambda.

        Raises:
            ConfigError: It is outside of the range.
        """
        check_rate(rate_weight, self.weights)
        bias = bias + self.shift * place_of(rate_weight, self.weights)
        if self.form == "concatenated":
            return weight, bias
        scale, offset = self.exponent
        gate = self.gate(torch.exp(scale * (rate_weight / self.weights[-1]) + offset)[None])
        return weight * (1 + gate), bias
