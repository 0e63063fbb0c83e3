"""Where a scene is looked at from: its capture, a saved flight, or an orbit."""

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
NUMBERED = ("views", "orbit")
"""What makes pictures that are numbered, and of which an earlier call may have left more."""
FPS = 24
"""Of a film, where neither a caller nor a camera path says otherwise."""


def cameras_by(
    option: str | None,
    scene: "LoadedScene",
    views: int | None = None,
    width: int | None = None,
    height: int | None = None,
) -> dict[str, "Camera"]:
    """Cameras by name: those that the file of a scene tells of, an orbit, of a capture, or of a camera path.

    Args:
        option: ``views``, ``orbit``, a scene folder, or a file; see ``named`` for ``None``.
        scene: What they look at.
        views: How many; of a folder or file, evenly spread. All that it has, or ``VIEWS``, without.
        width: Of the pictures. That which the file says, or ``WIDTH``, without. With one side alone, views of a file
            keep their shape.
        height: Likewise.

    Raises:
        ConfigError: No such file; no views, or more than there are, or images of no, of an endless or of another shape.
        DataError: A file of another kind, or one with cameras that make no sense.
    """
    option = named(option, scene)
    if option == "orbit":
        given = (VIEWS if views is None else views, WIDTH if width is None else width)
        return scene.orbit(*given, HEIGHT if height is None else height)
    if option == "views":
        return _told(scene, views, width, height)
    found = _cameras_of_file(option, scene)
    return {name: _of_size(name, camera, width, height) for name, camera in _some(found, option, views).items()}


def named(option: str | None, scene: "LoadedScene") -> str:
    """What ``--camera`` says; where it says nothing, ``views`` if the file tells of some, else ``orbit``."""
    return ("views" if scene.views() else "orbit") if option is None else option


def _told(scene: "LoadedScene", views: int | None, width: int | None, height: int | None) -> "dict[str, Camera]":
    """The first of those that the file tells of, which are far from each other; what is beside another shape is cut."""
    found = scene.views()
    if not found:
        raise ConfigError(
            "--camera views: the file does not tell where photos were taken; give 'orbit', or their folder"
        )
    views = min(VIEWS, len(found)) if views is None else views
    if not 1 <= views <= len(found):
        raise ConfigError(f"--views {views}: the file tells of {len(found)}; expected 1 to {len(found)}")
    first = next(iter(found.values()))
    shape = first.height / first.width
    if width is None:
        width = WIDTH if height is None else round(height / shape)
    height = round(width * shape) if height is None else height
    return {name: _cut(found[name], width, height) for name in list(found)[:views]}


def _cut(camera: "Camera", width: int, height: int) -> "Camera":
    """The same view, of which a picture of another shape shows no more than before."""
    x, y = width / camera.width, height / camera.height
    sides = round(camera.width * max(x, y)), round(camera.height * max(x, y))
    whole = _resized(camera, *sides, f"--width {width} --height {height}")
    return replace(whole, width=width, height=height, cx=width / 2, cy=height / 2)


def frames_per_second(option: str | None) -> int:
    """Of a film: what a camera path says, else ``FPS``; errors as of ``cameras_by``."""
    from csgaussian_ns.capture.camera_path import is_camera_path, read_camera_path

    if option is None or option in NUMBERED:
        return FPS
    path = Path(option)
    told = read_camera_path(path).fps if is_camera_path(path) else None
    return FPS if told is None else told


def _cameras_of_file(option: str, scene: "LoadedScene") -> dict[str, "Camera"]:
    from csgaussian_ns.capture.camera_path import is_camera_path, read_camera_path
    from csgaussian_ns.capture.folder import open_capture
    from csgaussian_ns.capture.kinds import KINDS, is_capture
    from csgaussian_ns.receiver.given_cameras import cameras_of

    path = Path(option)
    if not is_capture(path):
        what = "the folder holds no capture" if path.is_dir() else "there is no such file"
        raise ConfigError(
            f"--camera {option}: {what}; give 'views', 'orbit', a folder with {KINDS}, or that file, or the "
            "camera_path.json of nerfstudio's viewer"
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
    from csgaussian_ns.core.geometry import resized
    from csgaussian_ns.receiver.orbit import is_drawable_size

    if not is_drawable_size(width, height):
        raise ConfigError(f"{asked} makes images of {width} x {height} pixels; choose another size")
    return resized(camera, width, height)
