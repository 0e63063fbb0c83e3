"""The colour entropy model in integers: what encoder and decoder evaluate, bit for bit the same anywhere.

Numbers: means in 1/256 base step, logs of spreads in 1/256 octave of the base step, raw steps in 1/64, steps and
decoded values in 1/2**16 base step. A decoded value is ``(mean << 8) + step * symbol``. The probability table of a
channel is found from ``log spread - log step``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Int64, UInt8
from torch import Tensor, nn

from csgaussian_ns.entropy.base import AttributeLayout
from csgaussian_ns.entropy.carm import slice_widths
from csgaussian_ns.entropy.model import ColourEntropyModel
from csgaussian_ns.quant.fixed_point import Arithmetic, IntegerNetwork, evaluate
from csgaussian_ns.quant.log_steps import integer_log_steps
from csgaussian_ns.quant.positional import AMPLITUDE, VoxelBox, encode_positions
from csgaussian_ns.quant.post_training import AffineLayer, quantise_network
from csgaussian_ns.quant.requantise import choose_requantiser, requantise
from csgaussian_ns.quant.rounding import SYMBOL_LIMIT
from csgaussian_ns.quant.steps import integer_steps, scale_rows

MEAN_BITS, LOG_SCALE_BITS, RAW_STEP_BITS, VALUE_BITS = 8, 8, 6, 16
LAPLACE_ROW = 88
"""First of the Laplacian tables; the Gaussian ones start at 0."""
CALIBRATION_ANCHORS = 8192
REQUANTISER_QUANTILE = 0.999


class IntegerPrior(NamedTuple):
    """What the hyperprior says of some anchors; see the module for units."""

    mean: Int64[Tensor, "A D"]
    log_scale: Int64[Tensor, "A D"]
    step: Int64[Tensor, "A 3"]
    log_step: Int64[Tensor, "A 3"]


class ChannelPrior(NamedTuple):
    """What is known of some channels of some anchors just before their symbols are coded, flattened.

    Attributes:
        mean: In 1/256 base step.
        step: In 1/2**16 base step.
        table: Probability table of each symbol.
    """

    mean: Int64[Tensor, " n"]
    step: Int64[Tensor, " n"]
    table: UInt8[Tensor, " n"]


@dataclass(frozen=True)
class IntegerColourModel:
    """Everything an encoder and a decoder share about the colour attributes.

    Attributes:
        layout: Channels and base steps.
        box: Of the positional encoding.
        hyperprior: Encoding to mean, log spread, raw steps.
        carm: One network per feature slice but the first; empty without CARM.
        requantiser: Multiplier and shift from decoded features to the inputs of ``carm``.
    """

    layout: AttributeLayout
    box: VoxelBox
    hyperprior: IntegerNetwork
    carm: tuple[IntegerNetwork, ...]
    requantiser: tuple[int, int]

    def prior(self, grid: Int[Tensor, "A 3"], arithmetic: Arithmetic = "auto") -> IntegerPrior:
        """The hyperprior at the given voxels."""
        out = evaluate(self.hyperprior, encode_positions(grid, self.box), arithmetic)
        channels = self.layout.channels
        mean, log_scale, raw = out.split((channels, channels, 3), dim=-1)
        return IntegerPrior(mean, log_scale, integer_steps(raw), integer_log_steps(raw))


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
    layout, prior = model.layout, model.prior(grid, arithmetic)
    feature_dim, scaling_dim, offset_dim = layout.sizes
    values = torch.zeros(len(grid), layout.channels, dtype=torch.int64)
    mean, log_scale = prior.mean, prior.log_scale

    def code(channels: slice, kind: int, coded: Tensor | None, family: int) -> None:
        step = prior.step[:, kind : kind + 1].expand(-1, channels.stop - channels.start)
        row = scale_rows(log_scale[:, channels] - prior.log_step[:, kind : kind + 1], LOG_SCALE_BITS) + family
        everything = (mean[:, channels], step, row.to(torch.uint8))
        chosen = ChannelPrior(*(x.reshape(-1) if coded is None else x[coded] for x in everything))
        symbols = symbols_of(channels, coded, chosen)
        decoded = (chosen.mean << (VALUE_BITS - MEAN_BITS)) + chosen.step * symbols.clamp(-SYMBOL_LIMIT, SYMBOL_LIMIT)
        if coded is None:
            values[:, channels] = decoded.reshape(len(grid), channels.stop - channels.start)
        else:
            values[:, channels][coded] = decoded

    code(slice(feature_dim, feature_dim + scaling_dim), 1, None, 0)
    kept = mask[:, :, None].expand(-1, -1, 3).reshape(len(grid), offset_dim)
    code(slice(feature_dim + scaling_dim, layout.channels), 2, kept, LAPLACE_ROW)
    start = 0
    for number, width in enumerate(slice_widths(feature_dim) if model.carm else (feature_dim,)):
        channels = slice(start, start + width)
        if number > 0:
            known = requantise(values[:, :start], *model.requantiser)
            add_mean, add_log_scale = evaluate(model.carm[number - 1], known, arithmetic).chunk(2, dim=-1)
            mean[:, channels] += add_mean
            log_scale[:, channels] += add_log_scale
        code(channels, 0, None, 0)
        start += width
    return values


def to_integers(
    model: ColourEntropyModel, grid: Int[Tensor, "A 3"], values: Float[Tensor, "A D"]
) -> IntegerColourModel:
    """The trained model in integers, calibrated on the scene that it is going to code.

    Args:
        model: Trained.
        grid: Voxels of the scene's anchors.
        values: Their channels in base steps.
    """
    if len(grid) == 0:  # nothing to calibrate on, nothing to code: any network will do
        grid, values = grid.new_zeros(1, 3), values.new_zeros(1, model.layout.channels)
    rows = torch.linspace(0, len(grid) - 1, min(len(grid), CALIBRATION_ANCHORS)).long()
    box, layout = model.encoding.box, model.layout
    fractions = [MEAN_BITS] * layout.channels + [LOG_SCALE_BITS] * layout.channels + [RAW_STEP_BITS] * 3
    trunk = [layer for layer in model.hyperprior.trunk if isinstance(layer, nn.Linear)]
    layers = [AffineLayer(layer.weight.detach(), layer.bias.detach()) for layer in [*trunk, model.hyperprior.head]]
    hyperprior = quantise_network(layers, encode_positions(grid[rows], box), 1 / AMPLITUDE, fractions)
    if model.carm is None:
        return IntegerColourModel(layout, box, hyperprior, (), (1, 1))

    feature = (values[:, : layout.feature_dim].double() * 2**VALUE_BITS).round().to(torch.int64)
    largest = float(feature.abs().double().flatten().sort().values[int(REQUANTISER_QUANTILE * (feature.numel() - 1))])
    multiplier, shift = choose_requantiser(min(max(largest, 1.0), 2.0**34))
    unit = 2**shift / multiplier / 2**VALUE_BITS  # what one input of a network stands for, in base steps
    carm = []
    for channels, network in zip(model.carm.slices[1:], model.carm.networks, strict=True):
        width = channels.stop - channels.start
        linear = [layer for layer in network if isinstance(layer, nn.Linear)]  # type: ignore[union-attr]
        carm.append(
            quantise_network(
                [AffineLayer(layer.weight.detach(), layer.bias.detach()) for layer in linear],
                requantise(feature[rows, : channels.start], multiplier, shift),
                unit,
                [MEAN_BITS] * width + [LOG_SCALE_BITS] * width,
            )
        )
    return IntegerColourModel(layout, box, hyperprior, tuple(carm), (multiplier, shift))
