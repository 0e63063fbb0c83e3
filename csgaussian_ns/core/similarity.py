"""Motions that keep shapes: turned, scaled as a whole, and moved."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from csgaussian_ns.core.arrays import constants, like, namespace, to_numpy
from csgaussian_ns.core.edits import Point
from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.geometry import FARTHEST
from csgaussian_ns.core.shapes import Float, Float64
from csgaussian_ns.core.types import Camera, Gaussians

FACTORS = (1e-9, 1e9)
"""What several motions together may scale by: single precision can hold their results."""


@dataclass(frozen=True)
class Similarity:
    """x becomes ``factor`` * R x + ``shift``.

    Attributes:
        turn: R as a quaternion ``wxyz`` of unit length.
        factor: Above 0.
        shift: In units of the scene.
    """

    turn: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    factor: float = 1.0
    shift: Point = (0.0, 0.0, 0.0)

    @staticmethod
    def about(centre: Point, axis: Point = (0.0, 0.0, 1.0), degrees: float = 0.0, factor: float = 1.0) -> "Similarity":
        """Turned around an axis, counter-clockwise as seen from its tip, and scaled, so that ``centre`` stays."""
        half, length = math.radians(degrees) / 2, math.hypot(*axis)
        x, y, z = (math.sin(half) * part / length for part in axis)
        turned = Similarity((math.cos(half), x, y, z), factor)
        return replace(turned, shift=_point(np.array(centre) - turned.at(np.array([centre]))[0]))

    @staticmethod
    def of(rotation: Float64[np.ndarray, "3 3"], factor: float, shift: Float64[np.ndarray, "3"]) -> "Similarity":
        """From R as a matrix: the eigenvector of Bar-Itzhack's symmetric matrix (2000) of eigenvalue 1 is its turn."""
        m = rotation
        symmetric = np.array(
            [
                [m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
                [0, m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
                [0, 0, m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1]],
                [0, 0, 0, m[2, 2] - m[0, 0] - m[1, 1]],
            ]
        )
        turn = np.linalg.eigh(symmetric, UPLO="U")[1][:, -1]
        w, x, y, z = (float(part) for part in turn * (1 if turn[0] >= 0 else -1))
        return Similarity((w, x, y, z), float(factor), _point(shift))

    @property
    def inverse(self) -> "Similarity":
        """The way back."""
        w, x, y, z = self.turn
        back = Similarity((w, -x, -y, -z), 1 / self.factor)
        return replace(back, shift=_point(-back.at(np.array([self.shift]))[0]))

    @property
    def matrix(self) -> Float64[np.ndarray, "3 3"]:
        """``factor`` * R."""
        w, (x, y, z) = self.turn[0], self.turn[1:]
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        return self.factor * (np.eye(3) + 2 * w * cross + 2 * cross @ cross)

    def then(self, next_one: "Similarity") -> "Similarity":
        """This one first.

        Raises:
            QueryError: Together they lead beyond what can be drawn.
        """
        turn = quat_product(np.array(next_one.turn), np.array([self.turn]))[0]
        turn /= np.linalg.norm(turn)
        w, x, y, z = (float(part) for part in turn)
        factor, shift = self.factor * next_one.factor, _point(next_one.at(np.array([self.shift]))[0])
        check_drawable(np.array([factor]), np.array([shift]))
        return Similarity((w, x, y, z), factor, shift)

    def at(self, points: Float[Any, "N 3"]) -> Float[Any, "N 3"]:
        """Where points are then, in their library and precision."""
        return points @ constants(self.matrix.T, points) + constants(self.shift, points)

    def seen_from(self, camera: Camera) -> Camera:
        """The camera to which things where they were look as they do to ``camera`` where they are then.

        Seen from it they are nearer by ``factor``, so all pixels are the same.
        """
        view = to_numpy(camera.world_to_camera).astype(np.float64)
        back = np.eye(4)
        back[:3, :3] = view[:3, :3] @ self.matrix / self.factor
        back[:3, 3] = (view[:3, :3] @ np.array(self.shift) + view[:3, 3]) / self.factor
        return replace(camera, world_to_camera=like(back, camera.world_to_camera))

    def of_gaussians(self, gaussians: Gaussians) -> Gaussians:
        """Gaussians where they are then, in the colours that they have."""
        means, scales = self.at(gaussians.means), gaussians.scales * self.factor
        return replace(gaussians, means=means, quats=self.turned(gaussians.quats), scales=scales)

    def turned(self, quats: Float[Any, "N 4"]) -> Float[Any, "N 4"]:
        """Orientations ``wxyz`` of things where they are then."""
        return quat_product(constants(self.turn, quats), quats)


def check_drawable(factor: Float64[np.ndarray, " N"], shift: Float64[np.ndarray, "N 3"]) -> None:
    """See that pictures can show what several motions together do.

    Raises:
        QueryError: They scale or move beyond what single precision holds.
    """
    small, large = FACTORS
    wrong = ~((factor >= small) & (factor <= large) & (np.abs(shift) < FARTHEST).all(axis=1))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise QueryError(
            f"together, the edits would scale an object by {factor[first]:g} and move it by "
            f"{tuple(shift[first].tolist())}; expected a factor in {small:g}..{large:g} and less than {FARTHEST:g}: no "
            "picture shows more"
        )


def quat_product(one: Float[Any, "4 *N"], others: Float[Any, "N 4"]) -> Float[Any, "N 4"]:
    """Quaternions ``wxyz`` that turn first by ``others``, then by ``one``, or by one for each, part by part."""
    a, b, c, d = one
    w, x, y, z = others.T
    parts = (
        a * w - b * x - c * y - d * z,
        a * x + b * w + c * z - d * y,
        a * y - b * z + c * w + d * x,
        a * z + b * y - c * x + d * w,
    )
    return namespace(others).stack(parts, axis=1)


def _point(row: np.ndarray) -> Point:
    x, y, z = (float(part) for part in row)
    return x, y, z
