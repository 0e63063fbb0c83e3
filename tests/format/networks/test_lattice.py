"""Interpolation on grids in integers: weights, nodes, and what lattices cannot be."""

import itertools

import numpy as np
import pytest

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.format.networks.lattice import PLANES, SPACE, Lattice
from csgaussian_ns.format.networks.positional import VoxelBox, normalise

BOX = VoxelBox((-50, -50, -50), 100)
VOXELS = np.random.default_rng(1).integers(-60, 60, (300, 3)).astype(np.int32)


@pytest.mark.parametrize(("axes", "total"), [(SPACE, 1 << 18), (PLANES, 1 << 16)])
def test_weights_sum_to_a_power_of_two_and_rows_stay_in_their_grid(axes, total: int):
    lattice = Lattice(axes, 2, 6, (2, 5, 40))
    rows, weights = lattice.corners(VOXELS, BOX)
    assert rows.shape == weights.shape == (len(VOXELS), len(lattice.grids), 1 << len(axes[0]))
    assert (weights >= 0).all() and (weights.sum(axis=2) == total).all()
    for number, grid in enumerate(lattice.grids):
        inside = rows[:, number]
        assert inside.min() >= grid.start and inside.max() < grid.start + grid.rows
    assert lattice.rows == sum(grid.rows for grid in lattice.grids) and lattice.outputs == 2 * len(lattice.grids)


@pytest.mark.parametrize("axes", [SPACE, PLANES])
def test_a_linear_function_of_the_position_is_reproduced(axes):
    resolution = 7
    lattice, u = Lattice(axes, 1, 12, (resolution,)), normalise(VOXELS, BOX)
    rows, weights = lattice.corners(VOXELS, BOX)
    for number, grid in enumerate(lattice.grids):
        nodes = np.array(list(itertools.product(range(resolution), repeat=len(grid.axes))))
        slopes = np.array([3.0, -2.0, 5.0])[: len(grid.axes)]
        found = (((nodes @ slopes)[rows[:, number] - grid.start]) * weights[:, number]).sum(axis=1)
        expected = (u[:, list(grid.axes)] / 65536 * (resolution - 1)) @ slopes
        # fractions have 6 or 8 bits
        assert np.allclose(found / 2**grid.weight_bits, expected, atol=10 / (64 if len(grid.axes) == 3 else 256))


def test_nodes_share_rows_only_where_there_are_too_few():
    lattice = Lattice(SPACE, 1, 9, (8, 9))
    assert [(grid.rows, grid.hashed) for grid in lattice.grids] == [(512, False), (512, True)]
    _, hashed = lattice.grids
    u = np.array([[0, 0, 0], [65535, 65535, 65535]])
    rows, weights = hashed.corners(u)
    nodes = [(i, j, k) for k in (7, 8) for j in (7, 8) for i in (7, 8)]
    expected = [512 + ((i ^ j * 2654435761 ^ k * 805459861) & 511) for i, j, k in nodes]
    assert rows[1].tolist() == expected and rows[0, 0] == 512 and weights[0].tolist() == [1 << 18, *[0] * 7]


@pytest.mark.parametrize(
    ("channels", "log2_rows", "resolutions", "message"),
    [
        (0, 5, (2,), "channels must lie in"),
        (1, 25, (2,), "log2 of the rows"),
        (1, 5, (), "levels must be"),
        (1, 5, (2, 1), "resolutions"),
        (1, 5, (4097,), "resolutions"),
        (128, 24, (4096,), "more than 4194304 entries"),
    ],
)
def test_impossible_lattices_are_refused(channels, log2_rows, resolutions, message):
    with pytest.raises(QuantisationError, match=message):
        Lattice(SPACE, channels, log2_rows, resolutions)
