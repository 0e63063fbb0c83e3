"""What the coders' kernels read and write, compiled or interpreted (see ``core.jit``).

Compiled kernels take numpy arrays. Interpreted ones take memoryviews of them: their items are Python integers, which
are exact where numpy scalars would wrap, and about three times as fast. Constant tables differ for the same reason.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from csgaussian_ns.core.jit import COMPILED


def buffer(array: np.ndarray) -> Any:
    """What a kernel takes in place of a one-dimensional, contiguous array; writes reach the array."""
    return array if COMPILED else memoryview(array)  # type: ignore[arg-type]


def constants(values: Iterable[int]) -> Any:
    """An int64 lookup table that kernels may read as a global."""
    return np.array(list(values), np.int64) if COMPILED else tuple(values)
