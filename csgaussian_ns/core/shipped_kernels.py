"""Machine code that a wheel brings, so that the first call after an installation compiles nothing.

numba compiles for the very machine it runs on. What a wheel brings is compiled for a baseline that nearly all machines
of its platform surpass; a machine below it, another version of numba or of Python, or a package whose kernels were
edited, compiles for itself as if the wheel had brought nothing. ``scripts/wheel_backend.py`` builds such wheels.
"""

import functools
import hashlib
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from llvmlite import binding
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.dispatcher import Dispatcher

PACKAGE = Path(__file__).resolve().parents[1]
FOLDER = PACKAGE / "kernels"
KERNEL_PACKAGES = ("core", "format", "render")
"""Where kernels, and all that their modules import of this package, may stand: tests/test_architecture.py checks it."""


class Baseline(NamedTuple):
    """What code is compiled for: LLVM's name of a processor, and features that it has beyond the platform's least."""

    cpu: str
    features: tuple[str, ...]

    @property
    def flags(self) -> str:
        """The features as LLVM takes them."""
        return ",".join(f"+{name}" for name in self.features)


BASELINES = {
    "x86_64": Baseline("x86-64-v3", ("avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "popcnt", "sse4.2")),
    "aarch64": Baseline("generic", ("neon",)),
    "arm64": Baseline("generic", ("neon",)),
}
"""By ``platform.machine()``. v3: Intel since 2013, AMD since 2015."""


def load(cache: FunctionCache, signature: Any, target: Any) -> Any:
    """Compiled code for a signature of the function that ``cache`` is of; ``None`` where none was brought for it.

    Raises:
        OSError: It cannot be read.
    """
    if not _usable():
        return None
    data = _file(cache, FOLDER).load(_key(cache, signature, target.codegen()))
    return None if data is None else cache._impl.rebuild(target, data)  # type: ignore[attr-defined]


def save(kernels: Iterable[Dispatcher], folder: Path) -> int:
    """Write what was compiled of kernels that are kept; how much that is, each for one kind of arguments.

    The process must compile for the baseline: its ``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` say so.
    """
    made = [(kernel._cache, compiled) for kernel in kernels for compiled in kernel.overloads.values()]  # type: ignore[attr-defined]
    for cache, compiled in made:
        key = _key(cache, tuple(compiled.signature.args), compiled.codegen)
        _file(cache, folder).save(key, cache._impl.reduce(compiled))
    return len(made)


def baseline() -> Baseline | None:
    """Of this platform."""
    return BASELINES.get(platform.machine())


@functools.cache
def sources_digest(package: Path) -> str:
    """SHA-256 of all files that kernels depend on in the folder ``package``."""
    digest = hashlib.sha256()
    for file in sorted(file for name in KERNEL_PACKAGES for file in (package / name).rglob("*.py")):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@functools.cache
def _usable() -> bool:
    lowest = baseline()
    if lowest is None or not FOLDER.is_dir():
        return False
    features = binding.get_host_cpu_features()
    return all(features.get(name) for name in lowest.features)


def _file(cache: FunctionCache, folder: Path) -> IndexDataCacheFile:
    return IndexDataCacheFile(str(folder), cache._impl.filename_base, sources_digest(PACKAGE))  # type: ignore[attr-defined]


def _key(cache: FunctionCache, signature: Any, codegen: Any) -> Any:
    """numba's, with the baseline in place of the machine."""
    signature, (triple, _, _), code = cache._index_key(signature, codegen)
    lowest = baseline()
    assert lowest is not None
    return signature, (triple, lowest.cpu, lowest.flags), code
