"""Cameras of photos as ten numbers each: section VIEW. FORMAT.md, section 18.1."""

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.geometry import FARTHEST
from csgaussian_ns.core.shapes import Float32

NUMBERS = 10
"""x, y, z of the quaternion from world to camera, position, fx, fy, cx, cy."""
_LONGEST = 1 + 1e-5


def write_cameras(cameras: Float32[np.ndarray, "V 10"]) -> bytes:
    """As little-endian float32, camera by camera.

    Raises:
        FormatError: They are none that a reader takes.
    """
    data = cameras.astype("<f4").tobytes()
    read_cameras(data, len(cameras))
    return data


def read_cameras(data: bytes | memoryview, views: int) -> Float32[np.ndarray, "V 10"]:
    """The inverse of ``write_cameras``.

    Raises:
        FormatError: Another number of cameras, or numbers that no camera has.
    """
    if len(data) != views * NUMBERS * 4:
        raise FormatError(f"VIEW: {len(data)} bytes, {views} cameras have {views * NUMBERS * 4}; the file is damaged")
    cameras = np.frombuffer(data, "<f4").reshape(views, NUMBERS).astype(np.float32)
    if not (np.abs(cameras) < FARTHEST).all():  # NaN compares false
        raise FormatError("VIEW: a camera is not finite or too far away; the file is damaged")
    if (cameras[:, 6:8] <= 0).any() or (np.linalg.norm(cameras[:, :3].astype(np.float64), axis=1) > _LONGEST).any():
        raise FormatError("VIEW: a focal length is not above 0, or a quaternion is longer than 1; the file is damaged")
    return cameras
