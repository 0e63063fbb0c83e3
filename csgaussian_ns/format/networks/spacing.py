"""How far the anchors around an anchor are, in integers: what their positions tell of its size.

In the order of a file, which follows a curve through space, those close to an anchor are mostly among the next and
the last few. So a few rows in either direction are looked at, and nothing is searched.
"""

import numpy as np

from csgaussian_ns.core.shapes import Int, Int64

WINDOW = 16
"""Rows that are looked at in either direction."""
RANKS = (0, 1, 3, 11)
"""Whose distances count: the nearest, the second, fourth and twelfth."""
SPACINGS = len(RANKS)
FARTHEST = 511
"""What is said where there are too few anchors."""
_MOST = 32767
_NOBODY = (1 << 32) - 1


def spacing(grid: Int[np.ndarray, "A 3"]) -> Int64[np.ndarray, "A 4"]:
    """Distances of ``RANKS`` as logarithms, 0..511: 16 for each doubling of the squared distance.

    Args:
        grid: Distinct voxels of a chunk, in the order of the file.
    """
    voxels = grid.astype(np.int64)
    apart = np.full((len(voxels), 2 * WINDOW), _NOBODY, np.int64)
    for away in range(1, min(WINDOW, len(voxels) - 1) + 1):
        squared = (np.abs(voxels[away:] - voxels[:-away]).clip(max=_MOST) ** 2).sum(axis=1)
        apart[away:, 2 * away - 2] = apart[:-away, 2 * away - 1] = squared
    nearest = np.partition(apart, RANKS, axis=1)[:, RANKS]
    exponent = np.frexp(nearest.astype(np.float64))[1].astype(np.int64) - 1  # exact: below 2**53
    return 16 * exponent + ((16 * nearest) >> exponent) - 16
