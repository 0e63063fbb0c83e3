"""Plain Gaussians in another frame: turned, with their harmonics, scaled and moved."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32, Float64

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import basis

SLACK = 1e-3
"""By how much the columns of a rotation may miss unit length and right angles."""

Similarity = tuple[Float64[np.ndarray, "3 3"], float, Float64[np.ndarray, "3"]]
"""Rotation, factor and shift: x becomes factor * rotation @ x + shift."""

IDENTITY: Similarity = (np.eye(3), 1.0, np.zeros(3))


def inverse(similarity: Similarity) -> Similarity:
    """The way back."""
    rotation, factor, shift = similarity
    return rotation.T, 1 / factor, -rotation.T @ shift / factor


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
    return rotation.T, float(1 / (factor * scale)), -rotation.T @ matrix[:, 3] / factor


def placed(scene: GaussianScene, similarity: Similarity) -> GaussianScene:
    """``scene`` after a similarity."""
    rotation, factor, shift = similarity
    means = (scene.means.astype(np.float64) @ rotation.T * factor + shift).astype(np.float32)
    quats = _product(_quaternion(rotation), scene.quats) if not _is_identity(rotation) else scene.quats
    harmonics = scene.harmonics
    if scene.degree and not _is_identity(rotation):
        turned = _turning(rotation, scene.degree)
        harmonics = np.einsum("bc,ncd->nbd", turned, harmonics, optimize=True).astype(np.float32)
    return replace(scene, means=means, quats=quats, scales=scene.scales * np.float32(factor), harmonics=harmonics)


def _is_identity(rotation: Float64[np.ndarray, "3 3"]) -> bool:
    return bool(np.abs(rotation - np.eye(3)).max() < 1e-9)


def _turning(rotation: Float64[np.ndarray, "3 3"], degree: int) -> Float32[np.ndarray, "B B"]:
    """Matrix that turns coefficients: the harmonics span their turned selves, so samples determine it exactly."""
    directions = np.random.default_rng(0).normal(size=(64, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    turned, plain = basis(directions @ rotation.T, degree), basis(directions, degree)
    return np.linalg.lstsq(turned, plain, rcond=None)[0].astype(np.float32)


def _quaternion(rotation: Float64[np.ndarray, "3 3"]) -> Float64[np.ndarray, "4"]:
    """Of a rotation matrix, ``wxyz``: the eigenvector of Bar-Itzhack's symmetric matrix (2000) of eigenvalue 1."""
    m = rotation
    symmetric = np.array(
        [
            [m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [0, m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [0, 0, m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1]],
            [0, 0, 0, m[2, 2] - m[0, 0] - m[1, 1]],
        ]
    )
    return np.linalg.eigh(symmetric, UPLO="U")[1][:, -1]


def _product(left: Float64[np.ndarray, "4"], right: Float32[np.ndarray, "N 4"]) -> Float32[np.ndarray, "N 4"]:
    """Hamilton's product, of one quaternion with many."""
    a, b, c, d = left
    matrix: Float[np.ndarray, "4 4"] = np.array([[a, -b, -c, -d], [b, a, -d, c], [c, d, a, -b], [d, -c, b, a]])
    return (right @ matrix.T).astype(np.float32)
