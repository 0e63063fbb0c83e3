"""From how near to how far a capture reaches: told, seen by its points, or guessed by where its cameras look."""

from collections.abc import Sequence

import numpy as np

from csgaussian_ns.capture.cloud import KEY, check_cloud, points_of
from csgaussian_ns.capture.optics import is_finite
from csgaussian_ns.capture.poses import applied
from csgaussian_ns.capture.transforms import Capture
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float64
from csgaussian_ns.core.types import Camera

TOLD = ("near", "far")
"""Of all frames, in ``transforms.json``: depths along the optical axes, in its units."""
_SHARE = 1.0
"""Per cent of the points that may lie nearer, and farther."""
_SLACK = 1.25
_LOOKED_AT = (0.3, 6.0)
"""Of the distance of what all cameras look at."""
_LEAST_POINTS = 20


def depth_range(capture: Capture, cameras: Sequence[Camera]) -> tuple[float, float]:
    """Near and far for cameras of a capture, in its own world's units.

    Args:
        capture: That may tell them, or name points.
        cameras: In the capture's own world.

    Raises:
        DataError: Near is not below far, the points cannot be read, or nothing can be known.
    """
    told = [capture.facts.get(name) for name in TOLD]
    if told != [None, None]:
        _, scale = applied(capture)
        return told_range(told[0], told[1], f"{capture.path}: ", 1 / scale)
    points = _points(capture)
    if points is not None:
        depths = _seen_depths(points, cameras)
        if len(depths) >= _LEAST_POINTS:
            near, far = np.percentile(depths, [_SHARE, 100 - _SHARE])
            return float(near) / _SLACK, float(far) * _SLACK
    return _guessed(capture, cameras)


def told_range(near: object, far: object, where: str, scale: float = 1.0) -> tuple[float, float]:
    """Near and far as somebody states them.

    Raises:
        DataError: They are no numbers, or near is not below far.
    """
    if is_finite(near) and is_finite(far) and 0 < near < far:
        return near * scale, far * scale
    raise DataError(f"{where}near {near} and far {far}; expected two numbers, 0 < near < far: correct them")


def _points(capture: Capture) -> Float64[np.ndarray, "N 3"] | None:
    """Of the capture's cloud, in its own world; ``None`` where it names none."""
    name = capture.facts.get(KEY)
    if not isinstance(name, str):
        return None
    file = capture.folder / name
    check_cloud(file)
    square, scale = applied(capture)
    back = np.linalg.inv(square)
    return (points_of(file) / scale) @ back[:3, :3].T + back[:3, 3]


def _seen_depths(points: Float64[np.ndarray, "N 3"], cameras: Sequence[Camera]) -> Float64[np.ndarray, " M"]:
    """Of all points that lie in the images of cameras."""
    found = []
    for camera in cameras:
        pose = np.asarray(camera.world_to_camera, np.float64)
        x, y, z = (points @ pose[:3, :3].T + pose[:3, 3]).T
        front = np.where(z > 0, z, np.nan)
        column, row = camera.fx * x / front + camera.cx, camera.fy * y / front + camera.cy
        found.append(z[(column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)])
    return np.concatenate(found)


def _guessed(capture: Capture, cameras: Sequence[Camera]) -> tuple[float, float]:
    poses = np.stack([np.asarray(camera.world_to_camera, np.float64) for camera in cameras])
    place, axis = -np.einsum("vji,vj->vi", poses[:, :3, :3], poses[:, :3, 3]), poses[:, 2, :3]
    across = np.eye(3) - axis[:, :, None] * axis[:, None, :]
    weights = across.sum(axis=0)
    focus = np.linalg.lstsq(weights, np.einsum("vij,vj->i", across, place), rcond=None)[0]
    depths = np.einsum("vi,vi->v", focus - place, axis)
    if np.linalg.eigvalsh(weights)[0] < 1e-3 * len(cameras) or depths.min() <= 0:
        raise DataError(
            f"{capture.path}: it tells neither near and far nor points, and its cameras look at no common place; write "
            f"{TOLD[0]!r} and {TOLD[1]!r} into it, or give them as options"
        )
    return float(depths.min()) * _LOOKED_AT[0], float(depths.max()) * _LOOKED_AT[1]
