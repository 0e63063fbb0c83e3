"""Cameras that somebody else made, in the frame of a scene."""

from pathlib import Path

from csgaussian_ns.capture.camera_path import is_camera_path, read_camera_path
from csgaussian_ns.capture.folder import open_capture
from csgaussian_ns.capture.poses import cameras
from csgaussian_ns.capture.transforms import Capture
from csgaussian_ns.core.types import Camera
from csgaussian_ns.receiver.orbit import Meta


def cameras_in(path: Path, meta: Meta) -> dict[str, Camera]:
    """Those of a capture, or of a flight of nerfstudio's viewer, by name; see ``LoadedScene.cameras``."""
    return read_camera_path(path).cameras if is_camera_path(path) else cameras_of(open_capture(path), meta)


def cameras_of(capture: Capture, meta: Meta) -> dict[str, Camera]:
    """Those of a capture that is read."""
    placed = cameras(capture, meta.transform, meta.scale)
    return {frame.name: camera for frame, camera in zip(capture.frames, placed, strict=True)}
