"""How integer kernels are compiled, and that they also run where numba is missing: slowly, with the same results.

A kernel must mean the same to numba and to plain Python. So it works on signed 64-bit integers that never overflow
(numba would wrap, Python would not), and it checks every index that depends on data: compiled code has no bounds
checks, and a corrupt file would write outside its arrays. ``NUMBA_BOUNDSCHECK=1`` switches them on for tests.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

try:
    from numba import njit

    from csgaussian_ns.core.kernel_cache import cached
except ImportError:  # pragma: no cover - a subprocess test covers it
    njit = cached = None

COMPILED = njit is not None
"""Whether kernels are machine code here."""

_F = TypeVar("_F", bound=Callable[..., Any])


def kernel(function: _F) -> _F:
    """Compile an integer kernel: no GIL, kept on disk. Without numba, return the function as it is."""
    if njit is None or cached is None:
        return function
    return cast(_F, cached(njit(nogil=True, error_model="numpy")(function)))


def inlined_kernel(function: _F) -> _F:
    """A kernel that is compiled into its callers, for what is done once a bit.

    Whether LLVM inlines it by itself depends on what was compiled before; where it did not, masks took 3 times as long,
    positions twice, labels 10 times.
    """
    if njit is None or cached is None:
        return function
    return cast(_F, cached(njit(nogil=True, error_model="numpy", forceinline=True)(function)))
