"""Where photos of a scene were taken from, as its file tells: some of the poses, in META's ``extra``.

What a scene looks like is known from there, and perhaps from nowhere else: a capture need not go around its subject.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.geometry import FARTHEST, MOST_PIXELS, opengl_camera
from csgaussian_ns.core.shapes import Float64, Int64
from csgaussian_ns.core.types import Camera

VIEWS = "views"
"""In META's ``extra``: ``size`` and ``focal`` in pixels, x and y, which all share, and ``poses`` as ``told`` writes."""
MOST = 48
"""Poses in a file, chosen far from each other; 14 bytes each."""
DIGITS = 3
"""Of positions, after the leading one of the farthest. Rotations are told to a degree: photos were taken near there."""


SIDEWARDS = 0.5
"""What an angle counts by which a view is away from most, by one by which it looks beside the focus."""


def told(cameras: Sequence[Camera]) -> dict[str, dict[str, object]]:
    """For META's ``extra``: the view that shows best what the capture is of, then what is farthest from those before.

    Each pose is six numbers: the camera's position in the frame of the scene, and the axis of its rotation from the
    axes of that frame to right, up and back of the camera, as long as the angle in degrees.

    Args:
        cameras: Of the photos that were trained on.

    Returns:
        Nothing to say where there are none.
    """
    if not cameras:
        return {}
    poses = np.stack([_pose(camera) for camera in cameras])
    position = poses[:, :, 3]
    farthest = float(np.abs(position).max())
    digits = DIGITS - math.floor(math.log10(farthest)) if farthest > 0 else 0
    chosen = _spread(position, -poses[:, :, 2])
    kept, first = poses[chosen], cameras[chosen[0]]
    return {
        VIEWS: {
            "size": [first.width, first.height],
            "focal": [round(first.fx, 1), round(first.fy, 1)],
            "poses": [[*_rounded(pose[:, 3], digits), *_rounded(_turn(pose[:, :3]), 0)] for pose in kept],
        }
    }


def capture_views(extra: Mapping[str, object], across: int | None = None) -> dict[str, Camera]:
    """The views that a file tells of, by name; none where it tells of none, or what it tells makes no sense.

    Args:
        extra: Of the file's META. It is not trusted.
        across: Width of the pictures, which keep their shape; that of the photos, without.

    Raises:
        ConfigError: No picture can be so wide.
    """
    known = extra.get(VIEWS)
    try:
        width, height = (int(side) for side in known["size"])  # type: ignore[index]
        x, y = (float(length) for length in known["focal"])  # type: ignore[index]
        poses = np.asarray(known["poses"], np.float64)  # type: ignore[index]
    except (TypeError, ValueError, KeyError, OverflowError):
        return {}
    drawable = width >= 1 and height >= 1 and width * height < MOST_PIXELS and 0 < x < FARTHEST and 0 < y < FARTHEST
    if not drawable or poses.ndim != 2 or poses.shape[1] != 6 or not (np.abs(poses) < FARTHEST).all():
        return {}
    size = width, height
    if across is not None:
        size = across, max(1, round(height * across / width))
        if not 1 <= size[0] * size[1] < MOST_PIXELS:
            raise ConfigError(f"width {across}: expected at least one pixel and fewer than 2^28 of each view")
    lens = (x * size[0] / width, y * size[1] / height), (size[0] / 2, size[1] / 2), size
    placed = [np.concatenate([_rotation(pose[3:]), pose[:3, None]], axis=1) for pose in poses]
    return {f"view_{number:04d}": opengl_camera(pose, *lens) for number, pose in enumerate(placed)}


def fitting_views(extra: Mapping[str, object], longer: int) -> list[Camera]:
    """The views that a file tells of, with sides of at most so many pixels, not made larger; see ``capture_views``."""
    told_of = list(capture_views(extra).values())
    if not told_of:
        return []
    factor = min(1.0, longer / max(told_of[0].width, told_of[0].height))
    return list(capture_views(extra, max(1, round(told_of[0].width * factor))).values())


