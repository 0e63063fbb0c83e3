"""Options of a demo scene."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from csgaussian_ns.core.errors import ConfigError

KindName = Literal["plain", "glass", "thin", "pile", "clutter"]
MOST_OBJECTS: dict[KindName, int] = {"clutter": 32}
"""Where it is another number than for a plain scene: the objects are smaller."""
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
class DemoOptions:
    """What is made, and where; ``DemoScene`` is the command."""

    out: tyro.conf.Positional[Path]
    """Folder to make."""
    kind: KindName = "plain"
    """What is hard about it: glass (things of glass, a mirror), thin (blades, leaves, wires), pile (touching things of
    one colour, several of each), clutter (many small things, cameras that see a part); plain is none of these."""
    seed: int = 5
    """Decides objects, colours, room and cameras; the same seed gives the same bytes; 0 to 9223372036854775808."""
    views: int = 60
    """Number of images, 3 to 10000."""
    width: int = 320
    """Image width in pixels, 16 to 4096."""
    height: int = 240
    """Image height in pixels, 16 to 4096."""
    objects: int | None = None
    """Number of objects on the table, 4 to 16, in clutter to 32; 10 where it is not said, in clutter 24."""
    samples: int = 9
    """Colour samples per pixel, 1 to 64."""
    points: int = 12000
    """Number of SfM-like points in sparse_pc.ply, 1 to 1000000."""
    overwrite: bool = False
    """Replace the demo scene that is already in the folder; a folder with anything else in it is left alone."""

    def check(self) -> None:
        """Raise ConfigError for the first option that cannot work."""
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if name == "objects":
                high = MOST_OBJECTS.get(self.kind, high)
            if value is not None and not low <= value <= high:
                raise ConfigError(f"--{name} must be {low} to {high}, got {value}")
