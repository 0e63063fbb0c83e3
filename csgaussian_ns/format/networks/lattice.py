"""Linear interpolation between the nodes of grids, in integers: how learned spatial encodings look up their tables.

A grid of R nodes per axis spans a ``VoxelBox``. With ``t = u * (R - 1)``, u = 0 .. 65535 a normalised
coordinate, ``t >> 16`` is the node below and the next F bits are the fraction f. A node weighs the product over axes of
``2**F - f`` (below) or ``f`` (above); F is 8 in planes and 6 in space, so weights sum to 2**16 and 2**18.

A grid has R**d rows of its table if that is at most ``2**log2_rows``: node (i, j, ..) has row (i R + j) R + .. A larger
grid has 2**log2_rows that nodes share: row ``(i ^ j * 2654435761 ^ k * 805459861) mod rows`` (Instant NGP, Eq. 4).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.core.shapes import Int, Int64
from csgaussian_ns.format.networks.positional import VoxelBox, normalise

SPACE = ((0, 1, 2),)
PLANES = ((0, 1), (0, 2), (1, 2))
"""Axes of the grids of a level."""
MAX_CHANNELS, MAX_LOG2_ROWS, MAX_LEVELS, MAX_RESOLUTION = 128, 24, 16, 4096
MAX_ENTRIES = 1 << 22
"""Numbers in the table of a lattice."""
_PRIMES = (1, 2654435761, 805459861)


@dataclass(frozen=True)
class Grid:
    """One grid of a lattice.

    Attributes:
        axes: Which coordinates it spans.
        resolution: Nodes per axis.
        start, rows: Its rows of the table.
        hashed: Nodes share rows.
    """

    axes: tuple[int, ...]
    resolution: int
    start: int
    rows: int
    hashed: bool

    @property
    def weight_bits(self) -> int:
        """log2 of the sum of a voxel's weights."""
        return len(self.axes) * self._fraction_bits

    @property
    def _fraction_bits(self) -> int:
        return 6 if len(self.axes) == 3 else 8

    def corners(
        self, u: Int64[np.ndarray, "A 3"]
    ) -> tuple[Int64[np.ndarray, "A corners"], Int64[np.ndarray, "A corners"]]:
        """Rows and weights of the nodes around normalised coordinates; see the module."""
        scaled = u[:, list(self.axes)] * (self.resolution - 1)
        below, bits = scaled >> 16, self._fraction_bits
        fraction = (scaled >> (16 - bits)) & ((1 << bits) - 1)
        rows, weights = [], []
        for corner in range(1 << len(self.axes)):
            above = [corner >> i & 1 for i in range(len(self.axes))]
            node = [below[:, i] + up for i, up in enumerate(above)]
            weight = [fraction[:, i] if up else (1 << bits) - fraction[:, i] for i, up in enumerate(above)]
            rows.append(self._row(node) + self.start)
            weights.append(np.stack(weight).prod(axis=0))
        return np.stack(rows, axis=1), np.stack(weights, axis=1)

    def _row(self, node: list[np.ndarray]) -> np.ndarray:
        row = np.zeros_like(node[0])
        for coordinate, prime in zip(node, _PRIMES, strict=False):
            row = row ^ coordinate * prime if self.hashed else row * self.resolution + coordinate
        return row & (self.rows - 1) if self.hashed else row


@dataclass(frozen=True)
class Lattice:
    """Grids of several resolutions whose tables lie one behind the other.

    Attributes:
        axes: ``SPACE`` or ``PLANES``.
        channels: Numbers per node.
        log2_rows: Where nodes begin to share rows.
        resolutions: Nodes per axis of each level.
    """

    axes: tuple[tuple[int, ...], ...]
    channels: int
    log2_rows: int
    resolutions: tuple[int, ...]

    def __post_init__(self) -> None:
        checks = {
            f"{self.channels} channels must lie in 1..{MAX_CHANNELS}": 1 <= self.channels <= MAX_CHANNELS,
            f"log2 of the rows {self.log2_rows} must lie in 1..{MAX_LOG2_ROWS}": 1 <= self.log2_rows <= MAX_LOG2_ROWS,
            f"{len(self.resolutions)} levels must be 1..{MAX_LEVELS}": 1 <= len(self.resolutions) <= MAX_LEVELS,
            f"resolutions {self.resolutions} must lie in 2..{MAX_RESOLUTION}": all(
                2 <= resolution <= MAX_RESOLUTION for resolution in self.resolutions
            ),
            f"tables have more than {MAX_ENTRIES} entries": self.rows * self.channels <= MAX_ENTRIES,
        }
        for message, holds in checks.items():
            if not holds:
                raise QuantisationError(f"lattice: {message}")

    @cached_property
    def grids(self) -> tuple[Grid, ...]:
        """Level by level."""
        return tuple(self._grids())

    def _grids(self) -> Iterator[Grid]:
        start, most = 0, 1 << self.log2_rows
        for resolution in self.resolutions:
            for axes in self.axes:
                nodes = resolution ** len(axes)
                rows = min(nodes, most)
                yield Grid(axes, resolution, start, rows, nodes > most)
                start += rows

    @property
    def rows(self) -> int:
        """Of all grids."""
        return self.grids[-1].start + self.grids[-1].rows if self.resolutions else 0

    @property
    def outputs(self) -> int:
        """Channels of all grids."""
        return len(self.grids) * self.channels

    def corners(
        self, grid: Int[np.ndarray, "A 3"], box: VoxelBox
    ) -> tuple[Int64[np.ndarray, "A grids corners"], Int64[np.ndarray, "A grids corners"]]:
        """Rows and weights of the nodes around voxels, for every grid."""
        u = normalise(grid, box)
        rows, weights = zip(*(one.corners(u) for one in self.grids), strict=True)
        return np.stack(rows, axis=1), np.stack(weights, axis=1)
