"""Entropy model 2: a hyperprior, channels that know each other, and types one after the other (HEMGS 3.2).

The feature comes first, known from the hyperprior and slice by slice itself; then the other types, which know the
feature, too (progressive coding). The hyperprior may know how far the anchors around are (``networks.spacing``).
"""

import struct
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
from csgaussian_ns.format.networks.network_bytes import to_bytes
from csgaussian_ns.format.networks.requantise import requantise
from csgaussian_ns.format.networks.spacing import SPACINGS, spacing
from csgaussian_ns.format.networks.told import add_told, read_told

_HEAD = struct.Struct("<HBB")
_DETAILS, _SPACING = 1, 2


@dataclass(frozen=True)
class IntegerProgressive(IntegerModel):
    """Everything that an encoder and a decoder share.

    Attributes:
        alone: What is known of an anchor from its place: hyperprior, and channel networks of the feature.
        requantiser: Multiplier and shift from decoded values of the first type to inputs.
        details: From the first type to corrections of all others; ``None`` where there are no others.
    """

    NUMBER = 2

    alone: IntegerHyperCarm
    requantiser: tuple[int, int]
    details: IntegerNetwork | None

    @property
    def operations(self) -> int:
        """Those of all networks."""
        return self.alone.operations + (0 if self.details is None else self.details.operations)

    def known_answer(
        self, grid: Int[np.ndarray, "A 3"], arithmetic: Arithmetic = "auto"
    ) -> Int64[np.ndarray, "A outputs"]:
        """That of the hyperprior."""
        prior = self._prior(grid, arithmetic)
        return np.concatenate([prior.mean, prior.log_scale, prior.step], axis=1)

    def walk(self, grid: Int[np.ndarray, "A 3"], coding: Coding, arithmetic: Arithmetic = "auto") -> None:
        """The first type slice by slice, then the others one after the other."""
        prior, every = self._prior(grid, arithmetic), slice(None)
        first, channels = self.layout.slices[0], self.layout.channels
        self.alone.code_first(prior, coding, every, arithmetic)
        if self.details is not None:
            known = requantise(coding.values[:, first], *self.requantiser)
            add_told(prior, slice(first.stop, channels), self.details, known, arithmetic)
        for kind, others in enumerate(self.layout.slices[1:], 1):
            coding.code(prior.channels(others, kind, self.layout.families[kind]), others, every)

    def _prior(self, grid: Int[np.ndarray, "A 3"], arithmetic: Arithmetic) -> IntegerPrior:
        hyperprior = self.alone.hyperprior
        return hyperprior.prior(grid, arithmetic, spacing(grid) if hyperprior.beside else None)

    def to_bytes(self) -> bytes:
        """u16 multiplier and u8 shift of the requantiser, u8 what there is: the network behind model 0, spacings.

        Then model 0 and these, each behind its length as u32.
        """
        networks = [] if self.details is None else [to_bytes(self.details)]
        flags = _DETAILS * len(networks) + (_SPACING if self.alone.hyperprior.beside else 0)
        head = _HEAD.pack(*self.requantiser, flags)
        return head + pack_blocks([self.alone.to_bytes(), *networks])

    @classmethod
    def from_bytes(cls, data: bytes | memoryview, layout: ChannelLayout) -> "IntegerProgressive":
        """As of ``IntegerModel``."""
        reader = ByteReader(data, "entropy networks")
        multiplier, shift, flags = reader.unpack(_HEAD)
        if not (1 <= multiplier <= MAX_MULTIPLIER and 1 <= shift <= MAX_SHIFT):
            raise FormatError(f"entropy networks: multiplier {multiplier} or shift {shift} is out of range")
        if flags & ~(_DETAILS + _SPACING if layout.types > 1 else 0):
            raise FormatError(f"entropy networks: flags {flags} name what these attributes do not have")
        alone = IntegerHyperCarm.from_bytes(reader.block(), layout, SPACINGS if flags & _SPACING else 0)
        first = layout.sizes[0]
        details = read_told(reader, first, 2 * (layout.channels - first)) if flags & _DETAILS else None
        reader.end()
        return cls(layout, alone, (multiplier, shift), details)
