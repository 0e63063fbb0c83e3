"""A whole entropy model in one file: steps from the weight of the rate, means from the decoded anchor before.

Anchors of even rows are coded first, each by itself; those of odd rows know the decoded values of the row before them
(two waves). From a neighbour's value to a mean leads a network that is shipped, not stored.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from csgaussian_ns.entropy.base import Context, EntropyModel, Expectation, per_channel
from csgaussian_ns.entropy.likelihood import code_length
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.networks.fixed_point import Arithmetic, evaluate
from csgaussian_ns.format.networks.model import ChannelPrior, Coding, IntegerModel
from csgaussian_ns.format.networks.requantise import requantise
from csgaussian_ns.format.networks.shipped import shipped_network
from csgaussian_ns.format.networks.steps import RAW_STEP_BITS, integer_log_steps, integer_steps, scale_rows
from csgaussian_ns.quant.rounding import straight_through
from csgaussian_ns.quant.steps import step_from_raw

HALF = 0.5
"""What a neighbour's value counts."""
UNIT = 1 / 16
"""Base steps of one input of the shipped network."""
_HEAD = struct.Struct("<hh32s")


def raw_step(rate_weight: float) -> int:
    """Wider steps for a higher weight, in the unit of files."""
    return round(2**RAW_STEP_BITS * (rate_weight * 100 - 0.5))


@dataclass(frozen=True)
class IntegerToy(IntegerModel):
    """Raw step, log2 of the spread in 1/256, hash of the network."""

    NUMBER = 100

    raw: int
    log_scale: int
    digest: bytes

    @property
    def operations(self) -> int:
        return self.layout.channels * shipped_network(self.digest).operations

    def known_answer(self, grid: np.ndarray, arithmetic: Arithmetic = "auto") -> np.ndarray:
        return evaluate(shipped_network(self.digest), np.arange(-511, 512)[:, None], arithmetic)

    def walk(self, grid: np.ndarray, coding: Coding, arithmetic: Arithmetic = "auto") -> None:
        row = np.arange(len(grid))
        for wave in (row[::2], row[1::2]):
            mean = np.zeros((len(wave), self.layout.channels), np.int64)
            if len(wave) and wave[0] == 1:
                known = requantise(coding.values[wave - 1], 1, 12)  # 1/2**16 base step to 1/16
                answer = evaluate(shipped_network(self.digest), known.reshape(-1, 1), arithmetic)
                mean = answer.reshape(mean.shape)
            for channels, family in zip(self.layout.slices, self.layout.families, strict=True):
                shape = (len(wave), channels.stop - channels.start)
                raw = np.full(shape, self.raw)
                table = scale_rows(self.log_scale - integer_log_steps(raw)) + family
                prior = ChannelPrior(mean[:, channels], integer_steps(raw), table.astype(np.uint8))
                coding.code(prior, channels, wave)

    def to_bytes(self) -> bytes:
        return _HEAD.pack(self.raw, self.log_scale, self.digest)

    @classmethod
    def from_bytes(cls, data: bytes | memoryview, layout: ChannelLayout) -> "IntegerToy":
        reader = ByteReader(data, "toy")
        found = cls(layout, *reader.unpack(_HEAD))
        reader.end()
        shipped_network(found.digest)
        return found


@dataclass(frozen=True)
class Neighbours:
    """The row before, whether it counts, and the weight of the rate."""

    values: Tensor
    counts: Tensor
    rate_weight: float
    whole: bool

    def at(self, rows: Tensor) -> "Neighbours":
        return Neighbours(self.values[rows], self.counts[rows], self.rate_weight, False)


@dataclass(frozen=True)
class ToyExpectation(Expectation):
    model: "Toy"
    place: Neighbours
    steps: Tensor

    def at(self, rows: Tensor, steps: Tensor | None = None) -> "ToyExpectation":
        return ToyExpectation(self.model, self.place.at(rows), self.steps[rows] if steps is None else steps)

    def bits(self, values: Tensor) -> Tensor:
        scale = torch.exp2(self.model.log_scale).expand_as(values)
        residual = values - mean_after(self.place.values, self.place.counts)
        return code_length(self.model.layout, residual, scale, per_channel(self.model.layout, self.steps))

    @torch.no_grad()
    def quantised(self, values: Tensor) -> Tensor:
        step = per_channel(self.model.layout, self.steps)
        mean = mean_after(self.place.values, self.place.counts)
        rounded = mean + torch.round((values - mean) / step) * step
        if self.place.whole:  # what a decoder has of the neighbours is known then
            mean[1::2] = mean_after(rounded[: len(rounded) - 1 : 2][: len(mean[1::2])], torch.ones(()))
            rounded[1::2] = mean[1::2] + torch.round((values[1::2] - mean[1::2]) / step[1::2]) * step[1::2]
        return rounded


def mean_after(neighbour: Tensor, counts: Tensor) -> Tensor:
    """What the network makes of a neighbour: half of it, in its units."""
    inputs = straight_through(neighbour, ((neighbour / UNIT + 0.5).floor().clamp(-511, 511) * UNIT))
    return inputs * HALF * counts


class Toy(EntropyModel):
    """One spread for all channels."""

    def __init__(self, layout: ChannelLayout, digest: bytes) -> None:
        super().__init__(layout)
        self.log_scale, self.digest = nn.Parameter(torch.zeros(())), digest

    def start(self, grid: Tensor, values: Tensor) -> None:
        self.log_scale.data = values.detach().std().log2()

    def place(self, context: Context) -> Neighbours:
        index = torch.arange(len(context.grid)) if context.index is None else context.index
        counts = (index % 2 == 1).float()[:, None]
        before = context.values_of((index - 1).clamp(min=0)).detach()
        return Neighbours(before, counts, context.rate_weight, context.index is None)

    def expect(self, place: Any, steps: Tensor | None = None) -> ToyExpectation:
        raw = torch.full((len(place.values), self.layout.types), raw_step(place.rate_weight) / 2**RAW_STEP_BITS)
        return ToyExpectation(self, place, step_from_raw(raw) if steps is None else steps)

    def freeze(self, context: Context, weight_bits: int = 8) -> IntegerToy:
        log_scale = round(256 * float(self.log_scale.detach()))
        return IntegerToy(self.layout, raw_step(context.rate_weight), log_scale, self.digest)
