"""What code needs that works on arrays of numpy as well as of torch, and imports no torch.

Both libraries know most functions by one name, and beside its own word ``dim`` torch takes numpy's ``axis``. So a
formula is written once with ``namespace(array).exp(array)`` and the like; what they call differently is here.
"""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from typing import Any

import numpy as np


def namespace(array: Any) -> Any:
    """The module whose functions take ``array``: ``numpy``, or ``torch`` for a tensor."""
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]


def rows(array: Any, index: Any) -> Any:
    """``array[index]`` for integers; of torch by ``index_select``, whose gradient is cheaper than that of brackets."""
    return array.take(index, axis=0) if isinstance(array, np.ndarray) else array.index_select(0, index)


def places(mask: Any) -> Any:
    """Indices at which a mask of one axis is true, ascending."""
    return namespace(mask).where(mask)[0]


def is_one_of(array: Any, values: Iterable[int]) -> Any:
    """Where integers are among ``values``."""
    if isinstance(array, np.ndarray):
        return np.isin(array, np.array(list(values), array.dtype))
    return sys.modules["torch"].isin(array, array.new_tensor(list(values)))


def ascending(array: Any) -> Any:
    """Indices that sort an array of one axis; what is equal stays in order."""
    return np.argsort(array, kind="stable") if isinstance(array, np.ndarray) else array.argsort(stable=True)


def median(array: Any) -> Any:
    """Of an array of one axis; of the two in the middle the lower one."""
    if not isinstance(array, np.ndarray):
        return array.median()
    middle = (len(array) - 1) // 2
    return np.partition(array, middle)[middle]


def constants(numbers: Any, other: Any) -> Any:
    """``numbers`` as an array of the library and the type of ``other``, and on its device."""
    return np.array(numbers, other.dtype) if isinstance(other, np.ndarray) else other.new_tensor(numbers)


def single(array: Any) -> Any:
    """In single precision."""
    return array.astype(np.float32) if isinstance(array, np.ndarray) else array.float()


def sigmoid(array: Any) -> Any:
    """1 / (1 + exp(-x)), accurate on both sides and without overflow."""
    if not isinstance(array, np.ndarray):
        return array.sigmoid()
    small = np.abs(array, out=np.empty_like(array))
    np.exp(np.negative(small, out=small), out=small)
    result = 1 + small
    np.copyto(small, 1, where=array >= 0)
    return np.divide(small, result, out=result)


def largest(array: Any) -> Any:
    """The largest along the last axis, which is short: numpy is slow along such an axis, and fast across it."""
    return reduce(np.maximum, np.moveaxis(array, -1, 0)) if isinstance(array, np.ndarray) else array.amax(dim=-1)


def lengths(array: Any) -> Any:
    """Euclidean lengths of the vectors along the last axis, which is kept."""
    if not isinstance(array, np.ndarray):
        return sys.modules["torch"].linalg.norm(array, dim=-1, keepdim=True)
    return np.sqrt(np.einsum("...i,...i->...", array, array))[..., None]


def none_of(array: Any) -> Any:
    """A mask of the rows of ``array`` that is false everywhere."""
    return np.zeros(len(array), np.bool_) if isinstance(array, np.ndarray) else array.new_zeros(len(array)).bool()


def detached(array: Any) -> Any:
    """The same numbers without a gradient."""
    return array if isinstance(array, np.ndarray) else array.detach()


def without_gradients(array: Any) -> AbstractContextManager:
    """Within it, nothing that is computed of tensors such as ``array`` has a gradient."""
    return nullcontext() if isinstance(array, np.ndarray) else sys.modules["torch"].no_grad()


def to_numpy(array: Any) -> np.ndarray:
    """The same numbers in an array of numpy, which shares memory with a tensor on the CPU."""
    return array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()


def like(array: Any, other: Any) -> Any:
    """``array`` in the library and the type of ``other``, and on its device; the very same where it is so already."""
    if isinstance(other, np.ndarray):
        return to_numpy(array).astype(other.dtype, copy=False)
    return sys.modules["torch"].as_tensor(array).to(other)
