"""Where compiled kernels are kept, so that no change of the code meets machine code of an older version.

numba's own cache watches only the file a kernel stands in: after a change to a kernel that others call, the callers'
old machine code would go on being used, and a decoder would read files wrongly. Here the folder is named after the
content of the package, as far as sizes and times of its files tell. ``NUMBA_CACHE_DIR`` overrides it.
"""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from numba.core import config

PACKAGE = Path(__file__).resolve().parents[1]


@lru_cache(maxsize=1)
def use_own_cache() -> None:
    """Point numba to the folder of this version; call it before any kernel is declared."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        return
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        status = file.stat()
        digest.update(f"{file.relative_to(PACKAGE)} {status.st_size} {status.st_mtime_ns}\n".encode())
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    config.CACHE_DIR = str(root / "csgaussian" / "kernels" / digest.hexdigest()[:16])  # type: ignore[attr-defined]
