"""Where a ``.csg`` file is looked at from: the cameras of a capture, moved into the scene's frame, or an orbit."""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.texts import printable

if TYPE_CHECKING:
    import torch

    from csgaussian_ns.codec.scene import CodedScene
    from csgaussian_ns.core.types import Camera

FARTHEST = 1e15
"""Places beyond are not believed: their squares come near the end of float32."""


def cameras_by(option: str, scene: "CodedScene", views: int, width: int, height: int) -> dict[str, "Camera"]:
    """Cameras by name: ``orbit``, with the given number of views and image size, or of a ``transforms.json``.

    Raises:
        ConfigError: No such file; no views, or images of no or of an endless size.
        DataError: Another file than a ``transforms.json``, or one with cameras that make no sense.
    """
    from csgaussian_ns.capture.cameras import cameras
    from csgaussian_ns.capture.transforms import read_capture, transforms_in

    if option == "orbit":
        _check_orbit(views, width, height)
        return orbit(scene, views, width, height)
    path = transforms_in(Path(option))
    if not path.is_file():
        what = "the folder holds no transforms.json" if Path(option).is_dir() else "there is no such file"
        raise ConfigError(f"--camera {option}: {what}; give a nerfstudio transforms.json, its folder, or 'orbit'")
    capture = read_capture(path)
    tell_notes(capture.notes)
    placed = cameras(capture, scene.meta.transform, scene.meta.scale)
    return {frame.name: as_torch(camera) for frame, camera in zip(capture.frames, placed, strict=True)}


def as_torch(camera: "Camera") -> "Camera":
    """A camera whose pose is a NumPy array, for a renderer that asks for tensors."""
    import torch

    return replace(camera, world_to_camera=torch.from_numpy(camera.world_to_camera))


def tell_notes(notes: Sequence[str]) -> None:
    """Sentences that a user should read, away from what a command prints for others to read."""
    for note in notes:
        sys.stderr.write(f"csg: note: {printable(' '.join(note.split()))}\n")


def scaled(camera: "Camera", factor: float) -> "Camera":
    """The same view in another resolution.

    Raises:
        ConfigError: Not a finite, positive factor; nothing would be left of the image, or it would be too large.
    """
    if not 0 < factor < math.inf:
        raise ConfigError(f"--scale {factor:g}: expected a finite, positive factor")
    factor = min(factor, 1 << 28)
    width, height = round(camera.width * factor), round(camera.height * factor)
    if not _drawable(width, height):
        raise ConfigError(f"--scale {factor:g} makes images of {width} x {height} pixels; choose another factor")
    x, y = width / camera.width, height / camera.height
    moved = {"fx": camera.fx * x, "cx": camera.cx * x, "fy": camera.fy * y, "cy": camera.cy * y}
    return replace(camera, **moved, width=width, height=height)


def _drawable(width: int, height: int) -> bool:
    return width >= 1 and height >= 1 and width * height < 1 << 28


def _check_orbit(views: int, width: int, height: int) -> None:
    if views < 1:
        raise ConfigError(f"--views {views}: expected at least 1")
    if not _drawable(width, height):
        raise ConfigError(
            f"--width {width} --height {height}: expected at least one pixel and fewer than 2^28; choose another size"
        )


def _orbit_told(scene: "CodedScene") -> "tuple[torch.Tensor, float, float] | None":
    """Middle, radius and height from META's ``extra``; it is not trusted."""
    import torch

    told = scene.meta.extra.get("orbit")
    try:
        focus = [float(x) for x in told["focus"]]  # type: ignore[index]
        radius, height = float(told["radius"]), float(told["height"])  # type: ignore[index]
    except (TypeError, ValueError, KeyError, OverflowError):
        return None
    usable = len(focus) == 3 and all(abs(x) < FARTHEST for x in (*focus, radius, height)) and radius > 0
    return (torch.tensor(focus, dtype=torch.float64), radius, height) if usable else None


def _orbit_guessed(scene: "CodedScene") -> "tuple[torch.Tensor, float, float]":
    """Around the middle of the anchors; of a scene without any, around the origin, to see its background."""
    import torch

    positions = scene.anchors.position.double()
    if not len(positions):
        return torch.zeros(3, dtype=torch.float64), 1.0, 0.45
    centre = positions.median(dim=0).values
    radius = 1.5 * float((positions - centre).norm(dim=1).median())
    return centre, max(radius, 1e-6), 0.45 * radius


def orbit(scene: "CodedScene", views: int, width: int, height: int) -> dict[str, "Camera"]:
    """Cameras on a circle, looking at its middle, up being +z: where the photographer went if the file tells."""
    import torch

    from csgaussian_ns.core.geometry import opengl_camera

    centre, radius, height_above = _orbit_told(scene) or _orbit_guessed(scene)
    result = {}
    for number in range(views):
        angle = 2 * math.pi * number / views
        eye = centre + radius * torch.tensor([math.cos(angle), math.sin(angle), height_above / radius]).double()
        back = torch.nn.functional.normalize(eye - centre, dim=0)
        right = torch.nn.functional.normalize(torch.linalg.cross(torch.tensor([0.0, 0, 1]).double(), back), dim=0)
        pose = torch.stack([right, torch.linalg.cross(back, right), back, eye], dim=1)
        focal, middle = (float(width), float(width)), (width / 2, height / 2)
        result[f"orbit_{number:04d}"] = opengl_camera(pose, focal, middle, (width, height))
    return result
