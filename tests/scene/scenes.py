"""Small anchor scenes for tests."""

import torch

from csgaussian_ns.core.types import Camera
from csgaussian_ns.scene.anchors import AnchorParams


def grid_anchors(coordinates: list[list[int]], voxel_size: float = 0.5, num_offsets: int = 3) -> AnchorParams:
    """Anchors at the given voxels, lengths of one voxel, features counting up."""
    grid = torch.tensor(coordinates, dtype=torch.int32)
    log_length = torch.full((len(grid),), float(torch.tensor(voxel_size).log()))
    anchors = AnchorParams(grid, voxel_size, log_length, feature_dim=4, num_offsets=num_offsets)
    anchors.feature.data += torch.arange(len(grid) * 4.0).reshape(-1, 4)
    return anchors


def camera_at(depth: float = 5.0, size: tuple[int, int] = (64, 48), focal: float = 60.0) -> Camera:
    """A camera on the negative z axis, ``depth`` from the origin, looking at it."""
    world_to_camera = torch.eye(4)
    world_to_camera[2, 3] = depth
    return Camera(world_to_camera, focal, focal, size[0] / 2, size[1] / 2, *size)
