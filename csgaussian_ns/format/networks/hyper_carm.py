"""Entropy model 0: a hyperprior, and channel-wise autoregression over the first attribute type (CSGaussian 4.2).

``networks.hyperprior`` defines the numbers.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Int, Int64
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.networks.fixed_point import MAX_MULTIPLIER, MAX_SHIFT, Arithmetic, IntegerNetwork, evaluate
from csgaussian_ns.format.networks.hyperprior import (
    IntegerHyperprior,
    IntegerPrior,
    pack_blocks,
    read_hyperprior,
    write_hyperprior,
)
from csgaussian_ns.format.networks.model import Coding, IntegerModel
from csgaussian_ns.format.networks.network_bytes import from_bytes, to_bytes
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT, requantise

SLICE_SHARES = (5, 10, 15, 20)
"""Relative widths of the slices of a feature; for 50 channels these are the widths of the paper (CSGaussian 4.2)."""
MIN_SLICED = 6
"""Channels of the narrowest feature whose slices all have some."""
_HEAD = struct.Struct("<HBB")
NO_REQUANTISER = (1, 1)


def feature_slices(feature_dim: int) -> tuple[slice, ...]:
    """Slices of a feature of ``feature_dim`` channels, in the proportions of ``SLICE_SHARES``."""
    edges = [round(feature_dim * sum(SLICE_SHARES[:i]) / sum(SLICE_SHARES)) for i in range(len(SLICE_SHARES) + 1)]
    return tuple(slice(*ends) for ends in pairwise(edges))


@dataclass(frozen=True)
class IntegerHyperCarm(IntegerModel):
    """Everything that an encoder and a decoder share.

    Attributes:
        hyperprior: Position to prior.
        carm: One network per slice of the first type but the first slice; empty without autoregression.
        requantiser: Multiplier and shift from decoded values to the inputs of ``carm``.
    """

    NUMBER = 0

    hyperprior: IntegerHyperprior
    carm: tuple[IntegerNetwork, ...] = ()
    requantiser: tuple[int, int] = NO_REQUANTISER

    @property
    def operations(self) -> int:
        """Those of all networks."""
        return self.hyperprior.operations + sum(network.operations for network in self.carm)

    def known_answer(
        self, grid: Int[np.ndarray, "A 3"], arithmetic: Arithmetic = "auto"
    ) -> Int64[np.ndarray, "A outputs"]:
        """Means, log scales and steps of the hyperprior."""
        prior = self.hyperprior.prior(grid, arithmetic)
        return np.concatenate([prior.mean, prior.log_scale, prior.step], axis=1)

    def walk(self, grid: Int[np.ndarray, "A 3"], coding: Coding, arithmetic: Arithmetic = "auto") -> None:
        """All types but the first, one after the other; then the first, slice by slice."""
        prior, every = self.hyperprior.prior(grid, arithmetic), slice(None)
        for kind, channels in enumerate(self.layout.slices[1:], 1):
            coding.code(prior.channels(channels, kind, self.layout.families[kind]), channels, every)
        self.code_first(prior, coding, every, arithmetic)

    def code_first(
        self, prior: IntegerPrior, coding: Coding, rows: slice | Int[np.ndarray, " n"], arithmetic: Arithmetic
    ) -> None:
        """Code the first type of some anchors, slice by slice.

        Args:
            prior: Of these anchors; what the slices say of each other is added to it.
            coding: As of ``walk``.
            rows: Which anchors.
            arithmetic: Of the networks.
        """
        first = self.layout.slices[0]
        for number, channels in enumerate(feature_slices(first.stop) if self.carm else (first,)):
            if number > 0:
                known = requantise(coding.values[rows, : channels.start], *self.requantiser)
                mean, log_scale = np.split(evaluate(self.carm[number - 1], known, arithmetic), 2, axis=1)
                prior.mean[:, channels] += mean
                prior.log_scale[:, channels] += log_scale
            coding.code(prior.channels(channels, 0, self.layout.families[0]), channels, rows)

    def to_bytes(self) -> bytes:
        """Little endian: u16 multiplier and u8 shift of the requantiser, u8 number of networks of ``carm``.

        Then the hyperprior and these (``networks.network_bytes``), each behind its length as u32.
        """
        head = _HEAD.pack(*self.requantiser, len(self.carm))
        return head + pack_blocks([write_hyperprior(self.hyperprior), *map(to_bytes, self.carm)])

    @classmethod
    def from_bytes(cls, data: bytes | memoryview, layout: ChannelLayout, beside: int = 0) -> "IntegerHyperCarm":
        """As of ``IntegerModel``; the hyperprior may have inputs behind the encoding."""
        reader = ByteReader(data, "entropy networks")
        multiplier, shift, count = reader.unpack(_HEAD)
        if not 1 <= multiplier <= MAX_MULTIPLIER or not 1 <= shift <= MAX_SHIFT:
            raise FormatError(f"entropy networks: multiplier {multiplier} or shift {shift} is out of range")
        first, *others = [reader.block() for _ in range(1 + count)]
        reader.end()
        hyperprior, carm = read_hyperprior(first, layout, beside), tuple(map(from_bytes, others))
        predicted = feature_slices(layout.sizes[0])[1:]
        expected = [(channels.start, 2 * (channels.stop - channels.start)) for channels in predicted][:count]
        if any(network.input_limit < INPUT_LIMIT for network in carm):
            raise FormatError(
                f"entropy networks: a channel network does not take inputs up to {INPUT_LIMIT}, as requantised ones are"
            )
        shapes = [(network.num_inputs, network.num_outputs) for network in carm]
        if shapes != expected or count not in (0, len(predicted)):
            raise FormatError(f"entropy networks: inputs and outputs {shapes}; the attributes need {expected}")
        return cls(layout, hyperprior, carm, (multiplier, shift))
