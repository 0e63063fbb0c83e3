"""Cameras that a few photos were taken by, as the network knows them: how pixels of one lie in the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from csgaussian_ns.core.arrays import like, namespace
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float, Float32, Float64
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.operations import OUTSIDE
from csgaussian_ns.format.latents.meta import CELL, VIEWS, LatentMeta

LEAST_OVERLAP = 0.1
"""Share of a photo that another one must show, at some depth."""
_OVERLAP_SIDE, _OVERLAP_DEPTHS = 24, 16
_BEHIND = 1e-6


@dataclass(frozen=True)
class Views:
    """Cameras of photos of one size.

    Attributes:
        world_to_camera: Rigid transforms to OpenCV axes.
        lens: fx, fy, cx, cy in pixels.
        width, height: Of the photos in pixels, multiples of 16.
        near, far: Range of depths, z in camera axes.

    Raises:
        DataError: Fewer than two views or more than twelve, near not below far, or a size that is no multiple of 16.
    """

    world_to_camera: Float64[np.ndarray, "V 4 4"]
    lens: Float64[np.ndarray, "V 4"]
    width: int
    height: int
    near: float
    far: float

    def __post_init__(self) -> None:
        if len(self) not in VIEWS:
            raise DataError(f"{len(self)} views; expected {VIEWS[0]} to {VIEWS[-1]}, whose photos show the same place")
        if not 0 < self.near < self.far < np.inf:
            raise DataError(f"near {self.near:g} and far {self.far:g}; expected 0 < near < far")
        if min(self.width, self.height) < CELL or self.width % CELL or self.height % CELL:
            raise DataError(
                f"photos of {self.width} x {self.height} pixels; expected multiples of {CELL}: crop or resize them"
            )
        if not (
            np.isfinite(self.world_to_camera).all() and np.isfinite(self.lens).all() and self.lens[:, :2].min() > 0
        ):
            raise DataError("views: expected finite poses, and positive focal lengths and principal points in pixels")

    def __len__(self) -> int:
        """Number of views."""
        return len(self.lens)

    @classmethod
    def of_cameras(cls, cameras: Sequence[Camera], near: float, far: float) -> "Views":
        """Views of pinholes.

        Raises:
            DataError: Their sizes differ; or as of the class.
        """
        sizes = {(camera.width, camera.height) for camera in cameras}
        if len(sizes) > 1:
            raise DataError(f"photos of {sorted(sizes)} pixels; expected one size for all: crop or resize them")
        width, height = sizes.pop() if sizes else (CELL, CELL)
        poses = [np.asarray(camera.world_to_camera, np.float64) for camera in cameras]
        lens = [(camera.fx, camera.fy, camera.cx, camera.cy) for camera in cameras]
        stacked = np.array(poses, np.float64).reshape(-1, 4, 4)
        return cls(stacked, np.array(lens, np.float64).reshape(-1, 4), width, height, near, far)

    @classmethod
    def of_numbers(cls, numbers: Float32[np.ndarray, "V 10"], meta: LatentMeta) -> "Views":
        """Views as a file of latents has them (``format.latents.cameras``); errors as of the class."""
        wide = numbers.astype(np.float64)
        poses = np.tile(np.eye(4), (len(numbers), 1, 1))
        for pose, (x, y, z, *rest) in zip(poses, wide.tolist(), strict=True):
            w = math.sqrt(max(0.0, 1 - x * x - y * y - z * z))
            pose[:3, :3] = Similarity((w, x, y, z)).matrix
            pose[:3, 3] = -pose[:3, :3] @ np.array(rest[:3])
        return cls(poses, wide[:, 6:], meta.width, meta.height, meta.near, meta.far)

    @property
    def numbers(self) -> Float32[np.ndarray, "V 10"]:
        """The inverse of ``of_numbers``, but for rounding."""
        turns = [Similarity.of(pose[:3, :3], 1.0, np.zeros(3)).turn[1:] for pose in self.world_to_camera]
        return np.concatenate([np.array(turns), self.positions, self.lens], axis=1).astype(np.float32)

    @property
    def positions(self) -> Float64[np.ndarray, "V 3"]:
        """Of the cameras in the world."""
        rotation, shift = self.world_to_camera[:, :3, :3], self.world_to_camera[:, :3, 3]
        return -np.einsum("vji,vj->vi", rotation, shift)

    def partners(self, most: int) -> list[list[int]]:
        """For each view up to ``most`` others, the nearest first; of equally near ones the earlier."""
        place = self.positions
        distance = np.linalg.norm(place[:, None] - place[None], axis=-1)
        np.fill_diagonal(distance, np.inf)
        order = np.argsort(distance, axis=1, kind="stable")
        return order[:, : min(most, len(self) - 1)].tolist()

    def inverse_depths(self, planes: int) -> Float64[np.ndarray, " D"]:
        """Evenly spread, from far to near."""
        return np.linspace(1 / self.far, 1 / self.near, planes)

    def rays(self, view: int, cell: float | int) -> Float64[np.ndarray, "3 H W"]:
        """Through the middle of each square of ``cell`` pixels, in camera axes, z = 1."""
        fx, fy, cx, cy = self.lens[view]
        rows, columns = round(self.height / cell), round(self.width / cell)
        x = ((np.arange(columns) + 0.5) * cell - cx) / fx
        y = ((np.arange(rows) + 0.5) * cell - cy) / fy
        return np.stack(
            [
                np.broadcast_to(x, (rows, columns)),
                np.broadcast_to(y[:, None], (rows, columns)),
                np.ones((rows, columns)),
            ]
        )

    def places_in(
        self, view: int, other: int, inverse_depth: Float[Any, "*planes H W"], cell: float | int
    ) -> tuple[Float[Any, "*planes H W"], Float[Any, "*planes H W"]]:
        """Where points that one view sees lie in another one.

        Args:
            view: That sees them.
            other: In which they are looked for.
            inverse_depth: Of the points, for each square of ``cell`` pixels.
            cell: Pixels along the side of a place of both images.

        Returns:
            Columns and rows in places, counted from the middle of the first; far outside for what lies behind.
        """
        library = namespace(inverse_depth)
        motion = self.world_to_camera[other] @ np.linalg.inv(self.world_to_camera[view])
        turned = np.einsum("ij,jhw->ihw", motion[:3, :3], self.rays(view, cell))
        x, y, z = (
            like(part, inverse_depth) + float(shift) * inverse_depth
            for part, shift in zip(turned, motion[:3, 3], strict=True)
        )
        fx, fy, cx, cy = (float(number) / cell for number in self.lens[other])
        behind = z < _BEHIND
        z = library.where(behind, library.ones_like(z), z)
        outside = library.full_like(z, OUTSIDE)
        columns = library.where(behind, outside, fx * x / z + (cx - 0.5))
        rows = library.where(behind, outside, fy * y / z + (cy - 0.5))
        return columns, rows


def inside(columns: Float[Any, "*places"], rows: Float[Any, "*places"], width: float | int, height: float | int) -> Any:
    """Which places lie in an image of so many."""
    return (columns > -0.5) & (columns < width - 0.5) & (rows > -0.5) & (rows < height - 0.5)


def overlaps(views: Views) -> Float64[np.ndarray, "V V"]:
    """For each view (row) the share of its image that another one (column) shows, at the depth where it shows most."""
    cell = max(views.width, views.height) / _OVERLAP_SIDE
    found = np.eye(len(views))
    depths = views.inverse_depths(_OVERLAP_DEPTHS)
    for view in range(len(views)):
        shape = views.rays(view, cell).shape[1:]
        tried = np.broadcast_to(depths[:, None, None], (len(depths), *shape))
        for other in range(len(views)):
            if other != view:
                places = views.places_in(view, other, tried, cell)
                shown = inside(*places, views.width / cell, views.height / cell)
                found[view, other] = shown.mean(axis=(1, 2)).max()
    return found


def check_overlap(views: Views) -> None:
    """Refuse views that show nothing of each other.

    Raises:
        DataError: One of them does.
    """
    shares = overlaps(views)
    np.fill_diagonal(shares, 0)
    best = shares.max(axis=1)
    alone = int(best.argmin())
    if best[alone] < LEAST_OVERLAP:
        raise DataError(
            f"view {alone + 1} of {len(views)}: at most {best[alone]:.0%} of it is seen in another one at any depth "
            f"from {views.near:g} to {views.far:g}, expected {LEAST_OVERLAP:.0%}; take photos of the same place, or "
            "correct near and far"
        )
