"""Distances in integers, against the definition."""

import math

import numpy as np

from csgaussian_ns.format.networks.spacing import FARTHEST, RANKS, WINDOW, spacing


def test_distances_of_rows_around():
    grid = np.unique(np.random.default_rng(0).integers(-30, 30, (60, 3)), axis=0)
    found = spacing(grid)
    for row, told in enumerate(found.tolist()):
        others = [n for n in range(max(0, row - WINDOW), min(len(grid), row + WINDOW + 1)) if n != row]
        squared = sorted(int(((grid[n] - grid[row]) ** 2).sum()) for n in others)
        for rank, value in zip(RANKS, told, strict=True):
            exponent = int(math.log2(squared[rank]))
            assert value == 16 * exponent + math.floor(16 * squared[rank] / 2**exponent) - 16
    assert found.min() > 0 and found.max() < 250


def test_few_anchors_and_far_ones():
    assert spacing(np.zeros((0, 3), np.int32)).shape == (0, len(RANKS))
    assert (spacing(np.zeros((1, 3), np.int32)) == FARTHEST).all()
    far = np.array([[-(2**31)] * 3, [2**31 - 1] * 3, [2**31 - 2, 2**31 - 1, 2**31 - 1]], np.int32)
    assert spacing(far)[:, :2].tolist() == [[16 * 31 + 7] * 2, [0, 16 * 31 + 7], [0, 16 * 31 + 7]]
    assert (spacing(far)[:, 2:] == FARTHEST).all()
