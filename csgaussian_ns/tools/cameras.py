"""Where a ``.csg`` file is looked at from: the cameras of a capture, moved into the scene's frame, or an orbit."""

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


def cameras_by(option: str, scene: "LoadedScene", views: int, width: int, height: int) -> dict[str, "Camera"]:
    """Cameras by name: ``orbit``, with the given number of views and image size, or of a ``transforms.json``.

    Raises:
        ConfigError: No such file; no views, or images of no or of an endless size.
        DataError: Another file than a ``transforms.json``, or one with cameras that make no sense.
    """
    from csgaussian_ns.capture.folder import KINDS, is_capture, open_capture

    if option == "orbit":
        return scene.orbit(views, width, height)
    if not is_capture(Path(option)):
        what = "the folder holds no capture" if Path(option).is_dir() else "there is no such file"
        raise ConfigError(f"--camera {option}: {what}; give 'orbit', or a folder with {KINDS}, or that file")
    capture = open_capture(Path(option))
    tell_notes(capture.notes)
    return scene.cameras_of(capture)


def tell_notes(notes: Sequence[str]) -> None:
    """Sentences that a user should read, away from what a command prints for others to read."""
    for note in notes:
        remark(f"csg: note: {' '.join(note.split())}")


def scaled(camera: "Camera", factor: float) -> "Camera":
    """The same view in another resolution.

    Raises:
        ConfigError: Not a finite, positive factor; nothing would be left of the image, or it would be too large.
    """
    from csgaussian_ns.receiver.orbit import drawable

    if not 0 < factor < math.inf:
        raise ConfigError(f"--scale {factor:g}: expected a finite, positive factor")
    factor = min(factor, 1 << 28)
    width, height = round(camera.width * factor), round(camera.height * factor)
    if not drawable(width, height):
        raise ConfigError(f"--scale {factor:g} makes images of {width} x {height} pixels; choose another factor")
    x, y = width / camera.width, height / camera.height
    moved = {"fx": camera.fx * x, "cx": camera.cx * x, "fy": camera.fy * y, "cy": camera.cy * y}
    return replace(camera, **moved, width=width, height=height)
