"""Cameras around a scene, where its file, or else its middle, says that there is something to see."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from csgaussian_ns.core.arrays import median, to_numpy
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.geometry import FARTHEST, MOST_PIXELS, opengl_camera
from csgaussian_ns.core.shapes import Float, Float64
from csgaussian_ns.core.types import Camera

MOST_VIEWS = 1_000_000
UPWARD = ([0, 0, 1], [0, 0, -1], [0, 1, 0], [0, -1, 0])
"""What may be up; the first, where nothing is said."""
RINGS = ((1.0, 1.0), (0.85, 1.4), (1.1, 0.6), (0.7, 1.0))
"""Radius and height of the circles of ``cameras_around``, as shares of those of the orbit."""


@runtime_checkable
class Meta(Protocol):
    """What ``format.facts.Facts`` says about where a scene lies, and before what."""

    @property
    def transform(self) -> tuple[float, ...]:
        """From the capture's world to the frame of the scene, 3x4 row by row, before ``scale``."""
        ...

    @property
    def scale(self) -> float:
        """Factor applied after ``transform``."""
        ...

    @property
    def extra(self) -> Mapping[str, object]:
        """May hold where the photographer went."""
        ...

    @property
    def background(self) -> tuple[float, float, float]:
        """RGB behind the scene."""
        ...


@dataclass(frozen=True)
class PlainMeta:
    """A ``Meta`` of scenes whose files say less: as they lie in the capture's world.

    Attributes:
        up: Which way is up, along an axis other than x.
    """

    transform: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    scale: float = 1.0
    extra: Mapping[str, object] = field(default_factory=dict)
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)


def is_drawable_size(width: int, height: int) -> bool:
    """Whether images of this size are drawn without being asked twice."""
    return width >= 1 and height >= 1 and width * height < MOST_PIXELS


def check_orbit(views: int, width: int, height: int) -> None:
    """Refuse orbits that cannot be drawn.

    Raises:
        ConfigError: No views or endlessly many, or images of no or of an endless size.
    """
    if not 1 <= views <= MOST_VIEWS:
        raise ConfigError(f"--views {views}: expected 1 to {MOST_VIEWS}")
    if not is_drawable_size(width, height):
        raise ConfigError(
            f"--width {width} --height {height}: expected at least one pixel and fewer than 2^28; choose another size"
        )


def orbit(position: Float[Any, "R 3"], meta: Meta, views: int, width: int, height: int) -> dict[str, Camera]:
    """Cameras on a circle, looking at its middle: where the photographer went if the file tells. +z is up.

    Args:
        position: Of the rows of the scene.
        meta: What the file tells; the ``up`` of a ``PlainMeta`` may be another.
        views: How many.
        width: Of the images.
        height: Of the images.
    """
    centre, radius, above = _orbit_told(meta) or _orbit_guessed(position)
    ring = _ring(up_of(meta), centre, (radius, above), views, 0.0, (width, height))
    return {f"orbit_{number:04d}": camera for number, camera in enumerate(ring)}


def cameras_around(position: Float[Any, "R 3"], meta: Meta, views: int, width: int, height: int) -> list[Camera]:
    """Cameras on ``RINGS`` about that of ``orbit``, spread evenly over all sides, to learn what a scene looks like.

    Args:
        position: As for ``orbit``.
        meta: As there.
        views: How many, a multiple of the number of rings.
        width: Of the images.
        height: Of the images.
    """
    centre, radius, above = _orbit_told(meta) or _orbit_guessed(position)
    each, result = views // len(RINGS), []
    for number, (farther, higher) in enumerate(RINGS):
        place = radius * farther, above * higher
        result += _ring(up_of(meta), centre, place, each, (number + 0.5) / len(RINGS) / each, (width, height))
    return result


def up_of(meta: Meta) -> Float64[np.ndarray, "3"]:
    """Which way is up in the frame of the scene, unit length; META's ``extra`` is not trusted."""
    if isinstance(meta, PlainMeta):
        return np.array(meta.up)
    told = meta.extra.get("up")
    return np.array(told if told in UPWARD else UPWARD[0], np.float64)


def _ring(
    up: Float64[np.ndarray, "3"],
    centre: Float64[np.ndarray, "3"],
    place: tuple[float, float],
    views: int,
    begin: float,
    size: tuple[int, int],
) -> list[Camera]:
    """Cameras on a circle of a radius, above its middle, from a share of the full turn on."""
    first = np.array([1.0, 0.0, 0.0])
    second = np.cross(up, first)
    radius, above = place
    width, height = size
    result = []
    for number in range(views):
        angle = 2 * math.pi * (number / views + begin)
        back = math.cos(angle) * first + math.sin(angle) * second + above / radius * up
        eye = centre + radius * back
        back /= np.linalg.norm(back)
        right = np.cross(up, back)
        right /= np.linalg.norm(right)
        pose = np.stack([right, np.cross(back, right), back, eye], axis=1)
        result.append(opengl_camera(pose, (float(width), float(width)), (width / 2, height / 2), size))
    return result


def _orbit_told(meta: Meta) -> tuple[Float64[np.ndarray, "3"], float, float] | None:
    """Middle, radius and height from META's ``extra``; it is not trusted."""
    told = meta.extra.get("orbit")
    try:
        focus = [float(x) for x in told["focus"]]  # type: ignore[index]
        radius, height = float(told["radius"]), float(told["height"])  # type: ignore[index]
    except (TypeError, ValueError, KeyError, OverflowError):
        return None
    usable = len(focus) == 3 and all(abs(x) < FARTHEST for x in (*focus, radius, height)) and radius > 0
    return (np.array(focus), radius, height) if usable else None


def _orbit_guessed(position: Float[Any, "R 3"]) -> tuple[Float64[np.ndarray, "3"], float, float]:
    """Around the middle of the scene; of one that holds nothing, around the origin, to see its background."""
    places = to_numpy(position).astype(np.float64)
    places = places[(np.abs(places) < FARTHEST).all(axis=1)]
    if not len(places):
        return np.zeros(3), 1.0, 0.45
    centre = np.array([median(places[:, axis]) for axis in range(3)])
    radius = 1.5 * float(median(np.linalg.norm(places - centre, axis=1)))
    return centre, max(radius, 1e-6), 0.45 * radius
