"""Intrinsics of frames, and what is said of their lenses."""

import math
from typing import NamedTuple, TypeGuard

from csgaussian_ns.capture.transforms import DISTORTION, INTRINSICS, Frame
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.geometry import MOST_PIXELS

PINHOLES = ("PERSPECTIVE", "PINHOLE", "SIMPLE_PINHOLE", "OPENCV", "SIMPLE_RADIAL", "RADIAL")
"""Camera models that are a pinhole when their distortion is zero."""


class Intrinsics(NamedTuple):
    """Focal lengths, principal point from the top left corner and size of an image, in pixels."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


def intrinsics_of(frame: Frame) -> Intrinsics:
    """As the file states them for the frame or else for all frames.

    Raises:
        DataError: One is missing, or no camera has them.
    """
    missing = [name for name in INTRINSICS if frame.facts.get(name) is None]
    if missing:
        raise DataError(
            f"{frame.where}: the intrinsics {', '.join(missing)} are given neither for the frame nor for the scene"
        )
    numbers = {name: frame.facts[name] for name in INTRINSICS}
    if all(map(is_finite, numbers.values())):
        fx, fy, cx, cy, width, height = map(float, numbers.values())
        if min(fx, fy) > 0 and min(width, height) >= 1 and width * height < MOST_PIXELS:
            return Intrinsics(fx, fy, cx, cy, int(width), int(height))
    values = ", ".join(f"{name}={value!r:.40}" for name, value in numbers.items())
    raise DataError(
        f"{frame.where}: intrinsics must be finite numbers, focal lengths and size above 0, fewer than 2^28 pixels; "
        f"got {values}"
    )


def distortion_of(frame: Frame) -> tuple[float, ...]:
    """Of the lens: k1, k2, k3, k4, p1, p2, or what the file has as ``distortion_params``; six numbers at least.

    Raises:
        DataError: A parameter is not a finite number.
    """
    told = frame.facts.get("distortion_params")
    numbers = [frame.facts.get(name, 0.0) for name in DISTORTION] if told is None else told
    if not isinstance(numbers, list) or not all(map(is_finite, numbers)):
        raise DataError(
            f"{frame.where}: {', '.join(DISTORTION)} or 'distortion_params' must be finite numbers; got "
            f"{str(numbers)[:80]}"
        )
    return tuple(map(float, numbers)) + (0.0,) * (len(DISTORTION) - len(numbers))


def is_finite(value: object) -> TypeGuard[int | float]:
    """Whether this is a number that a float can hold, and neither NaN nor infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False