def between_views(views: Sequence[Camera], count: int) -> list[Camera]:
    """Views halfway between one and its nearest, to see what a scene looks like where no photo was taken.

    Args:
        views: As ``capture_views`` gives them.
        count: At most so many, from the first on; one for each view that has another.
    """
    poses = [_pose(view) for view in views]
    made = []
    for number, (view, pose) in enumerate(zip(views, poses, strict=True)):
        others = [other for place, other in enumerate(poses) if place != number]
        if len(made) == count or not others:
            break
        other = min(others, key=lambda other: float(np.linalg.norm(other - pose)))
        half = pose[:, :3] @ _rotation(_turn(pose[:, :3].T @ other[:, :3]) / 2)
        middle = np.concatenate([half, (pose[:, 3:] + other[:, 3:]) / 2], axis=1)
        lens = (view.fx, view.fy), (view.cx, view.cy), (view.width, view.height)
        made.append(opengl_camera(middle, *lens))
    return made or list(views)


def _pose(camera: Camera) -> Float64[np.ndarray, "3 4"]:
    """Camera-to-world with OpenGL axes."""
    world_to_camera = to_numpy(camera.world_to_camera).astype(np.float64)
    right, down, ahead = world_to_camera[:3, :3]
    position = -world_to_camera[:3, :3].T @ world_to_camera[:3, 3]
    return np.stack([right, -down, -ahead, position], axis=1)


def _spread(position: Float64[np.ndarray, "V 3"], direction: Float64[np.ndarray, "V 3"]) -> Int64[np.ndarray, " M"]:
    """Views far from each other in position and direction, the best one first."""
    extent = np.linalg.norm(position - position.mean(axis=0), axis=1).max()
    place = np.concatenate([position / max(extent, 1e-12), direction], axis=1)
    chosen = [_best(position, direction)]
    away = np.linalg.norm(place - place[chosen[0]], axis=1)
    while len(chosen) < min(MOST, len(place)):
        chosen.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(place - place[chosen[-1]], axis=1))
    return np.array(chosen, np.int64)


def _best(position: Float64[np.ndarray, "V 3"], direction: Float64[np.ndarray, "V 3"]) -> int:
    """The view that looks at the focus, from as far as most do, and from where most are."""
    towards = focus_of(position, direction) - position
    away = np.linalg.norm(towards, axis=1).clip(min=1e-12)
    towards /= away[:, None]
    middle = towards.mean(axis=0)
    aside = _angle(towards, direction) + SIDEWARDS * _angle(towards, middle / max(float(np.linalg.norm(middle)), 1e-12))
    return int((aside + np.abs(np.log(away / np.median(away)))).argmin())


def focus_of(position: Float64[np.ndarray, "V 3"], direction: Float64[np.ndarray, "V 3"]) -> Float64[np.ndarray, "3"]:
    """The point nearest to all optical axes.

    Args:
        position: Of cameras.
        direction: Where they look, unit length.
    """
    across = np.eye(3) - direction[:, :, None] * direction[:, None, :]
    both = np.einsum("vij,vj->i", across, position)
    return np.linalg.lstsq(across.sum(axis=0), both, rcond=None)[0]


def _angle(one: Float64[np.ndarray, "V 3"], other: Float64[np.ndarray, "*V 3"]) -> Float64[np.ndarray, " V"]:
    return np.arccos((one * other).sum(axis=1).clip(-1, 1))


def _rounded(values: Float64[np.ndarray, "3"], digits: int) -> list[float | int]:
    return [round(float(value), digits) if digits > 0 else round(float(value)) for value in values]


def _turn(rotation: Float64[np.ndarray, "3 3"]) -> Float64[np.ndarray, "3"]:
    """Axis times angle in degrees."""
    angle = math.acos(min(1.0, max(-1.0, (float(np.trace(rotation)) - 1) / 2)))
    # the axis spans what the rotation leaves as it is; its sign is that of the antisymmetric part
    axis = np.linalg.svd(rotation - np.eye(3))[2][-1]
    spin = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    return axis * math.degrees(angle) * (-1 if float(axis @ spin) < 0 else 1)


def _rotation(turn: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3 3"]:
    """The inverse of ``_turn`` (Rodrigues)."""
    length = float(np.linalg.norm(turn))
    if length == 0:
        return np.eye(3)
    x, y, z = turn / length
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = math.radians(length)
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
