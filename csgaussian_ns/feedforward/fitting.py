"""Photos and their cameras at the size that the network takes: the largest part in the middle, made smaller."""

from dataclasses import replace

import numpy as np
from PIL import Image

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float32, UInt8
from csgaussian_ns.core.types import Camera
from csgaussian_ns.format.latents.meta import CELL

Box = tuple[float, float, float, float]


def middle_of(width: int, height: int, to_width: int, to_height: int) -> Box:
    """Left, top, right and bottom of the largest part in the middle of an image that has the shape of another size."""
    scale = min(width / to_width, height / to_height)
    across, down = to_width * scale, to_height * scale
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down


def fitted_camera(camera: Camera, width: int, height: int) -> Camera:
    """The camera of that part at a size in pixels."""
    left, top, right, bottom = middle_of(camera.width, camera.height, width, height)
    x, y = width / (right - left), height / (bottom - top)
    lens = {"fx": camera.fx * x, "fy": camera.fy * y, "cx": (camera.cx - left) * x, "cy": (camera.cy - top) * y}
    return replace(camera, **lens, width=width, height=height)


def fitted_photo(photo: UInt8[np.ndarray, "h w 3"], width: int, height: int) -> UInt8[np.ndarray, "H W 3"]:
    """The photo of that part at a size in pixels."""
    if photo.shape[:2] == (height, width):
        return photo
    box = middle_of(photo.shape[1], photo.shape[0], width, height)
    found = Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(found)


def fitted_depth(depth: Float32[np.ndarray, "h w"], width: int, height: int) -> Float32[np.ndarray, "H W"]:
    """The depths of that part at a size in pixels, by the nearest pixel."""
    box = middle_of(depth.shape[1], depth.shape[0], width, height)
    return np.asarray(Image.fromarray(depth).resize((width, height), Image.Resampling.NEAREST, box=box))


def as_network_takes(photos: "list[UInt8[np.ndarray, 'H W 3']]") -> Float32[np.ndarray, "V 3 H W"]:
    """Photos of one size as colours in [0, 1]."""
    return np.ascontiguousarray(np.stack(photos).transpose(0, 3, 1, 2).astype(np.float32) / 255)


def size_for(width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height of a photo for the network: multiples of 16, the longer side at most so many pixels.

    Raises:
        DataError: There is no such size.
    """
    scale = min(1.0, longest / max(width, height))
    found = tuple(int(side * scale + 0.5) // CELL * CELL for side in (width, height))
    if min(found) < CELL:
        raise DataError(
            f"photos of {width} x {height} pixels with at most {longest} along a side; expected at least {CELL} along "
            "the other one: give larger photos, or a larger size"
        )
    return found[0], found[1]
