"""Scenes in an order in which they are worth looking at early: large and opaque things first."""

import numpy as np

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float, Int
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.edits import edits_of, with_edits
from csgaussian_ns.format.facts import is_group
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.receiver.load import load
from csgaussian_ns.receiver.representations import writer_of
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.scene.frustum import NEAR_PLANE

SHARES = (0.06, 0.14, 0.30, 0.55, 1.0)
"""Up to which of all anchors each share goes: the first picture comes early, and few chunks cost little."""
LEAST = 512
"""Anchors of a share."""
VIEWS, WIDTH, HEIGHT = 12, 240, 135
"""Of the orbit, or of those that the file tells of, from which importance is measured."""
MOST_PIXELS = 0.15
"""Of the image that a Gaussian counts for at most: one before the camera hides more than it shows."""


def by_importance(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> bytes:
    """A file whose first chunks are a coarse picture of the whole scene. What it decodes to stays, in another order.

    Args:
        data: A file of what ``representations`` knows a writer of.
        limits: What to refuse.

    Raises:
        FormatError, UnsupportedVersion, LimitExceeded: As of ``load``; or anchors would change.
        ConfigError: The file is cut, holds nothing, or is a group.
    """
    container = read_container(data, limits)
    if container.truncated:
        raise ConfigError("the file is cut, and what is missing cannot be arranged; fetch it again")
    if is_group(container):
        raise ConfigError("the file is a group of scenes, each read whole; arrange them, and merge them then")
    scene = load(data, limits, edits=False)
    if not len(scene):
        raise ConfigError(f"there are no {scene.rows} in this file to arrange")
    made = writer_of(container, limits).arranged(_shares(importance(scene)))
    return with_edits(read_container(made, limits), edits_of(container))


def importance(scene: LoadedScene) -> Float[np.ndarray, " A"]:
    """Of each row: how many pixels its Gaussians cover, each weighted by its opacity, from all ``_views``."""
    total = np.zeros(len(scene))
    for camera in _views(scene):
        seen = scene.seen(camera)
        np.add.at(total, seen.row, seen.gaussians.opacities * _pixels(seen.gaussians, camera))
    return total


def _views(scene: LoadedScene) -> list[Camera]:
    """Where photos were taken, or else an orbit."""
    views = list(scene.views(WIDTH).values())[:VIEWS]
    return views or list(scene.orbit(VIEWS, WIDTH, HEIGHT).values())


def _pixels(gaussians: Gaussians, camera: Camera) -> Float[np.ndarray, " N"]:
    depth = gaussians.means @ camera.world_to_camera[2, :3] + camera.world_to_camera[2, 3]
    area = np.sort(gaussians.scales, axis=1)[:, 1:].prod(axis=1) * camera.fx * camera.fy
    return np.minimum(area / np.maximum(depth, NEAR_PLANE) ** 2, MOST_PIXELS * camera.width * camera.height)


def _shares(weight: Float[np.ndarray, " A"]) -> Int[np.ndarray, " A"]:
    rank = np.empty(len(weight), np.int64)
    rank[np.argsort(-weight, kind="stable")] = np.arange(len(weight))
    bounds = [max(LEAST, round(share * len(weight))) for share in SHARES[:-1]]
    return np.searchsorted(bounds, rank, side="right")
