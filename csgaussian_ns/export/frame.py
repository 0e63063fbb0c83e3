"""Plain Gaussians in another frame: turned, with their harmonics, scaled and moved."""

from dataclasses import replace

import numpy as np

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float32, Float64
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import basis

SLACK = 1e-3
"""By how much the columns of a rotation may miss unit length and right angles."""
STILL = 1e-9
"""Turns by no more than this leave harmonics as they are."""


def to_capture(transform: tuple[float, ...], scale: float) -> Similarity:
    """From the frame of a scene back to that of its capture.

    Args:
        transform: 3x4 row by row, from the capture's world; what it says is done before ``scale``.
        scale: Factor after it.

    Raises:
        ConfigError: It does more than turn, scale and move, so Gaussians and harmonics cannot follow.
    """
    matrix = np.array(transform, np.float64).reshape(3, 4)
    factor = np.cbrt(np.linalg.det(matrix[:, :3]))
    rotation = matrix[:, :3] / factor if factor > 0 else matrix[:, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > SLACK or factor <= 0:
        raise ConfigError(
            "the file's transform shears or mirrors, which no rotation of Gaussians undoes; use --frame normalised"
        )
    return Similarity.of(rotation.T, float(1 / (factor * scale)), -rotation.T @ matrix[:, 3] / factor)


def to_y_up(up: Float64[np.ndarray, "3"]) -> Similarity:
    """The turn around x that makes y point up, where another axis does, or comes nearest to it.

    It is what takes right, down, front, the axes of COLMAP and most PLY files, to right, up, back, those of ``.spz``.
    """
    _, y, z = up
    degrees = (180.0 if y < 0 else 0.0) if abs(y) > abs(z) else (90.0 if z < 0 else -90.0)
    return Similarity.about((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), degrees) if degrees else Similarity()


def placed(scene: GaussianScene, similarity: Similarity) -> GaussianScene:
    """``scene`` after a similarity."""
    rotation = similarity.matrix / similarity.factor
    harmonics = scene.harmonics
    if scene.degree and np.abs(rotation - np.eye(3)).max() > STILL:
        turned = _turning(rotation, scene.degree)
        harmonics = np.einsum("bc,ncd->nbd", turned, harmonics, optimize=True).astype(np.float32)
    return replace(
        scene,
        means=similarity.at(scene.means.astype(np.float64)).astype(np.float32),
        quats=similarity.turned(scene.quats),
        scales=scene.scales * np.float32(similarity.factor),
        harmonics=harmonics,
    )


def _turning(rotation: Float64[np.ndarray, "3 3"], degree: int) -> Float32[np.ndarray, "B B"]:
    """Matrix that turns coefficients: the harmonics span their turned selves, so samples determine it exactly."""
    directions = np.random.default_rng(0).normal(size=(64, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    turned, plain = basis(directions @ rotation.T, degree), basis(directions, degree)
    return np.linalg.lstsq(turned, plain, rcond=None)[0].astype(np.float32)
