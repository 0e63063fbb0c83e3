"""Motions and colours of edits put into plain Gaussians, which anchors cannot take."""

import numpy as np

from csgaussian_ns.core.shapes import Bool, Float, Float32
from csgaussian_ns.export.frame import placed
from csgaussian_ns.format.gaussians.read import CodedGaussians
from csgaussian_ns.format.gaussians.rows import Arrays, GaussianRows, rounded
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import CONSTANT
from csgaussian_ns.scene.splats import Splats
from csgaussian_ns.semantic.shown import Look, recolouring


def baked(coded: CodedGaussians, look: Look, changed: Bool[np.ndarray, " N"]) -> GaussianRows:
    """The rows of a file with some of them where a look puts them, and in its colours.

    They are rounded to the steps of the file again; all others keep their integers. Harmonics turn along. Of a new
    colour the bounds that the renderer sets per view are left out, since harmonics know none.

    Args:
        coded: The file.
        look: Motions and colours by row.
        changed: Which rows these are.

    Raises:
        QuantisationError: One of them goes where no file reaches.
    """
    scene, grid, values = GaussianScene(*coded.arrays), coded.rows.grid.copy(), coded.rows.values.copy()
    for number, motion in enumerate(look.motions):
        rows = changed & (look.group == number)
        if not rows.any():
            continue
        part = placed(Splats(scene).where(rows).scene, motion)
        harmonics = _tinted(part.harmonics, look.tint[rows], look.tinted[rows])
        arrays = Arrays(part.means, part.quats, part.scales, part.opacities, harmonics)
        made = rounded(arrays, coded.meta)
        grid[rows], values[rows] = made.grid, made.values
    return GaussianRows(grid, values)


def _tinted(
    harmonics: Float32[np.ndarray, "N B 3"], tint: Float[np.ndarray, "N 3"], tinted: Bool[np.ndarray, " N"]
) -> Float32[np.ndarray, "N B 3"]:
    result = harmonics.astype(np.float64)
    for colour in np.unique(tint[tinted], axis=0):
        rows = tinted & (tint == colour).all(axis=1)
        matrix = recolouring(colour)
        result[rows] = result[rows] @ matrix.T
        result[rows, 0] += 0.5 * (matrix.sum(axis=1) - 1) / CONSTANT
    return result.astype(np.float32)
