"""Trained entropy models made integer, as ``format.networks`` has them, calibrated on the scene they will code."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float32, Int
from torch import nn

from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.entropy.hyperprior import Hyperprior
from csgaussian_ns.entropy.model import ColourEntropyModel
from csgaussian_ns.format.attributes import VALUE_BITS
from csgaussian_ns.format.networks.colour_model import IntegerColourModel
from csgaussian_ns.format.networks.hyperprior import IntegerHyperprior
from csgaussian_ns.format.networks.requantise import choose_requantiser, requantise
from csgaussian_ns.format.networks.steps import LOG_SCALE_BITS, MEAN_BITS, RAW_STEP_BITS
from csgaussian_ns.quant.post_training import AffineLayer, quantise_network

CALIBRATION_ANCHORS = 8192
REQUANTISER_QUANTILE = 0.999


def to_integers(
    model: ColourEntropyModel,
    grid: Int[np.ndarray, "A 3"],
    feature: Float32[np.ndarray, "A F"],
    weight_bits: int = 8,
) -> IntegerColourModel:
    """A trained model in integers.

    Args:
        model: Trained, on the CPU.
        grid: Voxels of the scene's anchors.
        feature: Their features in base steps.
        weight_bits: Bits per weight, at most 8.
    """
    if len(grid) == 0:  # nothing to calibrate on, nothing to code: any network will do
        grid, feature = np.zeros((1, 3), np.int32), np.zeros((1, model.layout.feature_dim), np.float32)
    layout, hyperprior = model.layout, integer_hyperprior(model.hyperprior, model.encoding, grid, weight_bits)
    if model.carm is None:
        return IntegerColourModel(layout, hyperprior, (), (1, 1))

    magnitudes = np.abs(feature).ravel()
    rank = int(REQUANTISER_QUANTILE * (len(magnitudes) - 1))
    magnitudes.partition(rank)
    largest = round(float(magnitudes[rank]) * 2**VALUE_BITS)
    calibration = np.rint(feature[_calibration_rows(len(grid))].astype(np.float64) * 2**VALUE_BITS).astype(np.int64)
    multiplier, shift = choose_requantiser(min(max(largest, 1), 1 << 34))
    unit = 2**shift / multiplier / 2**VALUE_BITS  # what one input of a network stands for, in base steps
    carm = []
    for channels, network in zip(model.carm.slices[1:], model.carm.networks, strict=True):
        width = channels.stop - channels.start
        inputs = requantise(calibration[:, : channels.start], multiplier, shift)
        fractions = [MEAN_BITS] * width + [LOG_SCALE_BITS] * width
        carm.append(quantise_network(_affine(network.children()), inputs, unit, fractions, weight_bits=weight_bits))
    return IntegerColourModel(layout, hyperprior, tuple(carm), (multiplier, shift))


def integer_hyperprior(
    model: Hyperprior, encoding: SpatialEncoding, grid: Int[np.ndarray, "A 3"], weight_bits: int = 8
) -> IntegerHyperprior:
    """A trained hyperprior in integers.

    Args:
        model: Trained.
        encoding: Trained with it.
        grid: Voxels of at least one anchor, to calibrate on.
        weight_bits: Bits per weight, at most 8.
    """
    layout, integers = model.layout, encoding.integers(grid)
    fractions = [MEAN_BITS] * layout.channels + [LOG_SCALE_BITS] * layout.channels + [RAW_STEP_BITS] * layout.types
    inputs = integers(grid[_calibration_rows(len(grid))])
    layers = _affine([*model.trunk, model.head])
    network = quantise_network(layers, inputs, encoding.UNIT, fractions, integers.LIMIT, weight_bits)
    return IntegerHyperprior(layout, integers, network)


def _affine(layers: Iterable[nn.Module]) -> list[AffineLayer]:
    linear = (layer for layer in layers if isinstance(layer, nn.Linear))
    return [AffineLayer(layer.weight.detach(), layer.bias.detach()) for layer in linear]


def _calibration_rows(count: int) -> Int[np.ndarray, " M"]:
    """Evenly spread indices of the anchors, out of ``count``, that networks are calibrated on."""
    return torch.linspace(0, count - 1, min(count, CALIBRATION_ANCHORS)).long().numpy()
