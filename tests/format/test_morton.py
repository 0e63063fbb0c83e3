"""Morton keys against a bit-by-bit definition, their inverse, and the order they give."""

import numpy as np
import pytest

from csgaussian_ns.format.morton import MAX_BITS, morton_cells, morton_key, morton_order

TOP = (1 << MAX_BITS) - 1


def bit_by_bit(x, y, z):
    key = 0
    for bit in range(MAX_BITS):
        for place, value in ((2, x), (1, y), (0, z)):
            key |= (value >> bit & 1) << (3 * bit + place)
    return key


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32])
def test_keys_follow_the_definition(dtype):
    draw = np.random.default_rng(1)
    grid = np.concatenate([draw.integers(0, TOP + 1, (500, 3)), [[0, 0, 0], [TOP, 0, 0], [0, TOP, 0], [TOP, TOP, TOP]]])
    keys = morton_key(grid.astype(dtype))
    assert keys.dtype == np.uint64
    assert keys.tolist() == [bit_by_bit(*map(int, row)) for row in grid]


@pytest.mark.parametrize(
    ("point", "key"), [((1, 0, 0), 4), ((0, 1, 0), 2), ((0, 0, 1), 1), ((2, 0, 1), 33), ((TOP, TOP, TOP), 2**63 - 1)]
)
def test_x_is_the_most_significant_axis(point, key):
    assert morton_key(np.array([point], np.int32)).tolist() == [key]


def test_cells_invert_keys():
    draw = np.random.default_rng(2)
    grid = draw.integers(0, TOP + 1, (1000, 3)).astype(np.int32)
    grid[:2] = [[0, 0, 0], [TOP, TOP, TOP]]
    for keys in (morton_key(grid), morton_key(grid).astype(np.int64)):
        cells = morton_cells(keys)
        assert cells.dtype == np.int32
        assert np.array_equal(cells, grid)


def test_order_is_stable_and_sorts():
    grid = np.array([[1, 1, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 0]], np.int32)
    assert morton_order(grid).tolist() == [1, 4, 3, 0, 2]


def test_cells_of_every_level_are_runs():
    grid = np.random.default_rng(3).integers(0, 64, (3000, 3)).astype(np.int32)
    ordered = grid[morton_order(grid)]
    for level in range(7):
        cell = morton_key(ordered >> level)
        assert (np.diff(cell.astype(np.int64)) >= 0).all()


def test_no_points():
    empty = np.empty((0, 3), np.int32)
    assert morton_key(empty).shape == morton_order(empty).shape == (0,)
    assert morton_cells(morton_key(empty)).shape == (0, 3)


@pytest.mark.parametrize("bad", [-1, TOP + 1])
def test_coordinates_out_of_range(bad):
    with pytest.raises(ValueError, match=rf"\[0, 2097152\).*{bad}"):
        morton_key(np.array([[0, bad, 5], [1, 2, 3]], np.int64))
