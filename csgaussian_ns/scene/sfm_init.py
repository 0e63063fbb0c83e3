"""The first anchors: from structure-from-motion points where there are any, from random points otherwise."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree
from torch import Tensor

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.scene.anchors import AnchorParams

MIN_POINTS = 8
"""Fewer points than this define neither a scale nor a place."""
VOXEL_SHARE = 0.25
"""Edge of a voxel, as a share of the spacing of the points. Growth can put anchors no closer than a voxel."""
MAX_COORDINATE = 2**20
"""Voxel coordinates must stay below this: far outliers would otherwise break every grid-based step that follows."""


def voxel_size_of(points: Float[Tensor, "N 3"]) -> float:
    """Voxel size of a point cloud: a share (``VOXEL_SHARE``) of the median spacing of distinct points, in world units.

    Papers give voxel sizes in the units of their own captures (0.001 to 0.01); after nerfstudio has oriented and
    scaled a scene such numbers mean nothing, while the spacing of its points does. docs/decisions tells the effect.

    Raises:
        DataError: Fewer than ``MIN_POINTS`` distinct finite points.
    """
    distinct = np.unique(_finite(points), axis=0)
    if len(distinct) < MIN_POINTS:
        raise DataError(
            f"the point cloud has {len(distinct)} distinct finite points; at least {MIN_POINTS} are needed to place "
            "anchors. Re-run structure from motion, or remove the point cloud from the scene folder (delete "
            "'ply_file_path' from transforms.json) to start from random points"
        )
    distance, _ = KDTree(distinct).query(distinct, k=2)
    return VOXEL_SHARE * float(np.median(distance[:, 1]))


def anchors_from_points(
    points: Float[Tensor, "N 3"], feature_dim: int, num_offsets: int, voxel_size: float | None = None
) -> AnchorParams:
    """One anchor in every voxel that holds a point.

    The initial length of an anchor is the root mean square distance to its three nearest anchors (Scaffold-GS).

    Args:
        points: Cloud in world units. Non-finite points and far outliers (beyond ``MAX_COORDINATE`` voxels) are dropped.
        feature_dim: Feature channels per anchor.
        num_offsets: Gaussians per anchor.
        voxel_size: World units; ``None`` derives it with ``voxel_size_of``.

    Raises:
        DataError: Too few distinct points.
    """
    voxel_size = voxel_size_of(points) if voxel_size is None else voxel_size
    coordinates = np.round(_finite(points) / voxel_size)
    near = np.abs(coordinates).max(axis=1) < MAX_COORDINATE
    grid = np.unique(coordinates[near].astype(np.int32), axis=0)
    if len(grid) == 0:
        raise DataError(f"no point lies within {MAX_COORDINATE} voxels of {voxel_size:g} units around the origin")
    return AnchorParams(torch.from_numpy(grid), voxel_size, _log_length(grid, voxel_size), feature_dim, num_offsets)


def random_points(count: int, half_extent: float, seed: int) -> Float[Tensor, "N 3"]:
    """Uniform points in a cube around the origin, for captures without a point cloud.

    Args:
        count: Number of points.
        half_extent: Half the edge of the cube, world units.
        seed: Of the generator.
    """
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, 3, generator=generator) * 2 - 1) * half_extent


def _finite(points: Float[Tensor, "N 3"]) -> NDArray[np.float64]:
    array = points.detach().cpu().numpy().astype(np.float64)
    return array[np.isfinite(array).all(axis=1)]


def _log_length(grid: NDArray[np.int32], voxel_size: float) -> Float[Tensor, " A"]:
    neighbours = min(3, len(grid) - 1)
    if neighbours == 0:
        return torch.full((1,), float(np.log(voxel_size)))
    distance, _ = KDTree(grid).query(grid, k=neighbours + 1)
    mean_square = (distance[:, 1:] ** 2).mean(axis=1)
    return torch.from_numpy(np.log(np.sqrt(mean_square) * voxel_size)).float()
