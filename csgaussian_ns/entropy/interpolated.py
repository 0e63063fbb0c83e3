"""Learned numbers at the nodes of grids, interpolated where an anchor is: what triplanes and hash grids share."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Float, Int, Int8
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.format.networks.encodings import InterpolatedIntegers
from csgaussian_ns.format.networks.lattice import Lattice


class InterpolatedEncoding(SpatialEncoding):
    """The same with real numbers that are rounded on their way, and cost what their coding costs.

    Attributes:
        tables: One parameter per lattice.
    """

    CODED: ClassVar[type[InterpolatedIntegers]]
    NUMBER_UNIT: ClassVar[float]
    """What the number 1 of a table stands for."""

    def __init__(self, lattices: tuple[Lattice, ...], spread: float) -> None:
        """Tables for ``lattices``, uniform in ``+-spread``."""
        super().__init__()
        self.lattices = lattices
        tables = (torch.empty(lattice.rows, lattice.channels).uniform_(-spread, spread) for lattice in lattices)
        self.tables = nn.ParameterList(nn.Parameter(table) for table in tables)

    @abstractmethod
    def numbers(self, table: Float[Tensor, "rows C"]) -> Float[Tensor, "rows C"]:
        """The whole numbers that a file would hold, straight-through."""

    @abstractmethod
    def number_bits(self, numbers: Float[Tensor, "rows C"]) -> Float[Tensor, ""]:
        """Estimated cost of the numbers of one grid, differentiable."""

    @property
    def channels(self) -> int:
        """Those of all grids, lattice by lattice."""
        return sum(lattice.outputs for lattice in self.lattices)

    def table_bits(self) -> Float[Tensor, ""]:
        """Estimated cost of all tables in bits, differentiable."""
        bits = []
        for lattice, table in zip(self.lattices, self.tables, strict=True):
            numbers = self.numbers(table)
            bits += [self.number_bits(numbers[grid.start : grid.start + grid.rows]) for grid in lattice.grids]
        return torch.stack(bits).sum()

    def places(self, grid: Int[np.ndarray, "A 3"]) -> tuple[np.ndarray, ...]:
        """Rows and weights of the nodes around each voxel, lattice by lattice."""
        parts = []
        for lattice in self.lattices:
            rows, weights = lattice.corners(grid, self.box)
            total = 1 << lattice.grids[0].weight_bits
            parts += [rows.astype(np.int32), weights.astype(np.float32) / np.float32(total)]
        return tuple(parts)

    def encode(self, *places: Tensor) -> Float[Tensor, "A E"]:
        """Interpolate."""
        columns = []
        for table, rows, weights in zip(self.tables, places[::2], places[1::2], strict=True):
            numbers = self.numbers(table) * self.NUMBER_UNIT
            corners = rows.shape[2]
            bags = nn.functional.embedding_bag(
                rows.reshape(-1, corners), numbers, mode="sum", per_sample_weights=weights.reshape(-1, corners)
            )
            columns.append(bags.reshape(len(rows), rows.shape[1] * table.shape[1]))
        return torch.cat(columns, dim=1)

    @torch.no_grad()
    def integers(self, grid: Int[np.ndarray, "A 3"]) -> InterpolatedIntegers:
        """The numbers as a file holds them. Those that no anchor asks for become what is cheapest to code."""
        tables = []
        for lattice, table in zip(self.lattices, self.tables, strict=True):
            rows, weights = lattice.corners(grid, self.box)
            asked = np.zeros(lattice.rows, bool)
            asked[rows[weights > 0]] = True
            numbers = self.numbers(table).round().to(torch.int8).cpu().numpy()
            for one in lattice.grids:
                part = slice(one.start, one.start + one.rows)
                numbers[part][~asked[part]] = self._usual(numbers[part][asked[part]])
            tables.append(numbers)
        return self.CODED(self.box, self.lattices, tuple(tables))

    def _usual(self, numbers: Int8[np.ndarray, "rows C"]) -> Int8[np.ndarray, " C"]:
        if not self.CODED.BINARY:
            return np.zeros(numbers.shape[1], np.int8)
        return np.where(numbers.sum(axis=0) >= 0, 1, -1).astype(np.int8)
