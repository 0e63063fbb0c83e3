"""The colour entropy model in integers: what encoder and decoder evaluate, bit for bit the same anywhere.

``integer_prior`` defines the numbers. What is added here is the order of the channels and their autoregression.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor, nn

from csgaussian_ns.entropy.base import AttributeLayout
from csgaussian_ns.entropy.carm import slice_widths
from csgaussian_ns.entropy.integer_prior import (
    GAUSSIAN_ROW,
    LAPLACE_ROW,
    LOG_SCALE_BITS,
    MEAN_BITS,
    VALUE_BITS,
    ChannelPrior,
    IntegerHyperprior,
    calibration_rows,
    integer_hyperprior,
)
from csgaussian_ns.entropy.model import ColourEntropyModel
from csgaussian_ns.quant.fixed_point import Arithmetic, IntegerNetwork, evaluate
from csgaussian_ns.quant.post_training import AffineLayer, quantise_network
from csgaussian_ns.quant.requantise import choose_requantiser, requantise

REQUANTISER_QUANTILE = 0.999


@dataclass(frozen=True)
class IntegerColourModel:
    """Everything an encoder and a decoder share about the colour attributes.

    Attributes:
        layout: Channels and base steps.
        hyperprior: Position to prior.
        carm: One network per feature slice but the first; empty without CARM.
        requantiser: Multiplier and shift from decoded features to the inputs of ``carm``.
    """

    layout: AttributeLayout
    hyperprior: IntegerHyperprior
    carm: tuple[IntegerNetwork, ...]
    requantiser: tuple[int, int]


def code_channels(
    model: IntegerColourModel,
    grid: Int[Tensor, "A 3"],
    mask: Bool[Tensor, "A K"],
    symbols_of: Callable[[slice, Bool[Tensor, "A S"] | None, ChannelPrior], Int64[Tensor, " n"]],
    arithmetic: Arithmetic = "auto",
) -> Int64[Tensor, "A D"]:
    """Walk through all channels of some anchors in coding order; encoder and decoder differ in ``symbols_of`` alone.

    Order: scaling, kept offsets, then the feature slice by slice; within each, anchor by anchor.

    Args:
        model: The shared model.
        grid: Voxels of the anchors.
        mask: Which offsets are kept.
        symbols_of: Called with the channels, which of them are coded (``None``: all) and their prior; gives or reads
            the symbols.
        arithmetic: Of the networks; changes nothing but the speed.

    Returns:
        Decoded values in 1/2**16 base step, 0 for offsets that are not kept.
    """
    layout, prior = model.layout, model.hyperprior.prior(grid, arithmetic)
    feature_dim, scaling_dim, offset_dim = layout.sizes
    values = torch.zeros(len(grid), layout.channels, dtype=torch.int64)

    def code(channels: slice, kind: int, coded: Tensor | None, family: int) -> None:
        everything = prior.channels(channels, kind, family)
        chosen = ChannelPrior(*(x.reshape(-1) if coded is None else x[coded] for x in everything))
        decoded = chosen.values(symbols_of(channels, coded, chosen))
        if coded is None:
            values[:, channels] = decoded.reshape(len(grid), channels.stop - channels.start)
        else:
            values[:, channels][coded] = decoded

    code(slice(feature_dim, feature_dim + scaling_dim), 1, None, GAUSSIAN_ROW)
    kept = mask[:, :, None].expand(-1, -1, 3).reshape(len(grid), offset_dim)
    code(slice(feature_dim + scaling_dim, layout.channels), 2, kept, LAPLACE_ROW)
    start = 0
    for number, width in enumerate(slice_widths(feature_dim) if model.carm else (feature_dim,)):
        channels = slice(start, start + width)
        if number > 0:
            known = requantise(values[:, :start], *model.requantiser)
            add_mean, add_log_scale = evaluate(model.carm[number - 1], known, arithmetic).chunk(2, dim=-1)
            prior.mean[:, channels] += add_mean
            prior.log_scale[:, channels] += add_log_scale
        code(channels, 0, None, GAUSSIAN_ROW)
        start += width
    return values


def to_integers(
    model: ColourEntropyModel, grid: Int[Tensor, "A 3"], feature: Float[Tensor, "A F"], weight_bits: int = 8
) -> IntegerColourModel:
    """The trained model in integers, calibrated on the scene that it is going to code.

    Args:
        model: Trained.
        grid: Voxels of the scene's anchors.
        feature: Their features in base steps.
        weight_bits: Bits per weight, at most 8.
    """
    if len(grid) == 0:  # nothing to calibrate on, nothing to code: any network will do
        grid, feature = grid.new_zeros(1, 3), feature.new_zeros(1, model.layout.feature_dim)
    layout, hyperprior = model.layout, integer_hyperprior(model.hyperprior, model.encoding, grid, weight_bits)
    if model.carm is None:
        return IntegerColourModel(layout, hyperprior, (), (1, 1))

    magnitudes = feature.abs().flatten().numpy()
    rank = int(REQUANTISER_QUANTILE * (len(magnitudes) - 1))
    magnitudes.partition(rank)  # in place: torch's kthvalue takes three times this memory beside it
    largest = round(float(magnitudes[rank]) * 2**VALUE_BITS)
    calibration = (feature[calibration_rows(len(grid))].double() * 2**VALUE_BITS).round().to(torch.int64)
    multiplier, shift = choose_requantiser(min(max(largest, 1), 1 << 34))
    unit = 2**shift / multiplier / 2**VALUE_BITS  # what one input of a network stands for, in base steps
    carm = []
    for channels, network in zip(model.carm.slices[1:], model.carm.networks, strict=True):
        width = channels.stop - channels.start
        linear = [layer for layer in network if isinstance(layer, nn.Linear)]  # type: ignore[union-attr]
        carm.append(
            quantise_network(
                [AffineLayer(layer.weight.detach(), layer.bias.detach()) for layer in linear],
                requantise(calibration[:, : channels.start], multiplier, shift),
                unit,
                [MEAN_BITS] * width + [LOG_SCALE_BITS] * width,
                weight_bits=weight_bits,
            )
        )
    return IntegerColourModel(layout, hyperprior, tuple(carm), (multiplier, shift))
