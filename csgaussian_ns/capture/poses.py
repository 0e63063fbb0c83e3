"""Poses of frames, in double precision, and the cameras that a scene of theirs is seen from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from csgaussian_ns.capture.optics import is_finite
from csgaussian_ns.capture.straight import seen_by
from csgaussian_ns.capture.transforms import Capture, Frame
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.geometry import FARTHEST, opengl_camera
from csgaussian_ns.core.shapes import Float64
from csgaussian_ns.core.types import Camera

COLMAP_APPLIED = ((0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, -1.0, 0.0))
"""What nerfstudio takes for ``applied_transform`` where a folder has COLMAP's output but does not state it."""
COLMAP_MODEL = ("colmap", "sparse", "0")
SINGULAR = 1e-6
"""Volume that the axes of a pose span, of the product of their lengths, below which they lie in a plane."""

Matrix = Float64[np.ndarray, "3 4"]
"""Upper rows of a transform."""


def stored_pose(frame: Frame) -> Matrix:
    """Camera-to-world with OpenGL axes, as the file has it.

    Raises:
        DataError: It is missing, not finite, or cannot be inverted.
    """
    return matrix_of(frame.facts.get("transform_matrix"), f"{frame.where}: 'transform_matrix'")


def applied(capture: Capture) -> tuple[Float64[np.ndarray, "4 4"], float]:
    """Transform and factor from the capture's own world to the poses in the file: tools may save them turned.

    Raises:
        DataError: ``applied_transform`` or ``applied_scale`` is none.
    """
    square, told = np.eye(4), capture.facts.get("applied_transform")
    if told is None and capture.folder.joinpath(*COLMAP_MODEL).exists():
        told = COLMAP_APPLIED
    if told is not None:
        square[:3] = matrix_of(told, f"{capture.path}: 'applied_transform'")
    scale = capture.facts.get("applied_scale", 1.0)
    if not (is_finite(scale) and scale > 0):
        raise DataError(f"{capture.path}: 'applied_scale' is {str(scale)[:20]}; expected a positive number")
    return square, float(scale)


def cameras(capture: Capture, transform: Sequence[float], scale: float) -> list[Camera]:
    """Cameras of all frames in the frame that a scene was trained in; where photos are bent, of the straightened ones.

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
    pose = moved(stored_pose(frame), transform, scale)
    fx, fy, cx, cy, width, height = seen_by(frame)
    with np.errstate(over="ignore"):
        camera = opengl_camera(pose, (fx, fy), (cx, cy), (width, height))
    if not np.abs(camera.world_to_camera).max() < FARTHEST:
        raise DataError(f"{frame.where}: the camera is farther away than {FARTHEST:g}; check 'transform_matrix'")
    return camera


def matrix_of(rows: Any, name: str) -> Matrix:
    """The upper rows of a transform as JSON holds it.

    Args:
        rows: Three or four of four numbers.
        name: Of them, for messages.

    Raises:
        DataError: They are something else, not finite, or cannot be inverted.
    """
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
