"""Conversions between camera conventions."""

import torch
from jaxtyping import Float
from torch import Tensor

from csgaussian_ns.core.types import Camera


def opengl_camera(
    camera_to_world: Float[Tensor, "3 4"],
    focal: tuple[float, float],
    centre: tuple[float, float],
    size: tuple[int, int],
) -> Camera:
    """A pinhole from a pose with OpenGL axes, as nerfstudio and ``transforms.json`` give it.

    OpenGL cameras look along -z with y up; ours (OpenCV) along +z with y down.

    Args:
        camera_to_world: Rotation and position.
        focal: In pixels, x and y.
        centre: Principal point in pixels from the top left corner.
        size: Width and height in pixels.
    """
    rotation = camera_to_world[:, :3] * camera_to_world.new_tensor([1.0, -1.0, -1.0])
    world_to_camera = torch.eye(4, dtype=camera_to_world.dtype, device=camera_to_world.device)
    world_to_camera[:3, :3] = rotation.T
    world_to_camera[:3, 3] = -rotation.T @ camera_to_world[:, 3]
    return Camera(world_to_camera.float(), *focal, *centre, *size)
