"""Where compiled kernels are kept, so that no change of the code meets machine code of an older version.

numba's own cache watches only the file a kernel stands in: after a change to a kernel that others call, the callers'
old machine code would go on being used, and a decoder would read files wrongly. Here the folder is named after the
content of the packages that kernels stand in or import from, as far as sizes and times of their files tell: a change
of a command compiles nothing anew. ``NUMBA_CACHE_DIR`` overrides it.

Code that came with the package is used first (``shipped_kernels``).

A cache is a convenience: where the folder cannot be made or read, or its disk is full, kernels are compiled in every
process, and a ``SlowStart`` warning says so. numba itself would raise, or fall back to a folder without versions.
"""

import hashlib
import os
import warnings
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251  # what numba raises about its own files
from typing import Any, TypeVar

from numba import __version__ as numba_version
from numba.core import config
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher
from numba.core.runtime.nrt import rtsys

from csgaussian_ns.core import shipped_kernels
from csgaussian_ns.core.errors import SlowStart
from csgaussian_ns.core.shipped_kernels import KERNEL_PACKAGES, PACKAGE

KERNELS: list[Dispatcher] = []
"""All kernels of the process that are kept."""
MANY = 4
"""Kernels compiled in one process before we say why it takes so long."""
_COMPILED: list[str] = []
_SEEN = ("0.68.",)
"""Versions of numba whose kept code was seen to run in a target that only knows how to allocate."""

_Kernel = TypeVar("_Kernel")


class _Cache(FunctionCache):
    """numba's, but what cannot be read is compiled, and what cannot be written is not kept."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        _make_ready(target_context)
        with suppress(OSError, EOFError, UnpicklingError, ValueError):  # what came broken is compiled here
            brought = shipped_kernels.load(self, sig, target_context)
            if brought is not None:
                return brought
        try:
            return self._load_overload(sig, target_context)
        except EOFError:  # a power cut left an empty file
            with suppress(OSError):
                self.flush()
        except OSError as error:
            _warn(str(error.strerror))
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        _COMPILED.append(self._name)
        if len(_COMPILED) == MANY:
            warnings.warn(
                "compiling kernels; only the first call does, for up to half a minute", SlowStart, stacklevel=1
            )
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn(str(error.strerror))


def _make_ready(target_context: Any) -> None:
    """So that kept code runs. numba would import all that it can compile (0.5 s); a compilation does it by itself."""
    if numba_version.startswith(_SEEN):
        rtsys.initialize(target_context)
    else:
        target_context.refresh()


def cached(kernel: _Kernel) -> _Kernel:
    """A kernel as numba's ``njit`` returned it, whose machine code is kept on disk if that is possible."""
    if isinstance(kernel, Dispatcher):  # not with NUMBA_DISABLE_JIT
        found = _cache_of(kernel)
        if found is not None:
            kernel._cache = found  # type: ignore[attr-defined]  # as its enable_caching() does
            KERNELS.append(kernel)
    return kernel


def _cache_of(kernel: Dispatcher) -> _Cache | None:
    try:
        folder = _use_own_folder()
    except RuntimeError as error:  # no home
        _warn(str(error))
        return None
    with suppress(RuntimeError):  # numba found no folder that can be written, or else one of its own choice
        found = _Cache(kernel.py_func)
        if Path(found.cache_path).is_relative_to(folder):
            return found
    _warn(f"the folder {folder} cannot be written")
    return None


@cache
def _warn(reason: str) -> None:
    """Once for a reason: there are many kernels, and numba makes Python forget which warnings it has shown."""
    warnings.warn(f"compiled kernels cannot be kept, so every command compiles anew: {reason}", SlowStart, stacklevel=1)


@lru_cache(maxsize=1)
def _use_own_folder() -> Path:
    """Point numba to the folder of this version, unless the user has named one."""
    if not os.environ.get("NUMBA_CACHE_DIR"):
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        config.CACHE_DIR = str(root / "csgaussian" / "kernels" / version_of(PACKAGE))  # type: ignore[attr-defined]
    return Path(config.CACHE_DIR)  # type: ignore[attr-defined]


def version_of(package: Path) -> str:
    """A name that changes with any file of ``KERNEL_PACKAGES`` in the folder ``package``."""
    digest = hashlib.sha256()
    for file in sorted(file for name in KERNEL_PACKAGES for file in (package / name).rglob("*.py")):
        status = file.stat()
        digest.update(f"{file.relative_to(package)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
