"""Parts of trained entropy models made integer, as ``format.networks`` has them, calibrated on what they will code."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Float, Float32, Int
from csgaussian_ns.entropy.base import Context
from csgaussian_ns.entropy.carm import Carm
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.entropy.hyperprior import Hyperprior
from csgaussian_ns.format.attributes import VALUE_BITS
from csgaussian_ns.format.networks.fixed_point import IntegerNetwork
from csgaussian_ns.format.networks.hyperprior import IntegerHyperprior
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT, choose_requantiser, requantise
from csgaussian_ns.format.networks.steps import LOG_SCALE_BITS, MEAN_BITS, RAW_STEP_BITS
from csgaussian_ns.quant.post_training import AffineLayer, quantise_network

CALIBRATION_ANCHORS = 8192
REQUANTISER_QUANTILE = 0.999


def integer_carm(carm: Carm, context: Context, weight_bits: int) -> tuple[tuple[IntegerNetwork, ...], tuple[int, int]]:
    """The networks of a trained ``carm``, and the requantiser in front of them.

    Args:
        carm: Trained.
        context: Anchors that it will see.
        weight_bits: Bits per weight, at most 8.
    """
    feature = _features(context, carm.slices[-1].stop)
    multiplier, shift = requantiser_for(feature)
    calibration = np.rint(feature[calibration_rows(len(feature))].astype(np.float64) * 2**VALUE_BITS).astype(np.int64)
    unit = unit_of((multiplier, shift))
    networks = []
    for channels, network in zip(carm.slices[1:], carm.networks, strict=True):
        width = channels.stop - channels.start
        inputs = requantise(calibration[:, : channels.start], multiplier, shift)
        fractions = [MEAN_BITS] * width + [LOG_SCALE_BITS] * width
        networks.append(quantise_network(affine(network.children()), inputs, unit, fractions, weight_bits=weight_bits))
    return tuple(networks), (multiplier, shift)


def requantiser_for(values: Float32[np.ndarray, "A C"]) -> tuple[int, int]:
    """Multiplier and shift for values in base steps like these; the few largest ones will be clamped."""
    magnitudes = np.abs(values).ravel()
    rank = int(REQUANTISER_QUANTILE * (len(magnitudes) - 1))
    magnitudes.partition(rank)
    largest = round(float(magnitudes[rank]) * 2**VALUE_BITS)
    return choose_requantiser(min(max(largest, 1), 1 << 34))


def unit_of(requantiser: tuple[int, int]) -> float:
    """What one input of a network behind it stands for, in base steps."""
    multiplier, shift = requantiser
    return 2**shift / multiplier / 2**VALUE_BITS


def integer_hyperprior(
    model: Hyperprior,
    encoding: SpatialEncoding,
    grid: Int[np.ndarray, "A 3"],
    weight_bits: int = 8,
    beside: Float[Tensor, "A n"] | None = None,
) -> IntegerHyperprior:
    """A trained hyperprior in integers.

    Args:
        model: Trained.
        encoding: Trained with it.
        grid: Voxels to calibrate on.
        weight_bits: Bits per weight, at most 8.
        beside: What the network reads behind the encoding, if anything, in 1 / 511.
    """
    if len(grid) == 0:
        grid = np.zeros((1, 3), np.int32)  # nothing to code: any network will do
        beside = None if beside is None else torch.zeros(1, model.beside)
    layout, integers = model.layout, encoding.integers(grid)
    fractions = [MEAN_BITS] * layout.channels + [LOG_SCALE_BITS] * layout.channels + [RAW_STEP_BITS] * layout.types
    rows = calibration_rows(len(grid))
    inputs, units = integers(grid[rows]), torch.full((integers.channels,), encoding.UNIT, dtype=torch.float64)
    if beside is not None:
        others = np.rint(beside[torch.from_numpy(rows)].numpy() * INPUT_LIMIT).astype(inputs.dtype)
        inputs = np.concatenate([inputs, others], axis=1)
        units = torch.cat([units, torch.full((model.beside,), 1 / INPUT_LIMIT, dtype=torch.float64)])
    layers = affine([*model.trunk, model.head])
    network = quantise_network(layers, inputs, units, fractions, integers.LIMIT, weight_bits)
    return IntegerHyperprior(layout, integers, network, model.beside)


def _features(context: Context, channels: int) -> Float32[np.ndarray, "A F"]:
    """The first channels of all anchors; of a few anchors at a time, as all channels of all are a copy of the scene."""
    rows = torch.arange(len(context.grid)).split(CALIBRATION_ANCHORS)
    parts = [context.values_of(part)[:, :channels].numpy() for part in rows if len(part)]
    return np.concatenate(parts) if parts else np.zeros((1, channels), np.float32)


def affine(layers: Iterable[nn.Module]) -> list[AffineLayer]:
    """The affine ones among some layers, as ``quantise_network`` takes them."""
    linear = (layer for layer in layers if isinstance(layer, nn.Linear))
    return [AffineLayer(layer.weight.detach(), layer.bias.detach()) for layer in linear]


def calibration_rows(count: int) -> Int[np.ndarray, " M"]:
    """Evenly spread indices of the anchors, out of ``count``, that networks are calibrated on."""
    return torch.linspace(0, count - 1, min(count, CALIBRATION_ANCHORS)).long().numpy()
