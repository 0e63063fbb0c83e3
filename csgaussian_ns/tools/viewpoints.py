"""Where a scene is looked at from: the cameras of a capture, moved into its frame, a saved flight, or an orbit."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.terminal import remark

if TYPE_CHECKING:
    from csgaussian_ns.core.types import Camera
    from csgaussian_ns.receiver.scene import LoadedScene


VIEWS, WIDTH, HEIGHT = 8, 480, 270
"""Of an orbit, where nobody says otherwise."""
FPS = 24
"""Of a film, where neither a caller nor a camera path says otherwise."""


def cameras_by(
    option: str, scene: "LoadedScene", views: int | None = None, width: int | None = None, height: int | None = None
) -> dict[str, "Camera"]:
    """Cameras by name: ``orbit``, of a capture, or of a camera path.

    Args:
        option: ``orbit``, a scene folder, or a file.
        scene: What they look at.
        views: How many; of a file, evenly spread. All that it has, or ``VIEWS``, without.
        width: Of the pictures. That which the file says, or ``WIDTH``, without. With one side alone, views of a file
            keep their shape.
        height: Likewise.

    Raises:
        ConfigError: No such file; no views, or more than there are, or images of no, of an endless or of another shape.
        DataError: A file of another kind, or one with cameras that make no sense.
    """
    if option == "orbit":
        given = (VIEWS if views is None else views, WIDTH if width is None else width)
        return scene.orbit(*given, HEIGHT if height is None else height)
    found = _cameras_of_file(option, scene)
    return {name: _of_size(name, camera, width, height) for name, camera in _some(found, option, views).items()}


def frames_per_second(option: str) -> int:
    """Of a film: what a camera path says, else ``FPS``; errors as of ``cameras_by``."""
    from csgaussian_ns.capture.camera_path import is_camera_path, read_camera_path

    path = Path(option)
    told = read_camera_path(path).fps if option != "orbit" and is_camera_path(path) else None
    return FPS if told is None else told


def _cameras_of_file(option: str, scene: "LoadedScene") -> dict[str, "Camera"]:
    from csgaussian_ns.capture.camera_path import is_camera_path, read_camera_path
    from csgaussian_ns.capture.folder import KINDS, is_capture, open_capture
    from csgaussian_ns.receiver.given_cameras import cameras_of

    path = Path(option)
    if not is_capture(path):
        what = "the folder holds no capture" if path.is_dir() else "there is no such file"
        raise ConfigError(
            f"--camera {option}: {what}; give 'orbit', a folder with {KINDS}, or that file, or the camera_path.json of "
            "nerfstudio's viewer"
        )
    if is_camera_path(path):
        flight = read_camera_path(path)
        tell_notes(flight.notes)
        return flight.cameras
    capture = open_capture(path)
    tell_notes(capture.notes)
    return cameras_of(capture, scene.meta)


def _some(cameras: dict[str, "Camera"], option: str, views: int | None) -> dict[str, "Camera"]:
    """So many, evenly spread, the first one included."""
    count, names = len(cameras), list(cameras)
    if views is None:
        return cameras
    if not 1 <= views <= count:
        raise ConfigError(f"--views {views}: {option} has {count} cameras; expected 1 to {count}")
    return {names[number * count // views]: cameras[names[number * count // views]] for number in range(views)}


def _of_size(name: str, camera: "Camera", width: int | None, height: int | None) -> "Camera":
    """The same view with sides as they were asked for."""
    if width is None and height is None:
        return camera
    asked = " ".join(f"--{side} {n}" for side, n in (("width", width), ("height", height)) if n is not None)
    other = camera.width * (height or 0) / camera.height, camera.height * (width or 0) / camera.width
    size = round(other[0]) if width is None else width, round(other[1]) if height is None else height
    if width is not None and height is not None and min(abs(width - other[0]), abs(height - other[1])) > 1:
        raise ConfigError(
            f"{asked}: the view {name} is {camera.width} x {camera.height}, of another shape; give one side, the other "
            "follows"
        )
    return _resized(camera, *size, asked)


def tell_notes(notes: Sequence[str]) -> None:
    """Sentences that a user should read, away from what a command prints for others to read."""
    for note in notes:
        remark(f"csg: note: {' '.join(note.split())}")


def scaled(camera: "Camera", factor: float) -> "Camera":
    """The same view in another resolution.

    Raises:
        ConfigError: Not a finite, positive factor; nothing would be left of the image, or it would be too large.
    """
    if not 0 < factor < math.inf:
        raise ConfigError(f"--scale {factor:g}: expected a finite, positive factor")
    factor = min(factor, 1 << 28)
    return _resized(camera, round(camera.width * factor), round(camera.height * factor), f"--scale {factor:g}")


def _resized(camera: "Camera", width: int, height: int, asked: str) -> "Camera":
    from csgaussian_ns.receiver.orbit import is_drawable_size

    if not is_drawable_size(width, height):
        raise ConfigError(f"{asked} makes images of {width} x {height} pixels; choose another size")
    x, y = width / camera.width, height / camera.height
    moved = {"fx": camera.fx * x, "cx": camera.cx * x, "fy": camera.fy * y, "cy": camera.cy * y}
    return replace(camera, **moved, width=width, height=height)
