"""Poses and intrinsics of frames, in double precision, and the cameras that a scene of theirs is seen from."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from csgaussian_ns.capture.transforms import DISTORTION, INTRINSICS, Capture, Frame
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.geometry import FARTHEST, MOST_PIXELS, opengl_camera
from csgaussian_ns.core.types import Camera

COLMAP_APPLIED = ((0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, -1.0, 0.0))
"""What nerfstudio takes for ``applied_transform`` where a folder has COLMAP's output but does not state it."""
COLMAP_MODEL = ("colmap", "sparse", "0")
PINHOLES = ("PERSPECTIVE", "PINHOLE", "SIMPLE_PINHOLE", "OPENCV", "SIMPLE_RADIAL", "RADIAL")
"""Camera models that are a pinhole when their distortion is zero."""
SINGULAR = 1e-6
"""Volume that the axes of a pose span, of the product of their lengths, below which they lie in a plane."""

Matrix = Float64[np.ndarray, "3 4"]
"""Upper rows of a transform."""


class Intrinsics(NamedTuple):
    """Focal lengths, principal point from the top left corner and size of an image, in pixels."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


def pose_of(frame: Frame) -> Matrix:
    """Camera-to-world with OpenGL axes, as the file has it.

    Raises:
        DataError: It is missing, not finite, or cannot be inverted.
    """
    return _matrix(frame.facts.get("transform_matrix"), f"{frame.where}: 'transform_matrix'")


def intrinsics_of(frame: Frame) -> Intrinsics:
    """As the file states them for the frame or else for all frames.

    Raises:
        DataError: One is missing, or no camera has them.
    """
    missing = [name for name in INTRINSICS if frame.facts.get(name) is None]
    if missing:
        raise DataError(
            f"{frame.where}: the intrinsics {', '.join(missing)} are given neither for the frame nor for the scene"
        )
    numbers = {name: frame.facts[name] for name in INTRINSICS}
    if all(map(_is_finite, numbers.values())):
        fx, fy, cx, cy, width, height = map(float, numbers.values())
        if min(fx, fy) > 0 and min(width, height) >= 1 and width * height < MOST_PIXELS:
            return Intrinsics(fx, fy, cx, cy, int(width), int(height))
    values = ", ".join(f"{name}={value!r:.40}" for name, value in numbers.items())
    raise DataError(
        f"{frame.where}: intrinsics must be finite numbers, focal lengths and size above 0, fewer than 2^28 pixels; "
        f"got {values}"
    )


def distortion_of(frame: Frame) -> tuple[float, ...]:
    """Of the lens: k1, k2, k3, k4, p1, p2, or whatever the file has as ``distortion_params``.

    Raises:
        DataError: A parameter is not a finite number.
    """
    told = frame.facts.get("distortion_params")
    numbers = [frame.facts.get(name, 0.0) for name in DISTORTION] if told is None else told
    if not isinstance(numbers, list) or not all(map(_is_finite, numbers)):
        raise DataError(
            f"{frame.where}: {', '.join(DISTORTION)} or 'distortion_params' must be finite numbers; got "
            f"{str(numbers)[:80]}"
        )
    return tuple(map(float, numbers))


def is_pinhole(frame: Frame) -> bool:
    """Whether the photo has no lens distortion.

    Raises:
        DataError: A parameter of the lens is not a finite number.
    """
    return not any(distortion_of(frame)) and frame.facts.get("camera_model", "PINHOLE") in PINHOLES


def applied(capture: Capture) -> tuple[Float64[np.ndarray, "4 4"], float]:
    """Transform and factor from the capture's own world to the poses in the file: tools may save them turned.

    Raises:
        DataError: ``applied_transform`` or ``applied_scale`` is none.
    """
    square, told = np.eye(4), capture.facts.get("applied_transform")
    if told is None and capture.folder.joinpath(*COLMAP_MODEL).exists():
        told = COLMAP_APPLIED
    if told is not None:
        square[:3] = _matrix(told, f"{capture.path}: 'applied_transform'")
    scale = capture.facts.get("applied_scale", 1.0)
    if not (_is_finite(scale) and scale > 0):
        raise DataError(f"{capture.path}: 'applied_scale' is {str(scale)[:20]}; expected a positive number")
    return square, float(scale)


def cameras(capture: Capture, transform: Sequence[float], scale: float) -> list[Camera]:
    """Cameras of all frames in the frame that a scene was trained in; lens distortion is ignored.

    Args:
        capture: Photos.
        transform: From the capture's own world to the frame of training, 3x4 row by row, before ``scale``.
        scale: Factor after it.

    Raises:
        DataError: A pose or intrinsics that make no sense.
    """
    square, own_scale = applied(capture)
    saved_to_trained = np.array(transform, np.float64).reshape(3, 4) @ np.linalg.inv(square)
    return [_camera(frame, saved_to_trained, scale / own_scale) for frame in capture.frames]


def moved(pose: Matrix, transform: Matrix, scale: float) -> Matrix:
    """A pose after a transform of the world, and a scale after that."""
    result = transform[:, :3] @ pose
    result[:, 3] = (result[:, 3] + transform[:, 3]) * scale
    return result


def _camera(frame: Frame, transform: Matrix, scale: float) -> Camera:
    pose = moved(pose_of(frame), transform, scale)
    fx, fy, cx, cy, width, height = intrinsics_of(frame)
    with np.errstate(over="ignore"):
        camera = opengl_camera(pose, (fx, fy), (cx, cy), (width, height))
    if not np.abs(camera.world_to_camera).max() < FARTHEST:
        raise DataError(f"{frame.where}: the camera is farther away than {FARTHEST:g}; check 'transform_matrix'")
    return camera


def _matrix(rows: Any, name: str) -> Matrix:
    try:
        matrix = np.array(rows)
    except ValueError:  # rows of different lengths
        matrix = np.array(None)
    if matrix.dtype.kind not in "iuf" or matrix.shape not in ((3, 4), (4, 4)):
        raise DataError(f"{name} must be a matrix of 4x4 numbers; got {str(rows)[:80]}. Restore it or remove the frame")
    bad = int((~np.isfinite(matrix)).sum())
    if bad:
        raise DataError(
            f"{name} must be a finite 4x4 matrix; got {bad} values that are NaN or infinite. Remove the frame or "
            "repeat pose estimation"
        )
    matrix = matrix[:3].astype(np.float64)
    axes = matrix[:, :3]
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.abs(np.linalg.det(axes)) > SINGULAR * np.prod(np.linalg.norm(axes, axis=0)):
            raise DataError(f"{name} cannot be inverted, as a pose can")
    return matrix


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False
