"""The hyperprior in integers: what encoder and decoder expect of an anchor's channels, bit for bit the same anywhere.

Numbers: means in 1/256 base step, logs of spreads in 1/256 octave of the base step, raw steps in 1/64, steps and
decoded values in 1/2**16 base step. A decoded value is ``(mean << 8) + step * symbol``. The probability table of a
channel is found from ``log spread - log step``.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Int64, UInt8
from torch import Tensor, nn

from csgaussian_ns.entropy.base import ChannelLayout
from csgaussian_ns.entropy.encoding import IntegerEncoding, SpatialEncoding
from csgaussian_ns.entropy.hyperprior import Hyperprior
from csgaussian_ns.quant.fixed_point import CPU_BLOCK_ROWS, CUDA_BLOCK_ROWS, Arithmetic, IntegerNetwork, evaluate
from csgaussian_ns.quant.log_steps import integer_log_steps
from csgaussian_ns.quant.post_training import AffineLayer, quantise_network
from csgaussian_ns.quant.rounding import SYMBOL_LIMIT, checked_symbols
from csgaussian_ns.quant.steps import integer_steps, scale_rows

MEAN_BITS, LOG_SCALE_BITS, RAW_STEP_BITS, VALUE_BITS = 8, 8, 6, 16
GAUSSIAN_ROW, LAPLACE_ROW = 0, 88
"""First table of each family."""
CALIBRATION_ANCHORS = 8192


class IntegerPrior(NamedTuple):
    """What the hyperprior says of some anchors; see the module for units."""

    mean: Int64[Tensor, "A D"]
    log_scale: Int64[Tensor, "A D"]
    step: Int64[Tensor, "A T"]
    log_step: Int64[Tensor, "A T"]

    def channels(self, channels: slice, kind: int, family: int = GAUSSIAN_ROW) -> "ChannelPrior":
        """What is known of some channels of one attribute type.

        Args:
            channels: Which.
            kind: Number of their attribute type.
            family: First table of their distribution.
        """
        step = self.step[:, kind : kind + 1].expand(-1, channels.stop - channels.start)
        row = scale_rows(self.log_scale[:, channels] - self.log_step[:, kind : kind + 1], LOG_SCALE_BITS) + family
        return ChannelPrior(self.mean[:, channels], step, row.to(torch.uint8))


class ChannelPrior(NamedTuple):
    """What is known of some values just before their symbols are coded.

    Attributes:
        mean: In 1/256 base step.
        step: In 1/2**16 base step.
        table: Probability table of each symbol.
    """

    mean: Int64[Tensor, "*n"]
    step: Int64[Tensor, "*n"]
    table: UInt8[Tensor, "*n"]

    def symbols(self, values: Float[Tensor, "*n"]) -> Int64[Tensor, "*n"]:
        """The symbols of real values in base steps. Only an encoder runs this, so it may use floats.

        Raises:
            QuantisationError: A value is not finite or too far from its mean to be coded.
        """
        centred = values.double() * 2**VALUE_BITS - (self.mean << (VALUE_BITS - MEAN_BITS)).double()
        return checked_symbols(centred / self.step.double())

    def values(self, symbols: Int64[Tensor, "*n"]) -> Int64[Tensor, "*n"]:
        """Decoded values in 1/2**16 base step."""
        return (self.mean << (VALUE_BITS - MEAN_BITS)) + self.step * symbols.clamp(-SYMBOL_LIMIT, SYMBOL_LIMIT)


@dataclass(frozen=True)
class IntegerHyperprior:
    """Position to prior.

    Attributes:
        layout: Channels and base steps.
        encoding: Of the position.
        network: Encoding to mean, log spread, raw steps.
    """

    layout: ChannelLayout
    encoding: IntegerEncoding
    network: IntegerNetwork

    def prior(self, grid: Int[Tensor, "A 3"], arithmetic: Arithmetic = "auto") -> IntegerPrior:
        """The prior of the anchors at the given voxels."""
        blocks = grid.split(CUDA_BLOCK_ROWS if grid.is_cuda else CPU_BLOCK_ROWS)  # encodings may be wide
        out = torch.cat([evaluate(self.network, self.encoding(block), arithmetic) for block in blocks])
        channels = self.layout.channels
        mean, log_scale, raw = out.split((channels, channels, self.layout.types), dim=-1)
        return IntegerPrior(mean, log_scale, integer_steps(raw), integer_log_steps(raw))


def integer_hyperprior(
    model: Hyperprior, encoding: SpatialEncoding, grid: Int[Tensor, "A 3"], weight_bits: int = 8
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
    trunk = [layer for layer in model.trunk if isinstance(layer, nn.Linear)]
    layers = [AffineLayer(layer.weight.detach(), layer.bias.detach()) for layer in [*trunk, model.head]]
    inputs = integers(grid[calibration_rows(len(grid))])
    network = quantise_network(layers, inputs, encoding.UNIT, fractions, integers.LIMIT, weight_bits)
    return IntegerHyperprior(layout, integers, network)


def calibration_rows(count: int) -> Int64[Tensor, " M"]:
    """Evenly spread indices of the anchors, out of ``count``, that networks are calibrated on."""
    return torch.linspace(0, count - 1, min(count, CALIBRATION_ANCHORS)).long()


def real_values(values: Int64[Tensor, "A D"], layout: ChannelLayout) -> Float[Tensor, "A D"]:
    """Decoded values as float32 in their own unit. int64 -> float64 -> float32: every machine rounds alike."""
    scale = layout.per_channel(torch.tensor(layout.base_steps, dtype=torch.float64)) / 2**VALUE_BITS
    return (values.double() * scale).float()
