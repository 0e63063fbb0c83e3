"""From nerfstudio's cameras to ours."""

import torch
from nerfstudio.cameras.cameras import Cameras

from csgaussian_ns.core.types import Camera


def to_camera(cameras: Cameras) -> Camera:
    """One nerfstudio camera (batch of one) as a pinhole with OpenCV axes.

    nerfstudio looks along -z with y up (OpenGL); OpenCV along +z with y down. Lens distortion is ignored: the
    datamanager has already undistorted the images.
    """
    camera_to_world = cameras.camera_to_worlds.reshape(-1, 3, 4)[0].detach()
    flip = camera_to_world.new_tensor([1.0, -1.0, -1.0])
    rotation = camera_to_world[:, :3] * flip
    world_to_camera = torch.eye(4, dtype=camera_to_world.dtype, device=camera_to_world.device)
    world_to_camera[:3, :3] = rotation.T
    world_to_camera[:3, 3] = -rotation.T @ camera_to_world[:, 3]
    fx, fy, cx, cy = (float(value.reshape(-1)[0]) for value in (cameras.fx, cameras.fy, cameras.cx, cameras.cy))
    width, height = (int(value.reshape(-1)[0]) for value in (cameras.width, cameras.height))
    return Camera(world_to_camera, fx, fy, cx, cy, width, height)
