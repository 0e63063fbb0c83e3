"""Where compiled kernels are kept, so that no change of the code meets machine code of an older version.

numba's own cache watches only the file a kernel stands in: after a change to a kernel that others call, the callers'
old machine code would go on being used, and a decoder would read files wrongly. Here the folder is named after the
content of the packages that kernels stand in or import from, as far as sizes and times of their files tell: a change
of a command compiles nothing anew. ``NUMBA_CACHE_DIR`` overrides it.
"""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from numba.core import config

PACKAGE = Path(__file__).resolve().parents[1]
KERNEL_PACKAGES = ("core", "format", "render")
"""Where kernels, and all that their modules import of this package, may stand: tests/test_architecture.py checks it."""


@lru_cache(maxsize=1)
def use_own_cache() -> None:
    """Point numba to the folder of this version; call it before any kernel is declared."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        return
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    config.CACHE_DIR = str(root / "csgaussian" / "kernels" / version_of(PACKAGE))  # type: ignore[attr-defined]


def version_of(package: Path) -> str:
    """A name that changes with any file of ``KERNEL_PACKAGES`` in the folder ``package``."""
    digest = hashlib.sha256()
    for file in sorted(file for name in KERNEL_PACKAGES for file in (package / name).rglob("*.py")):
        status = file.stat()
        digest.update(f"{file.relative_to(package)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
