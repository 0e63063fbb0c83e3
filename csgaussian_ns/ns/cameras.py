"""From nerfstudio's cameras to ours."""

from nerfstudio.cameras.cameras import Cameras

from csgaussian_ns.core.geometry import opengl_camera
from csgaussian_ns.core.types import Camera


def to_camera(cameras: Cameras) -> Camera:
    """One nerfstudio camera (batch of one) as a pinhole.

    Lens distortion is ignored: the datamanager has already undistorted the images.
    """
    pose = cameras.camera_to_worlds.reshape(-1, 3, 4)[0].detach()
    fx, fy, cx, cy = (float(value.reshape(-1)[0]) for value in (cameras.fx, cameras.fy, cameras.cx, cameras.cy))
    size = int(cameras.width.reshape(-1)[0]), int(cameras.height.reshape(-1)[0])
    return opengl_camera(pose, (fx, fy), (cx, cy), size)
