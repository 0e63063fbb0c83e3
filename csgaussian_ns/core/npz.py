"""Arrays as a NumPy archive (``.npz``)."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from csgaussian_ns.core.files import replacing

_LONG = 1 << 30
"""Bytes from which on an array gets the long kind of entry, which zip needs from 2 GiB on."""


def write_npz(path: Path, arrays: Mapping[str, Any], compressed: bool = False) -> int:
    """Write an archive; at any moment the old one, the complete new one, or none is there.

    The same arrays give the same bytes: NumPy's own writer puts the time of day into them, and leaves the archive open
    when the disk is full.

    Args:
        path: The file.
        arrays: By name; what ``numpy.asanyarray`` takes, but no Python objects.
        compressed: Whether to spend time on a smaller file.

    Returns:
        Bytes written.

    Raises:
        ConfigError: It cannot be written.
    """
    with replacing(path) as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, values in arrays.items():
                array, entry = np.asanyarray(values), zipfile.ZipInfo(f"{name}.npy")
                entry.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
                with archive.open(entry, "w", force_zip64=array.nbytes >= _LONG) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        return file.tell()
