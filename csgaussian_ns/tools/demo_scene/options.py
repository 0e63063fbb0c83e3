"""Options of ``csg demo-scene`` and the command itself. Imports nothing heavy: ``csg --help`` reads this file."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.answer import AsJson, answer

LIMITS = {
    "seed": (0, 2**63),
    "views": (3, 10_000),
    "width": (16, 4096),
    "height": (16, 4096),
    "objects": (4, 16),
    "samples": (1, 64),
    "points": (1, 1_000_000),
}
"""Smallest and largest value of each option; the help texts below repeat them, and a test compares."""


@dataclass(frozen=True)
class DemoScene:
    """Make a ray-traced table-top scene with exact poses and instance masks, ready for nerfstudio."""

    out: tyro.conf.Positional[Path]
    """Folder to make."""
    seed: int = 5
    """Decides objects, colours, room and cameras; the same seed gives the same bytes; 0 to 9223372036854775808."""
    views: int = 60
    """Number of images, 3 to 10000."""
    width: int = 320
    """Image width in pixels, 16 to 4096."""
    height: int = 240
    """Image height in pixels, 16 to 4096."""
    objects: int = 10
    """Number of objects on the table, 4 to 16."""
    samples: int = 9
    """Colour samples per pixel, 1 to 64."""
    points: int = 12000
    """Number of SfM-like points in sparse_pc.ply, 1 to 1000000."""
    overwrite: bool = False
    """Replace the demo scene that is already in the folder; a folder with anything else in it is left alone."""
    json: AsJson = False

    def check(self) -> None:
        """Raise ConfigError for the first option that cannot work."""
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"--{name} must be {low} to {high}, got {value}")

    def run(self) -> None:
        """Make the scene, with a progress bar on stderr and one line about the result on stdout."""
        self.check()
        from rich.console import Console
        from rich.progress import Progress

        from csgaussian_ns.tools.demo_scene.make import make_scene

        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("Ray tracing", total=1.0)
            made = make_scene(self, lambda share: progress.advance(task, share))
        facts = {
            "output": str(self.out),
            "views": made.views,
            "width": self.width,
            "height": self.height,
            "objects": made.objects,
            "points": made.points,
            "bytes": made.size,
            "seconds": made.seconds,
        }
        words = (
            f"Made {self.out}: {made.views} views of {self.width}x{self.height}, {made.objects} objects, "
            f"{made.points} points, {made.size / 1e6:.1f} MB in {made.seconds:.1f} s"
        )
        answer(self.json, facts, words)
