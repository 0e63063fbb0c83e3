"""Entropy model 1: a hyperprior, channels that know each other, and neighbours in waves (HEMGS 3.2, 3.3).

Of each wave the feature comes first, known from the hyperprior, neighbours of earlier waves (``networks.near``) and
slice by slice itself; then the other types, which know the feature of their own anchor, too (progressive coding).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Int, Int64
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.networks.fixed_point import MAX_MULTIPLIER, MAX_SHIFT, Arithmetic, IntegerNetwork
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.format.networks.hyperprior import IntegerPrior, pack_blocks
from csgaussian_ns.format.networks.model import Coding, IntegerModel
from csgaussian_ns.format.networks.near import (
    FACTS,
    MAX_NEAR,
    MAX_REACH,
    MAX_WAVES,
    Near,
    Neighbourhood,
    find_near,
    seen,
)
from csgaussian_ns.format.networks.network_bytes import to_bytes
from csgaussian_ns.format.networks.requantise import requantise
from csgaussian_ns.format.networks.told import add_told, read_told

_HEAD = struct.Struct("<BBBBHBHB")
_ACROSS, _DETAILS = 1, 2


@dataclass(frozen=True)
class IntegerNeighbours(IntegerModel):
    """Everything that an encoder and a decoder share.

    Attributes:
        alone: What is known of an anchor without others: hyperprior, and channel networks of the feature.
        selection: Which neighbours count.
        requantisers: Multiplier and shift from decoded values to inputs, of the first type and of the second.
        across: From what is seen of neighbours to corrections of the first type; ``None`` without autoregression.
        details: From the first type, and what is seen of neighbours' second, to corrections of all others; ``None``
            without them.
    """

    NUMBER = 1

    alone: IntegerHyperCarm
    selection: Neighbourhood
    requantisers: tuple[tuple[int, int], tuple[int, int]]
    across: IntegerNetwork | None
    details: IntegerNetwork | None

    @property
    def operations(self) -> int:
        """Those of all networks, of the search, and of means."""
        networks = sum(network.operations for network in (self.across, self.details) if network is not None)
        looking = self.selection.candidates + self.selection.most * self._seen.stop
        return self.alone.operations + networks + looking

    @property
    def _seen(self) -> slice:
        """Channels that neighbours show: those of the first two types."""
        return slice(0, sum(self.layout.sizes[:2]))

    def known_answer(
        self, grid: Int[np.ndarray, "A 3"], arithmetic: Arithmetic = "auto"
    ) -> Int64[np.ndarray, "A outputs"]:
        """That of the hyperprior, then the facts of the neighbours: those among ``grid`` alone."""
        facts = find_near(grid, self.selection).facts
        return np.concatenate([self.alone.known_answer(grid, arithmetic), facts], axis=1)

    def walk(self, grid: Int[np.ndarray, "A 3"], coding: Coding, arithmetic: Arithmetic = "auto") -> None:
        """Wave by wave: the first type slice by slice, then the others one after the other."""
        prior = self.alone.hyperprior.prior(grid, arithmetic)
        near, known = find_near(grid, self.selection), np.zeros((len(grid), self._seen.stop), np.int64)
        for rows in _waves(near, self.selection):
            expected = IntegerPrior(*(part[rows] for part in prior))
            sight = seen(near, rows, known)
            if self.across is not None:
                first = self.layout.slices[0]
                add_told(expected, first, self.across, _columns(sight, first), arithmetic)
            self.alone.code_first(expected, coding, rows, arithmetic)
            known[rows] = self._inputs(coding.values[rows, self._seen])
            self._code_others(expected, coding, rows, sight, known[rows], arithmetic)
            known[rows] = self._inputs(coding.values[rows, self._seen])

    def _code_others(
        self,
        prior: IntegerPrior,
        coding: Coding,
        rows: Int64[np.ndarray, " n"],
        sight: Int64[np.ndarray, "n inputs"],
        known: Int64[np.ndarray, "n C"],
        arithmetic: Arithmetic,
    ) -> None:
        slices = self.layout.slices
        if self.details is not None:
            inputs = np.concatenate([known[:, slices[0]], _columns(sight, slices[1])], axis=1)
            others = slice(slices[1].start, self.layout.channels)
            add_told(prior, others, self.details, inputs, arithmetic)
        for kind, channels in enumerate(slices[1:], 1):
            coding.code(prior.channels(channels, kind, self.layout.families[kind]), channels, rows)

    def _inputs(self, values: Int64[np.ndarray, "n C"]) -> Int64[np.ndarray, "n C"]:
        size = self.layout.sizes[0]
        parts = zip((values[:, :size], values[:, size:]), self.requantisers, strict=True)
        return np.concatenate([requantise(part, *by) for part, by in parts], axis=1)

    def to_bytes(self) -> bytes:
        """u8 waves, u8 neighbours at most, u8 reach, u8 which networks follow, then two requantisers as u16 and u8.

        Then model 0 and these networks, each behind its length as u32.
        """
        chosen = self.selection
        flags = (self.across is not None) * _ACROSS + (self.details is not None) * _DETAILS
        (first, second) = self.requantisers
        head = _HEAD.pack(chosen.waves, chosen.most, chosen.reach, flags, *first, *second)
        networks = [network for network in (self.across, self.details) if network is not None]
        return head + pack_blocks([self.alone.to_bytes(), *map(to_bytes, networks)])

    @classmethod
    def from_bytes(cls, data: bytes | memoryview, layout: ChannelLayout) -> "IntegerNeighbours":
        """As of ``IntegerModel``."""
        reader = ByteReader(data, "entropy networks")
        waves, most, reach, flags, *numbers = reader.unpack(_HEAD)
        if not (1 <= waves <= MAX_WAVES and 1 <= most <= MAX_NEAR and 1 <= reach <= MAX_REACH):
            raise FormatError(
                f"entropy networks: {waves} waves, {most} neighbours within {reach} voxels; expected are "
                f"1..{MAX_WAVES}, 1..{MAX_NEAR} and 1..{MAX_REACH}"
            )
        requantisers = tuple(numbers[:2]), tuple(numbers[2:])
        if any(
            not (1 <= multiplier <= MAX_MULTIPLIER and 1 <= shift <= MAX_SHIFT) for multiplier, shift in requantisers
        ):
            raise FormatError(f"entropy networks: requantisers {requantisers} of neighbours are out of range")
        if flags > _ACROSS + _DETAILS or (flags & _DETAILS and layout.types == 1):
            raise FormatError(f"entropy networks: flags {flags} name networks that these attributes do not have")
        alone = IntegerHyperCarm.from_bytes(reader.block(), layout)
        first, others = layout.sizes[0], layout.channels - layout.sizes[0]
        across = read_told(reader, first + FACTS, 2 * first) if flags & _ACROSS else None
        shape = (first + sum(layout.sizes[1:2]) + FACTS, 2 * others)
        details = read_told(reader, *shape) if flags & _DETAILS else None
        reader.end()
        return cls(layout, alone, Neighbourhood(waves, most, reach), requantisers, across, details)


def _waves(near: Near, selection: Neighbourhood) -> Iterator[Int64[np.ndarray, " n"]]:
    """Rows of each wave that has any."""
    for wave in range(selection.waves):
        rows = np.flatnonzero(near.wave == wave)
        if len(rows):
            yield rows


def _columns(sight: Int64[np.ndarray, "n inputs"], channels: slice) -> Int64[np.ndarray, "n S"]:
    """What is seen of some channels, and the facts."""
    return np.concatenate([sight[:, channels], sight[:, -FACTS:]], axis=1)
