"""Photos as a pinhole would have taken them: the lens undone.

Training looks at such photos, made by nerfstudio with OpenCV, and here the same ones are made: cameras differ by less
than a thousandth of a pixel, pictures by nothing but for a few pixels where the last bit of a camera decides.

OpenCV counts pixels from their centres and places to a 32nd of one, as is done here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from csgaussian_ns.capture.lens import Lens, lens_of
from csgaussian_ns.capture.optics import Intrinsics, intrinsics_of
from csgaussian_ns.capture.transforms import Frame
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.geometry import FARTHEST
from csgaussian_ns.core.shapes import Bool, Float32, Int32, Shaped

PARTS = 32
"""Of a pixel that places in a photo are told by."""
GRID = 9
"""Points along each side of a photo that say how far it reaches."""
Told = TypeVar("Told")
LEAST = 0.5 / 255
"""Share of a pixel of a mask from which on it counts."""


@dataclass(frozen=True, eq=False)
class Straightened:
    """What turns a photo, as its lens took it, into a pinhole's.

    Attributes:
        taken: Intrinsics of the photo.
        pinhole: Of what is made of it; without the edges that the lens did not reach.
        place: Column and row in the photo of each pixel of that, in 32nds, counted from the centre of the first.
    """

    taken: Intrinsics
    pinhole: Intrinsics
    place: Int32[np.ndarray, "H W 2"]

    def colours(self, photo: Shaped[np.ndarray, "h w C"]) -> Float32[np.ndarray, "H W C"]:
        """Between the pixels of a photo, linearly; 0 outside."""
        total = np.zeros((*self.place.shape[:2], photo.shape[2]), np.float32)
        for column, row, weight in self._around():
            inside = (column >= 0) & (column < self.taken.width) & (row >= 0) & (row < self.taken.height)
            found = photo[np.where(inside, row, 0), np.where(inside, column, 0)]
            total += found * np.where(inside, weight, np.float32(0))[..., None]
        return total

    def counts(self, mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "H W"]:
        """Where any of the pixels of a mask that a place lies between is set, as nerfstudio takes it."""
        return self.colours(mask[..., None])[..., 0] >= LEAST

    def nearest(self, labels: Shaped[np.ndarray, "h w"]) -> Shaped[np.ndarray, "H W"]:
        """Labels of the pixels that places are in; 0 outside."""
        column, row = ((self.place[..., axis] + PARTS // 2) // PARTS for axis in (0, 1))
        inside = (column >= 0) & (column < self.taken.width) & (row >= 0) & (row < self.taken.height)
        return np.where(inside, labels[np.where(inside, row, 0), np.where(inside, column, 0)], labels.dtype.type(0))

    def _around(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Column, row and weight of the four pixels around each place."""
        whole, part = self.place // PARTS, (self.place % PARTS).astype(np.float32) / PARTS
        for right in (0, 1):
            for down in (0, 1):
                across = part[..., 0] if right else 1 - part[..., 0]
                along = part[..., 1] if down else 1 - part[..., 1]
                yield whole[..., 0] + right, whole[..., 1] + down, across * along


def seen_by(frame: Frame) -> Intrinsics:
    """Of the pinhole that stands for the camera of a frame: its own, where its photo has no lens distortion.

    Raises:
        DataError: It has no intrinsics, or a lens that no pinhole can stand for.
    """
    taken, lens = intrinsics_of(frame), lens_of(frame)
    return taken if lens is None else _told(frame, pinhole_of, taken, lens)


def straightening(frame: Frame) -> "Straightened | None":
    """What undoes the lens of a frame's photo; ``None`` where there is nothing to undo.

    Raises:
        DataError: As of ``seen_by``.
    """
    lens = lens_of(frame)
    return None if lens is None else _told(frame, straightened, intrinsics_of(frame), lens)


def pinhole_of(taken: Intrinsics, lens: Lens) -> Intrinsics:
    """The pinhole that stands for a camera with a lens: it sees as much as it can without seeing what the lens did not.

    Raises:
        DataError: The lens folds the picture.
    """
    return _cropped(taken, lens)[0]


@lru_cache(maxsize=2)
def straightened(taken: Intrinsics, lens: Lens) -> Straightened:
    """What undoes a lens.

    Raises:
        DataError: As ``pinhole_of``.
    """
    pinhole, (left, top) = _cropped(taken, lens)
    focal, centre = _whole(taken, lens)
    columns = (np.arange(pinhole.width) + left - centre[0]) / focal[0]
    rows = (np.arange(pinhole.height) + top - centre[1]) / focal[1]
    straight = np.stack(np.meshgrid(columns, rows), axis=-1)
    (old_focal, old_centre), single = _matrix(taken), _single(lens)
    with np.errstate(over="ignore", invalid="ignore"):
        place = single.bent(straight) * old_focal + old_centre
        place = np.rint((place.astype(np.float32) if lens.fisheye else place) * PARTS)  # as nerfstudio asks for it
    far = PARTS * (max(taken.width, taken.height) + 2)
    return Straightened(taken, pinhole, np.nan_to_num(place, nan=-far).clip(-far, far).astype(np.int32))


