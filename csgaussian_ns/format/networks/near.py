"""Which decoded anchors an anchor looks at, in integers, and what it sees of them (HEMGS 3.3.3).

Anchors of a chunk are coded in waves. The wave of an anchor follows from its voxel alone: whoever leaves anchors out
of a file moves no other anchor to another wave. An anchor sees those of earlier waves inside a cube around it: all of
them if they are few, else the nearest ones (adaptive context selection).
"""

from dataclasses import dataclass
from typing import Any, no_type_check

import numpy as np

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.core.jit import kernel
from csgaussian_ns.core.shapes import Int, Int32, Int64

LATTICE = (1, 5, 11)
"""The wave of voxel (x, y, z) depends on how often x + 5 y + 11 z can be halved."""
MAX_WAVES, MAX_NEAR, MAX_REACH = 16, 255, 63
FACTS = 2
"""Inputs that say how many neighbours there are and how near the nearest is, behind those that say what they are."""
_WEIGHT = 1 << 16
_FULL = 511
_HALFWAY = 4


@dataclass(frozen=True)
class Neighbourhood:
    """Which neighbours count.

    Attributes:
        waves: Parts of a chunk that are coded one after the other; each is about twice as large as the one before.
        most: Neighbours of an anchor, at most.
        reach: Voxels from the middle of the cube to its faces: 12 is a cube of 25 voxels.

    Raises:
        QuantisationError: A number that files cannot hold.
    """

    waves: int = 5
    most: int = 20
    reach: int = 12

    def __post_init__(self) -> None:
        for name, value, limit in (
            ("waves", self.waves, MAX_WAVES),
            ("most", self.most, MAX_NEAR),
            ("reach", self.reach, MAX_REACH),
        ):
            if not 1 <= value <= limit:
                raise QuantisationError(f"neighbours: {name} must lie in 1..{limit}, got {value}")

    @property
    def candidates(self) -> int:
        """Anchors that are compared with one anchor, at most."""
        return (3 * (self.reach + 1)) ** 3

    def waves_of(self, grid: Int[np.ndarray, "A 3"]) -> Int64[np.ndarray, " A"]:
        """The wave of each voxel, 0 .. waves - 1; half of all voxels are in the last, a quarter in the one before."""
        place = grid.astype(np.int64) @ np.array(LATTICE)
        wave = np.full(len(grid), self.waves - 1, np.int64)
        for halvings in range(1, self.waves):
            wave[place & ((1 << halvings) - 1) == 0] = self.waves - 1 - halvings
        return wave


@dataclass(frozen=True)
class Near:
    """The neighbours of the anchors of a chunk.

    Attributes:
        wave: Of each anchor.
        rows: Its neighbours, the nearest first, of equally near ones the one of the lower row; -1 behind the last.
        weight: What each of them counts, ``2**16 // (1 + squared distance)``; 0 behind the last.
        facts: 511 times the share of ``most`` that there are; ``2044 // (4 + squared distance)`` of the nearest, or 0.
    """

    wave: Int64[np.ndarray, " A"]
    rows: Int32[np.ndarray, "A n"]
    weight: Int64[np.ndarray, "A n"]
    facts: Int64[np.ndarray, "A 2"]


def find_near(grid: Int[np.ndarray, "A 3"], selection: Neighbourhood) -> Near:
    """The neighbours of every anchor of a chunk: time and memory are linear in the anchors.

    Args:
        grid: Distinct voxels, in the order of the file.
        selection: Which count.
    """
    wave = selection.waves_of(grid)
    rows = np.full((len(grid), selection.most), -1, np.int32)
    apart = np.zeros((len(grid), selection.most), np.int64)
    if len(grid):
        relative = grid.astype(np.int64) - grid.min(axis=0)
        cell = relative // (selection.reach + 1) + 1  # cells beyond the border exist, and are empty
        size = cell.max(axis=0) + 2
        key = (cell[:, 0] * size[1] + cell[:, 1]) * size[2] + cell[:, 2]
        order = np.argsort(key, kind="stable")
        best = np.empty(selection.most, np.int64)
        _search(
            relative, wave, key, order, key[order], (int(size[1]), int(size[2])), selection.reach, best, rows, apart
        )
    there = rows >= 0
    weight = np.where(there, _WEIGHT // (1 + apart), 0)
    nearest = np.where(there[:, 0], _FULL * _HALFWAY // (_HALFWAY + apart[:, 0]), 0)
    return Near(wave, rows, weight, np.stack([_FULL * there.sum(axis=1) // selection.most, nearest], axis=1))


def seen(near: Near, of: Int64[np.ndarray, " n"], known: Int64[np.ndarray, "A C"]) -> Int64[np.ndarray, "n inputs"]:
    """Weighted means of what is known of the neighbours of some anchors, rounded down, and the facts behind them.

    Args:
        near: Of all anchors.
        of: Which ones.
        known: Of all anchors, in the unit of inputs; of neighbours alone it is looked at.
    """
    means = np.zeros((len(of), known.shape[1]), np.int64)
    _means(near.rows, near.weight, of, known, means)
    return np.concatenate([means, near.facts[of]], axis=1)


@kernel
@no_type_check
def _search(  # noqa: PLR0913
    grid: Any,
    wave: Any,
    key: Any,
    order: Any,
    ordered: Any,
    size: Any,
    reach: int,
    best: Any,
    rows: Any,
    apart: Any,
) -> None:
    """Compare each anchor with those of the 27 cells around it.

    ``order`` sorts anchors by cell, ``ordered`` are their keys, three of which follow each other along z.
    A candidate is told by ``squared distance * anchors + row``; ``best`` holds the smallest ones in order.
    """
    count, most = len(grid), len(best)
    for row in range(count):
        found = 0
        x, y, z = grid[row, 0], grid[row, 1], grid[row, 2]
        for beside in range(9):
            middle = key[row] + ((beside // 3 - 1) * size[0] + beside % 3 - 1) * size[1]
            first = np.searchsorted(ordered, middle - 1)
            for at in range(first, count):
                if ordered[at] > middle + 1:
                    break
                other = order[at]
                dx, dy, dz = abs(grid[other, 0] - x), abs(grid[other, 1] - y), abs(grid[other, 2] - z)
                if wave[other] >= wave[row] or max(dx, dy, dz) > reach:
                    continue
                candidate = (dx * dx + dy * dy + dz * dz) * count + other
                if found == most and candidate >= best[most - 1]:
                    continue
                place = found if found < most else most - 1
                while place > 0 and candidate < best[place - 1]:
                    best[place] = best[place - 1]
                    place -= 1
                best[place] = candidate
                found = min(found + 1, most)
        for place in range(found):
            rows[row, place] = best[place] % count
            apart[row, place] = best[place] // count


@kernel
@no_type_check
def _means(rows: Any, weight: Any, of: Any, known: Any, means: Any) -> None:
    """Weighted means of the rows of ``known`` that each row of ``rows`` names."""
    for i in range(len(of)):
        total = 0
        for place in range(rows.shape[1]):
            other = rows[of[i], place]
            if other < 0:
                break
            share = weight[of[i], place]
            total += share
            for channel in range(known.shape[1]):
                means[i, channel] += share * known[other, channel]
        for channel in range(known.shape[1]):
            if total > 0:
                means[i, channel] = means[i, channel] // total
