"""Scenes to train on: photos with cameras, and from how near to how far they reach."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from csgaussian_ns.capture.depth_images import KEY, read_depth
from csgaussian_ns.capture.folder import open_capture
from csgaussian_ns.capture.poses import applied
from csgaussian_ns.capture.straight import straightening
from csgaussian_ns.capture.view import views_of
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float32, UInt8
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.depths import depth_range

OWN_WORLD = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""No transform: cameras lie as the capture has them."""
BEHIND = (0.0, 0.0, 0.0)
"""Colour behind what is transparent."""


@dataclass(frozen=True)
class PosedScene:
    """One scene.

    Attributes:
        name: For people.
        cameras: Of the photos at their own sizes, in numpy.
        names: Of the photos.
        near, far: Range of depths.
        read: The photo of a number.
        depth: How far its pixels are away, z in camera axes, at any size and 0 where nothing is known; ``None`` where
            nothing is known of all.
    """

    name: str
    cameras: tuple[Camera, ...]
    names: tuple[str, ...]
    near: float
    far: float
    read: Callable[[int], UInt8[np.ndarray, "H W 3"]]
    depth: Callable[[int], Float32[np.ndarray, "H W"] | None] = lambda number: None

    def __len__(self) -> int:
        """Number of photos."""
        return len(self.cameras)


def scene_of_folder(data: Path, depths: tuple[float, float] | None = None) -> PosedScene:
    """A capture as a scene, in its own world.

    Args:
        data: Folder of nerfstudio, Blender or COLMAP, or its file.
        depths: Near and far in units of that world; else as ``depth_range`` finds them.

    Raises:
        DataError: It cannot be read, has no intrinsics, or fewer than two photos.
    """
    capture = open_capture(data)
    views = views_of(capture, OWN_WORLD, 1.0)
    if len(views) < 2:
        raise DataError(f"{capture.path}: one photo; expected at least two of the same place")
    cameras = tuple(view.camera for view in views)
    near, far = depth_range(capture, cameras) if depths is None else depths

    def read(number: int) -> UInt8[np.ndarray, "H W 3"]:
        return np.rint(views[number].colours(BEHIND) * 255).astype(np.uint8)

    known, (_, scale) = capture.files_under(KEY), applied(capture)

    def depth(number: int) -> Float32[np.ndarray, "H W"] | None:
        file, bent = known.get(views[number].photo), straightening(views[number].frame)
        return None if file is None or bent is not None else read_depth(file) / np.float32(scale)

    return PosedScene(capture.folder.name, cameras, tuple(view.name for view in views), near, far, read, depth)