def _told(frame: Frame, make: Callable[[Intrinsics, Lens], Told], taken: Intrinsics, lens: Lens) -> Told:
    try:
        return make(taken, lens)
    except DataError as error:
        raise DataError(f"{frame.where}: {error}") from error


def _cropped(taken: Intrinsics, lens: Lens) -> tuple[Intrinsics, tuple[int, int]]:
    """The pinhole, and the column and row of its first pixel before edges are cut off."""
    with np.errstate(all="ignore"):
        focal, centre = _whole(taken, lens)
        left, top, width, height = _reached(taken, lens, focal, centre)
    if not (np.abs((focal, centre)) < FARTHEST).all() or min(focal) <= 0 or min(width, height) < 1:
        raise DataError(
            f"the parameters {', '.join(f'{value:g}' for value in lens.parameters)} of a lens leave nothing of a photo "
            f"of {taken.width} x {taken.height} pixels; check them, or undistort the photos by another program"
        )
    x, y = centre[0] - left + 0.5, centre[1] - top + 0.5
    return Intrinsics(float(focal[0]), float(focal[1]), float(x), float(y), width, height), (left, top)


def _whole(taken: Intrinsics, lens: Lens) -> tuple[np.ndarray, np.ndarray]:
    """Focal lengths and principal point, of pixels counted from centres, before edges are cut off."""
    chosen = _fisheye_view(taken, _single(lens)) if lens.fisheye else _brown_view(taken, _single(lens))
    return chosen[0].astype(np.float32).astype(np.float64), chosen[1].astype(np.float32).astype(np.float64)


def _brown_view(taken: Intrinsics, lens: Lens) -> tuple[np.ndarray, np.ndarray]:
    """The largest rectangle that the lens reached everywhere fills the picture."""
    lowest, highest = _inner(_border(taken, lens))
    focal = (np.array((taken.width, taken.height)) - 1) / (highest - lowest)
    return focal, -focal * lowest


def _fisheye_view(taken: Intrinsics, lens: Lens) -> tuple[np.ndarray, np.ndarray]:
    """The middle of the side that the lens bends most lies on the edge of the picture; pixels keep their shape."""
    focal, centre = _matrix(taken)
    size = np.array((taken.width, taken.height))
    (width, height), (half_width, half_height) = size, size // 2
    sides = np.array([(half_width, 0), (width, half_height), (half_width, height), (0, half_height)], np.float64)
    aspect = np.array((1.0, focal[0] / focal[1]))
    found = lens.straight((sides - centre) / focal) * aspect
    middle, half = found.mean(axis=0), size * aspect / 2
    largest = np.max([half / (middle - found.min(axis=0)), half / (found.max(axis=0) - middle)])
    return largest / aspect, (half - middle * largest) / aspect


def _reached(taken: Intrinsics, lens: Lens, focal: np.ndarray, centre: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is kept; of a fisheye all."""
    if lens.fisheye:
        return 0, 0, taken.width, taken.height
    lowest, highest = _inner(_border(taken, _single(lens)) * focal + centre)
    corner, size = np.rint(np.nan_to_num(lowest)), np.rint(np.nan_to_num(highest - lowest))
    end = np.minimum(corner + size, (taken.width, taken.height))
    corner = np.maximum(corner, 0)
    left, top, width, height = (int(number) for number in (*corner, *(end - corner)))
    return left, top, width, height


def _border(taken: Intrinsics, lens: Lens) -> np.ndarray:
    """Where a pinhole would see ``GRID`` x ``GRID`` points of the photo, in rows."""
    focal, centre = _matrix(taken)
    across, along = (np.linspace(0, side - 1, GRID) for side in (taken.width, taken.height))
    points = np.stack(np.meshgrid(across, along), axis=-1)
    return lens.straight((points.astype(np.float32) - centre) / focal).astype(np.float32).astype(np.float64)


def _inner(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner of the largest upright rectangle that keeps inside the outermost points of a grid."""
    x, y = points[..., 0], points[..., 1]
    return np.array((x[:, 0].max(), y[0].max())), np.array((x[:, -1].min(), y[-1].min()))


def _matrix(taken: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
    """Focal lengths and principal point from the centre of the first pixel, in the single precision of training."""
    focal, corner = np.array((taken.fx, taken.fy), np.float32), np.array((taken.cx, taken.cy), np.float32)
    return focal.astype(np.float64), (corner - np.float32(0.5)).astype(np.float64)


def _single(lens: Lens) -> Lens:
    """The lens in the single precision of training."""
    k1, k2, k3, k4, p1, p2 = (float(np.float32(value)) for value in lens.parameters)
    return Lens(lens.fisheye, (k1, k2, k3, k4, p1, p2))
