"""Networks that correct a hyperprior by what is decoded already: ``format.networks.told`` in floating point."""

import numpy as np
import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Float, Float32
from csgaussian_ns.entropy.carm import quiet
from csgaussian_ns.entropy.integer import affine
from csgaussian_ns.format.networks.fixed_point import IntegerNetwork
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT
from csgaussian_ns.format.networks.steps import LOG_SCALE_BITS, MEAN_BITS
from csgaussian_ns.quant.coded_linear import CodedLinear
from csgaussian_ns.quant.post_training import quantise_network


def told_network(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """One hidden layer, whose outputs are near zero at first."""
    return nn.Sequential(CodedLinear(inputs, width), nn.ReLU(), quiet(CodedLinear(width, outputs)))


def resize_told(network: nn.Sequential | None, width: int) -> None:
    """Give it another hidden layer in place, see ``CodedLinear.resize``."""
    if network is not None:
        first, last = (layer for layer in network if isinstance(layer, CodedLinear))
        first.resize(first.in_features, width)
        last.resize(width, last.out_features)


def told(network: nn.Sequential | None, inputs: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """What it adds to means and log scales of so many channels: nothing where there is none."""
    if network is None:
        nothing = inputs.new_zeros(len(inputs), channels)
        return nothing, nothing
    mean, log_scale = network(inputs).chunk(2, dim=-1)
    return mean, log_scale


def round_channels(
    result: Float[Tensor, "V D"], values: Float[Tensor, "V D"], step: Float[Tensor, "V D"], channels: slice
) -> None:
    """Put some values in the place of their means, rounded on the grid around these."""
    centre, width = result[:, channels], step[:, channels]
    result[:, channels] = centre + torch.round((values[:, channels] - centre) / width) * width


def integer_told(
    network: nn.Sequential | None,
    inputs: Float32[np.ndarray, "M inputs"],
    unit: Float[np.ndarray, " inputs"],
    weight_bits: int,
) -> IntegerNetwork | None:
    """A network in integers, calibrated on real inputs that come in these units."""
    if network is None:
        return None
    integers = np.rint(inputs / unit).clip(-INPUT_LIMIT, INPUT_LIMIT).astype(np.int64)
    layers = affine(network.children())
    half = len(layers[-1].bias) // 2
    fractions = [MEAN_BITS] * half + [LOG_SCALE_BITS] * half
    return quantise_network(layers, integers, torch.from_numpy(unit), fractions, weight_bits=weight_bits)
