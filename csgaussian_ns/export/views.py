"""What cameras see of a scene, kept for fitting, and which Gaussians they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.core.shapes import Bool, Float32, Int64
from csgaussian_ns.core.types import Camera
from csgaussian_ns.render.draw import draw_gaussians
from csgaussian_ns.scene.scene import Scene, Seen

_SLOTS = 1 << 16
"""More than a row can have Gaussians."""


@dataclass(frozen=True)
class ExportView:
    """A camera and what it sees: a picture in bytes over the scene's background, and how far away things are."""

    camera: Camera
    picture: NDArray[np.uint8]
    depth: Float32[np.ndarray, "H W"]


@dataclass(frozen=True)
class Found:
    """All Gaussians that some view draws, whatever they look like there.

    Attributes:
        key: Tells a Gaussian among all, ascending, as rows do.
        row: Of the scene.
        means: Centres.
        size: Geometric mean of the standard deviations, in the view that first had it.
    """

    key: Int64[np.ndarray, " N"]
    row: Int64[np.ndarray, " N"]
    means: Float32[np.ndarray, "N 3"]
    size: Float32[np.ndarray, " N"]

    def __len__(self) -> int:
        return len(self.key)

    def within(self, low: int, high: int) -> "Found":
        """Those of the rows from ``low`` to before ``high``."""
        part = slice(*np.searchsorted(self.row, (low, high)))
        return Found(self.key[part], self.row[part], self.means[part], self.size[part])


def keys_of(seen: Seen) -> Int64[np.ndarray, " N"]:
    """What tells each Gaussian among all, in every view. Ascending where a scene is seen as it is, not put together."""
    return seen.row.astype(np.int64) * _SLOTS + seen.slot


def look(
    scene: Scene, cameras: Sequence[Camera], progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[list[ExportView], Found]:
    """See the scene from everywhere.

    Args:
        scene: In arrays of numpy.
        cameras: From where.
        progress: Called with the number of cameras done and in all.
    """
    views, known = [], Found(*(np.empty(shape, kind) for shape, kind in _COLUMNS))
    for camera in cameras:
        seen = scene.seen(camera)
        drawn = draw_gaussians(seen.gaussians, camera, scene.background, with_depth=True)
        assert drawn.depth is not None
        picture = (drawn.image.clip(0, 1) * 255 + 0.5).astype(np.uint8)
        views.append(ExportView(camera, picture, drawn.depth[..., 0]))
        known = _with(known, seen)
        progress(len(views), len(cameras))
    return views, known


_COLUMNS: tuple[tuple[tuple[int, ...], type], ...] = (
    ((0,), np.int64),
    ((0,), np.int64),
    ((0, 3), np.float32),
    ((0,), np.float32),
)


def _with(known: Found, seen: Seen) -> Found:
    key = keys_of(seen)
    new = np.flatnonzero(~is_among(key, known.key))
    if not len(new):
        return known
    g = seen.gaussians
    size = np.exp(np.log(g.scales[new].clip(min=1e-12)).mean(axis=1))
    parts = (key[new], seen.row[new].astype(np.int64), g.means[new], size.astype(np.float32))
    order = np.argsort(np.concatenate([known.key, parts[0]]), kind="stable")
    columns = (known.key, known.row, known.means, known.size)
    return Found(*(np.concatenate([old, more])[order] for old, more in zip(columns, parts, strict=True)))


def is_among(key: Int64[np.ndarray, " M"], ascending: Int64[np.ndarray, " N"]) -> Bool[np.ndarray, " M"]:
    """Which keys are there."""
    if not len(ascending):
        return np.zeros(len(key), np.bool_)
    at = np.searchsorted(ascending, key).clip(max=len(ascending) - 1)
    return ascending[at] == key


def match(found: Found, seen: Seen) -> tuple[Int64[np.ndarray, " M"], Bool[np.ndarray, " V"]]:
    """Which of ``found`` are drawn, in the order of ``seen``, and which of ``seen`` these are."""
    key = keys_of(seen)
    known = is_among(key, found.key)
    return np.searchsorted(found.key, key[known]), known
