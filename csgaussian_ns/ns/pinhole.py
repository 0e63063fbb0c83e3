"""From nerfstudio's cameras to ours, and what it has to be told of lenses."""

from threading import current_thread, main_thread

import torch
from nerfstudio.cameras.cameras import Cameras, CameraType

from csgaussian_ns.capture.lens import FISHEYES
from csgaussian_ns.capture.optics import distortion_of
from csgaussian_ns.capture.transforms import Frame
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.geometry import opengl_camera
from csgaussian_ns.core.types import Camera

TINY = 1e-12
"""A k1 that bends nothing."""


def lens_parameters(frame: Frame) -> tuple[float, ...]:
    """Of a frame's lens, for nerfstudio, which takes any lens without parameters for a pinhole, a fisheye too."""
    told = distortion_of(frame)
    equidistant = frame.facts.get("camera_model") in FISHEYES and not any(told)
    return (TINY, *told[1:]) if equidistant else told


def check_perspective(cameras: Cameras) -> None:
    """Refuse cameras of a flight that no pinhole stands for.

    In the viewer, whose thread an error would end, they are drawn as pinholes: a preview shows where a flight goes.

    Raises:
        ConfigError: A fisheye that is no photo's, a panorama, or a pair of eyes.
    """
    kind = CameraType(int(cameras.camera_type.reshape(-1)[0]))
    of_a_photo = kind in (CameraType.FISHEYE, CameraType.FISHEYE624) and cameras.distortion_params is not None
    if kind is CameraType.PERSPECTIVE or of_a_photo or current_thread() is not main_thread():
        return
    raise ConfigError(
        f"the cameras are of type {kind.name}; only perspective ones can be rasterised. Choose Perspective in the "
        "viewer's render panel and save the path again"
    )


def to_camera(cameras: Cameras) -> Camera:
    """One nerfstudio camera (batch of one) as a pinhole.

    Lens distortion is ignored: the datamanager has already undistorted the images.
    """
    pose = cameras.camera_to_worlds.reshape(-1, 3, 4)[0].detach()
    lens = (cameras.fx, cameras.fy, cameras.cx, cameras.cy, cameras.width, cameras.height)
    # Read at once: on a GPU, each read waits for all work before.
    fx, fy, cx, cy, width, height = torch.stack([value.reshape(-1)[0].double() for value in lens]).tolist()
    return opengl_camera(pose, (fx, fy), (cx, cy), (int(width), int(height)))


class TrainingCameras:
    """The cameras of training views, each read once: on a GPU, reading their numbers waits for all work before."""

    def __init__(self) -> None:
        """None is known yet."""
        self._known: dict[int, Camera] = {}

    def __call__(self, cameras: Cameras) -> Camera:
        """The camera of the view that ``cameras`` names by ``cam_idx``, as nerfstudio's data managers do."""
        index = (cameras.metadata or {}).get("cam_idx")
        if index is None:
            return to_camera(cameras)
        if index not in self._known:
            self._known[index] = to_camera(cameras)
        return self._known[index]
