"""Camera poses on three rings around the table, and the rays through their pixels.

Poses are camera-to-world with OpenGL axes (x right, y up, z backwards), as nerfstudio stores them; pixel centres lie
at ``.5``.
"""

import math
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.shapes import Float

RINGS = ((0.92, 0.26), (0.84, 0.46), (0.66, 0.65))
"""Radius and height above the table top, metres."""
FOCAL = 0.95
"""Focal length as a share of the larger image side: a horizontal angle of 55 degrees."""


@dataclass(frozen=True)
class Standing:
    """How cameras stand around the table.

    Attributes:
        reach: Factor on ``RINGS``.
        wander: Metres by which what they look at is off the middle of the table, at most: one number for all axes, or
            one for each.
    """

    reach: float = 1.0
    wander: float | tuple[float, float, float] = 0.03


STANDARD = Standing()


@dataclass(frozen=True)
class DemoView:
    """One camera.

    Attributes:
        pose: Camera-to-world, OpenGL axes.
        focal: Focal length in pixels, the same in x and y; the principal point is the image centre.
        width, height: Image size in pixels.
    """

    pose: Float[np.ndarray, "4 4"]
    focal: float
    width: int
    height: int

    @property
    def centre(self) -> Float[np.ndarray, "3"]:
        """Position in the world."""
        return self.pose[:3, 3]

    def rays(self, pixels: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 3"]:
        """Directions in the world, one unit of depth long, through image positions (x, y) in pixels."""
        x = (pixels[:, 0] - self.width / 2) / self.focal
        y = (pixels[:, 1] - self.height / 2) / self.focal
        return np.stack([x, -y, -np.ones_like(x)], axis=-1) @ self.pose[:3, :3].T

    def project(self, points: Float[np.ndarray, "N 3"]) -> tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, " N"]]:
        """Image positions (x, y) in pixels and depths; positions mean nothing where the depth is <= 0."""
        local = (points - self.centre) @ self.pose[:3, :3]
        depth = -local[:, 2]
        safe = np.where(depth > 1e-6, depth, 1.0)
        x = self.focal * local[:, 0] / safe + self.width / 2
        y = -self.focal * local[:, 1] / safe + self.height / 2
        return np.stack([x, y], axis=-1), depth


def _look_at(eye: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"], roll: float) -> Float[np.ndarray, "4 4"]:
    """Pose at ``eye`` that looks at ``target`` with the world's z up, turned by ``roll`` radians."""
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    up = np.cross(back, right)
    cos, sin = math.cos(roll), math.sin(roll)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([cos * right + sin * up, cos * up - sin * right, back], axis=-1)
    pose[:3, 3] = eye
    return pose


def rings(
    count: int, width: int, height: int, rng: np.random.Generator, standing: Standing = STANDARD
) -> list[DemoView]:
    """``count`` views around the table, ring after ring in turn, each a little off the perfect circle."""
    start = rng.uniform(0, 2 * math.pi)
    views, wander = [], np.asarray(standing.wander)
    for i in range(count):
        radius, level = (standing.reach * size for size in RINGS[i % len(RINGS)])
        azimuth = start + 2 * math.pi * i / count + rng.uniform(-0.04, 0.04)
        radius *= rng.uniform(0.95, 1.05)
        eye = np.array([radius * math.cos(azimuth), radius * math.sin(azimuth), level + rng.uniform(-0.04, 0.04)])
        target = np.array([0.0, 0.0, 0.07]) + rng.uniform(-wander, wander, 3)
        pose = _look_at(eye, target, rng.uniform(-0.03, 0.03))
        views.append(DemoView(pose, FOCAL * max(width, height), width, height))
    return views


def stroll(count: int, side: int, rng: np.random.Generator) -> list[DemoView]:
    """Square views along a short arc that rises or falls a little, as of somebody who walks and takes photos."""
    start, span = rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(40, 110))
    near, far = rng.uniform(0.62, 1.1, 2)
    low, high = rng.uniform(0.2, 0.7, 2)
    focal = rng.uniform(0.8, 1.2) * side
    target = np.array([0.0, 0.0, 0.07]) + rng.uniform(-0.12, 0.12, 3) * (1, 1, 0.5)
    views = []
    for share in np.linspace(0, 1, count):
        azimuth, radius = start + span * share + rng.uniform(-0.03, 0.03), near + (far - near) * share
        height = low + (high - low) * share + rng.uniform(-0.03, 0.03)
        eye = np.array([radius * math.cos(azimuth), radius * math.sin(azimuth), height])
        pose = _look_at(eye, target + rng.uniform(-0.05, 0.05, 3), rng.uniform(-0.05, 0.05))
        views.append(DemoView(pose, focal, side, side))
    return views
