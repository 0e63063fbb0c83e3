"""``camera_path.json``, as nerfstudio's viewer saves it: a flight through a scene, in the frame of training."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from csgaussian_ns.capture.optics import is_finite
from csgaussian_ns.capture.poses import matrix_of
from csgaussian_ns.capture.transforms import read_transforms
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.geometry import FARTHEST, MOST_PIXELS, opengl_camera
from csgaussian_ns.core.types import Camera

KEY = "camera_path"
FASTEST = 240
"""Frames per second that a film may ask for."""


@dataclass(frozen=True)
class CameraPath:
    """A flight.

    Attributes:
        cameras: By name, in order.
        fps: Pictures for each second of a film, if the file tells.
        notes: Sentences about what a reader may not expect.
    """

    cameras: dict[str, Camera]
    fps: int | None
    notes: tuple[str, ...]


def is_camera_path(path: Path) -> bool:
    """Whether a file is one, and no capture.

    Raises:
        DataError: It is no JSON object.
    """
    return path.suffix == ".json" and path.is_file() and KEY in read_transforms(path)


def read_camera_path(path: Path) -> CameraPath:
    """Read a flight.

    Raises:
        DataError: It cannot be read, or its cameras are of another type than perspective, or make no sense.
    """
    facts = read_transforms(path)
    kind = facts.get("camera_type", "perspective")
    if str(kind).lower() != "perspective":
        raise DataError(
            f"{path}: the cameras are of the type {str(kind)[:40]!r}; only perspective ones are drawn. Choose that "
            "in the viewer's render panel and save the path again"
        )
    size = tuple(facts.get(key) for key in ("render_width", "render_height"))
    if not all(isinstance(side, int) and side >= 1 for side in size) or math.prod(size) >= MOST_PIXELS:  # type: ignore[arg-type]
        raise DataError(
            f"{path}: 'render_width' and 'render_height' are {str(size)[:80]}; expected the size of pictures in pixels"
        )
    entries = facts.get(KEY)
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path}: '{KEY}' holds no cameras. Add some in the viewer's render panel and save it again")
    cameras = [_camera(f"{path}, camera {number}", entry, *size) for number, entry in enumerate(entries)]  # type: ignore[arg-type]
    notes = (f"{path} crops the scene, which is not followed; csg edit --crop does",) if facts.get("crop") else ()
    named = {f"path_{number:04d}": camera for number, camera in enumerate(cameras)}
    return CameraPath(named, _fps(facts, len(entries)), notes)


def _fps(facts: dict[str, Any], count: int) -> int | None:
    told, seconds = facts.get("fps"), facts.get("seconds")
    if not is_finite(told) and is_finite(seconds) and seconds > 0:
        told = count / seconds
    return round(told) if is_finite(told) and 0.5 < told < FASTEST else None


def _camera(where: str, entry: Any, width: int, height: int) -> Camera:
    told = entry if isinstance(entry, dict) else {}
    angle, rows = told.get("fov"), told.get("camera_to_world")
    if not is_finite(angle) or not 0 < angle < 180:
        raise DataError(f"{where}: 'fov' is {str(angle)[:40]}; expected the height of the view in degrees")
    if isinstance(rows, list) and len(rows) == 16:
        rows = [rows[start : start + 4] for start in range(0, 16, 4)]
    pose = matrix_of(rows, f"{where}: 'camera_to_world'")
    focal = height / 2 / math.tan(math.radians(angle) / 2)
    with np.errstate(over="ignore"):
        camera = opengl_camera(pose, (focal, focal), (width / 2, height / 2), (width, height))
    if not np.abs(camera.world_to_camera).max() < FARTHEST:
        raise DataError(f"{where}: the camera is farther away than {FARTHEST:g}; check 'camera_to_world'")
    return camera
