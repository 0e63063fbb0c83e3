"""Conversions between camera conventions and sizes, and what no camera exceeds."""

from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from csgaussian_ns.core.arrays import namespace, single, to_numpy
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera

FARTHEST = 1e15
"""Places beyond are not believed: their squares come near the end of float32."""
MOST_PIXELS = 1 << 28
"""Images have fewer."""
NOT_RIGID = 1e-3
"""How far products of the rows of a rotation may be from 0 and 1: single precision, and files with few digits."""


def opengl_camera(
    camera_to_world: Float[Any, "3 4"],
    focal: tuple[float, float],
    centre: tuple[float, float],
    size: tuple[int, int],
) -> Camera:
    """A pinhole from a pose with OpenGL axes, as nerfstudio and ``transforms.json`` give it.

    OpenGL cameras look along -z with y up; ours (OpenCV) along +z with y down.

    Args:
        camera_to_world: Rotation and position; what is computed with them is as precise as they are.
        focal: In pixels, x and y.
        centre: Principal point in pixels from the top left corner.
        size: Width and height in pixels.

    Returns:
        With ``world_to_camera`` in single precision, of the library of ``camera_to_world`` and on its device.
    """
    library = namespace(camera_to_world)
    right, up, back, position = camera_to_world.T
    rotation = library.stack([right, -up, -back], axis=1)
    upper = library.concatenate([rotation.T, (-rotation.T @ position)[:, None]], axis=1)
    last = library.zeros_like(upper[:1])
    last[0, 3] = 1
    world_to_camera = library.concatenate([upper, last])
    return Camera(single(world_to_camera), *focal, *centre, *size)


def resized(camera: Camera, width: int, height: int) -> Camera:
    """The same view in so many pixels; both sides may change by different factors."""
    x, y = width / camera.width, height / camera.height
    lens = {"fx": camera.fx * x, "cx": camera.cx * x, "fy": camera.fy * y, "cy": camera.cy * y}
    return replace(camera, **lens, width=width, height=height)


def check_intrinsics(camera: Camera) -> None:
    """See that an image can be drawn.

    Raises:
        ConfigError: Its size is no number of pixels or too large, or the focal lengths and principal point are none.
    """
    size, lengths = (camera.width, camera.height), (camera.fx, camera.fy, camera.cx, camera.cy)
    whole = all(isinstance(side, Integral) and side >= 1 for side in size)
    if not whole or int(size[0]) * int(size[1]) >= MOST_PIXELS:
        raise ConfigError(
            f"camera: expected width and height as whole numbers of at least 1 and fewer than 2^28 pixels, got "
            f"{camera.width!r} x {camera.height!r}"
        )
    known = all(isinstance(length, Real) and abs(length) < FARTHEST for length in lengths)  # NaN compares false
    if not (known and camera.fx > 0 and camera.fy > 0):
        raise ConfigError(
            f"camera: expected positive focal lengths and a principal point in pixels, got fx {camera.fx}, fy "
            f"{camera.fy}, cx {camera.cx}, cy {camera.cy}"
        )


def check_camera(camera: Camera) -> None:
    """See that a camera of somebody else can be used.

    Raises:
        ConfigError: As ``check_intrinsics``, or the pose is no rigid transform.
    """
    check_intrinsics(camera)
    pose = to_numpy(camera.world_to_camera) if hasattr(camera.world_to_camera, "shape") else np.zeros(0)
    if pose.shape != (4, 4) or pose.dtype.kind not in "iuf" or not (np.abs(pose) < FARTHEST).all():
        raise ConfigError(
            f"camera.world_to_camera: expected an array of 4 x 4 finite numbers, got {str(camera.world_to_camera)[:80]}"
        )
    away = np.abs(pose[:3, :3] @ pose[:3, :3].T - np.eye(3)).max()
    if away > NOT_RIGID or not np.array_equal(pose[3], (0, 0, 0, 1)):
        raise ConfigError(
            "camera.world_to_camera: expected a rotation and a translation with 0 0 0 1 below, got rows whose products "
            f"differ from those of a rotation by {away:.3g}, and the last row {pose[3].tolist()}"
        )
