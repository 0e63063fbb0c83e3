"""``csg render``: pictures of a ``.csg`` file, from given cameras or around it."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from csgaussian_ns.tools.cameras import cameras_by
from csgaussian_ns.tools.info import open_file


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
        cameras = cameras_by(self.camera, scene, self.views, self.width, self.height)
        rasterizer = choose_rasterizer("auto", torch.device("cpu"))
        self.output.mkdir(parents=True, exist_ok=True)
        console = Console(stderr=True)
        for name, camera in track(list(cameras.items()), "rendering", console=console, disable=not console.is_terminal):
            with torch.no_grad():
                image = render_view(scene.anchors, scene.decoders, camera, rasterizer, scene.background).image
            pixels = (image.clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()
            Image.fromarray(pixels).save(self.output / f"{name}.png")
        print(f"{self.output}: {len(cameras)} images of {len(scene.grid):,} anchors")
