"""A file of Gaussians whose chunks are shares of the whole scene, the most important ones first; see ``arranged``."""

import numpy as np

from csgaussian_ns.core.shapes import Int
from csgaussian_ns.format.gaussians.known import known_of
from csgaussian_ns.format.gaussians.read import GaussianFile
from csgaussian_ns.format.gaussians.rows import GaussianRows
from csgaussian_ns.format.gaussians.write import file_of


def arranged_gaussians(file: GaussianFile, rows: GaussianRows, share: Int[np.ndarray, " N"]) -> bytes:
    """The file with its Gaussians in other chunks; EDIT, and what this version does not know, are left out.

    Args:
        file: Opened with all its chunks.
        rows: What is in it.
        share: Of each Gaussian in the order of the file: a smaller one comes earlier. Of those on one voxel, all but
            that of the smallest share come last.

    Raises:
        FormatError: Damaged.
    """
    [meta] = (file.container.read(entry) for entry in file.container.of_kind("META"))
    return file_of(rows, meta, known_of(file, rows.grid), share.astype(np.int64))
