"""Spherical harmonics against their definition, and against those of gsplat."""

import numpy as np
import pytest
import torch

from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS, basis, colours


def directions(count: int = 200) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(count, 3))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def test_they_are_orthonormal_over_the_sphere():
    """By Gauss-Legendre quadrature in z and equal steps around it, which is exact for such polynomials."""
    z, weight = np.polynomial.legendre.leggauss(8)
    angle = np.arange(16) * (2 * np.pi / 16)
    ring = np.sqrt(1 - z**2)
    points = np.stack([np.outer(ring, np.cos(angle)), np.outer(ring, np.sin(angle)), np.outer(z, np.ones(16))], axis=-1)
    values = basis(points.reshape(-1, 3), 3)
    weights = np.repeat(weight * 2 * np.pi / 16, 16)
    assert np.allclose(values.T @ (weights[:, None] * values), np.eye(16), atol=1e-12)


@pytest.mark.parametrize("degree", range(4))
def test_colours_are_those_of_gsplat(degree: int):
    gsplat = pytest.importorskip("gsplat.cuda._torch_impl", reason="gsplat comes with the extra [train]")
    direction = directions()
    coefficients = np.random.default_rng(1).normal(size=(len(direction), COEFFICIENTS[degree], 3)).astype(np.float32)
    expected = gsplat._spherical_harmonics(degree, torch.from_numpy(direction), torch.from_numpy(coefficients))
    found = colours(coefficients, direction)
    assert found.dtype == np.float32
    assert np.allclose(found, (expected + 0.5).clamp_min(0), atol=2e-6)
    assert (found == 0).any()  # some are clamped


def test_degree_0_is_the_same_from_everywhere():
    flat = np.full((200, 1, 3), 0.7, np.float32)
    assert np.allclose(colours(flat, directions()), 0.5 + 0.7 * 0.28209479)
