"""Spatial encodings in integers: what a hyperprior's network reads of an anchor's place. Files number them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from csgaussian_ns.core.shapes import Int, Int8
from csgaussian_ns.format.networks import positional
from csgaussian_ns.format.networks.lattice import Lattice
from csgaussian_ns.format.networks.positional import VoxelBox, encode_positions, normalise


@dataclass(frozen=True)
class IntegerEncoding(ABC):
    """Voxels to integers, the same on any device.

    Attributes:
        box: Voxels outside are moved to its border.
    """

    KIND: ClassVar[int]
    """Number of the encoding in files; never given to another."""
    LIMIT: ClassVar[int] = positional.AMPLITUDE
    """Largest magnitude of an output."""

    box: VoxelBox

    @property
    @abstractmethod
    def channels(self) -> int:
        """Columns of the result."""

    @property
    def operations(self) -> int:
        """Multiplications per voxel, about."""
        return self.channels

    @abstractmethod
    def __call__(self, grid: Int[np.ndarray, "A 3"]) -> Int[np.ndarray, "A E"]:
        """The integers of each voxel, magnitudes up to ``LIMIT``."""


class IntegerInr(IntegerEncoding):
    """``networks.positional``."""

    KIND = 0

    @property
    def channels(self) -> int:
        """Sine and cosine per axis and octave, and three coordinates."""
        return positional.CHANNELS

    def __call__(self, grid: Int[np.ndarray, "A 3"]) -> Int[np.ndarray, "A E"]:
        """See ``encode_positions``."""
        return encode_positions(grid, self.box)


class IntegerFactorised(IntegerEncoding):
    """One channel that is always 511."""

    KIND = 1

    @property
    def channels(self) -> int:
        """The network needs an input to be a network."""
        return 1

    def __call__(self, grid: Int[np.ndarray, "A 3"]) -> Int[np.ndarray, "A 1"]:
        """511 for every voxel."""
        return np.full((len(grid), 1), self.LIMIT, np.int64)


@dataclass(frozen=True)
class InterpolatedIntegers(IntegerEncoding):
    """Per grid ``(sum of weight * number * GAIN + half) >> bits of the weights``.

    Attributes:
        lattices: Where the nodes are.
        tables: Their numbers, ``[rows, channels]`` of each lattice.
    """

    LARGEST: ClassVar[int]
    """Largest magnitude of a number."""
    BINARY: ClassVar[bool]
    """All numbers are -1 or 1."""
    GAIN: ClassVar[int]

    lattices: tuple[Lattice, ...]
    tables: tuple[Int8[np.ndarray, "_ _"], ...]

    @property
    def channels(self) -> int:
        """Those of all grids, lattice by lattice."""
        return sum(lattice.outputs for lattice in self.lattices)

    @property
    def operations(self) -> int:
        """One per channel and node around a voxel."""
        return sum(lattice.outputs << len(lattice.axes[0]) for lattice in self.lattices)

    def __call__(self, grid: Int[np.ndarray, "A 3"]) -> Int[np.ndarray, "A E"]:
        """The interpolated numbers of every voxel."""
        u, columns = normalise(grid, self.box), []
        for lattice, table in zip(self.lattices, self.tables, strict=True):
            for one in lattice.grids:
                rows, weights = one.corners(u)
                total = (table[rows] * weights[:, :, None]).sum(axis=1) * self.GAIN
                columns.append((total + (1 << (one.weight_bits - 1))) >> one.weight_bits)
        return np.concatenate(columns, axis=1)


class IntegerTriplane(InterpolatedIntegers):
    """Numbers -31 .. 31; outputs in 1/16 of a number."""

    KIND = 2
    LARGEST, BINARY, GAIN = 31, False, 16


class IntegerHashgrid(InterpolatedIntegers):
    """Numbers -1 and 1; outputs in 1/511."""

    KIND = 3
    LARGEST, BINARY, GAIN = 1, True, 511


ENCODINGS: dict[int, type[IntegerEncoding]] = {
    coded.KIND: coded for coded in (IntegerInr, IntegerFactorised, IntegerTriplane, IntegerHashgrid)
}
"""By their numbers."""
