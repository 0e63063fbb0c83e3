"""``csg render``: pictures of a ``.csg`` file, from given cameras or around it."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.info import open_file

if TYPE_CHECKING:
    import torch

    from csgaussian_ns.codec.scene import CodedScene
    from csgaussian_ns.core.types import Camera


@dataclass(frozen=True)
class Render:
    """Render a .csg file to PNG images."""

    file: tyro.conf.Positional[Path]
    """The file."""
    output: Path
    """Folder for the images."""
    camera: str = "orbit"
    """A transforms.json with cameras in the capture's own frame, or 'orbit'."""
    views: int = 8
    """Number of views of an orbit."""
    width: int = 480
    """Image width of an orbit in pixels."""
    height: int = 270
    """Image height of an orbit in pixels."""

    def run(self) -> None:
        """Decode, render, write."""
        import torch
        from PIL import Image
        from rich.console import Console
        from rich.progress import track

        from csgaussian_ns.codec.decode import decode
        from csgaussian_ns.render.backend import choose_rasterizer
        from csgaussian_ns.render.view import render_view

        with open_file(self.file) as stream:
            scene = decode(stream)
        cameras = self._cameras(scene)
        rasterizer = choose_rasterizer("auto", torch.device("cpu"))
        self.output.mkdir(parents=True, exist_ok=True)
        console = Console(stderr=True)
        for name, camera in track(list(cameras.items()), "rendering", console=console, disable=not console.is_terminal):
            with torch.no_grad():
                image = render_view(scene.anchors, scene.decoders, camera, rasterizer, scene.background).image
            pixels = (image.clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()
            Image.fromarray(pixels).save(self.output / f"{name}.png")
        print(f"{self.output}: {len(cameras)} images of {len(scene.grid):,} anchors")

    def _cameras(self, scene: "CodedScene") -> dict[str, "Camera"]:
        if self.camera == "orbit":
            return orbit(scene, self.views, self.width, self.height)
        return cameras_of(Path(self.camera), scene)


def cameras_of(path: Path, scene: "CodedScene") -> dict[str, "Camera"]:
    """Cameras of a nerfstudio ``transforms.json``, moved into the scene's frame; lens distortion is ignored.

    Raises:
        ConfigError: No such file, or not such a file.
    """
    import torch

    from csgaussian_ns.core.geometry import opengl_camera

    try:
        transforms = json.loads(path.read_text("utf8"))
        frames = transforms["frames"]
        result = {}
        for frame in frames:
            pose = torch.tensor(frame["transform_matrix"], dtype=torch.float64)[:3]
            numbers = [float(frame.get(key, transforms.get(key))) for key in ("fl_x", "fl_y", "cx", "cy", "w", "h")]
            fx, fy, cx, cy, width, height = numbers
            name = Path(frame["file_path"]).stem
            size = int(width), int(height)
            result[name] = opengl_camera(into_frame(pose, scene), (fx, fy), (cx, cy), size)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"--camera {path}: expected a nerfstudio transforms.json or 'orbit'; {error!r}") from error
    return result


def into_frame(pose: "torch.Tensor", scene: "CodedScene") -> "torch.Tensor":
    """A camera-to-world matrix of the capture, in the frame that the scene was trained in."""
    import torch

    transform = torch.tensor(scene.meta.transform, dtype=torch.float64).reshape(3, 4)
    rotation = transform[:, :3] @ pose[:, :3]
    position = (transform[:, :3] @ pose[:, 3] + transform[:, 3]) * scene.meta.scale
    return torch.cat([rotation, position[:, None]], dim=1)


def _orbit_told(scene: "CodedScene") -> "tuple[torch.Tensor, float, float] | None":
    """Middle, radius and height from META's ``extra``; it is not trusted."""
    import torch

    told = scene.meta.extra.get("orbit")
    try:
        focus = [float(x) for x in told["focus"]]  # type: ignore[index]
        radius, height = float(told["radius"]), float(told["height"])  # type: ignore[index]
    except (TypeError, ValueError, KeyError):
        return None
    usable = len(focus) == 3 and all(map(math.isfinite, [*focus, radius, height])) and radius > 0
    return (torch.tensor(focus, dtype=torch.float64), radius, height) if usable else None


def _orbit_guessed(scene: "CodedScene") -> "tuple[torch.Tensor, float, float]":
    """Around the middle of the anchors."""
    positions = scene.anchors.position.double()
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
