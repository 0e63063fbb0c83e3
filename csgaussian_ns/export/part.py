"""Part of a scene: some of its rows, or what lies inside a box."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from csgaussian_ns.core.shapes import Bool, Float
from csgaussian_ns.core.types import Camera
from csgaussian_ns.scene.scene import Scene, Seen

Corner = tuple[float, float, float]
Box = tuple[Corner, Corner]
"""Lowest and highest corner."""


@dataclass(frozen=True)
class ScenePart:
    """A ``Scene`` in arrays of numpy that shows a part of another; its rows are those of the other.

    Attributes:
        scene: The other.
        rows: Which of its rows; all where ``None``.
        box: Lowest and highest corner around the centres of the Gaussians, in the frame of the scene, through
            ``frame``; everything where ``None``.
        frame: What takes places of the scene to where the box is: a 3x3 matrix and a shift.
    """

    scene: Scene
    rows: Bool[np.ndarray, " R"] | None = None
    box: Box | None = None
    frame: tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]] = (np.eye(3), np.zeros(3))

    @property
    def position(self) -> Float[Any, "R 3"]:
        """Of all rows, shown or not."""
        return self.scene.position

    @property
    def background(self) -> Float[Any, "3"] | None:
        """Of the scene."""
        return self.scene.background

    @property
    def hidden(self) -> Bool[np.ndarray, " R"]:
        """Those of the scene; what is not shown is only left out."""
        return self.scene.hidden

    @property
    def plain(self) -> None:
        """A part is asked for by views."""

    def seen(self, camera: Camera, only: Bool[np.ndarray, " R"] | None = None) -> Seen:
        """What ``camera`` sees of the part; see ``Scene``."""
        rows = self.rows if only is None or self.rows is None else only & self.rows
        seen = self.scene.seen(camera, only if rows is None else rows)
        return seen if self.box is None else seen.only(self.contains(seen.gaussians.means))

    def contains(self, means: Float[np.ndarray, "N 3"]) -> Bool[np.ndarray, " N"]:
        """Which places are in the box."""
        if self.box is None:
            return np.ones(len(means), np.bool_)
        low, high = np.array(self.box)
        place = means @ self.frame[0].T + self.frame[1]
        return ((place >= low) & (place <= high)).all(axis=1)
