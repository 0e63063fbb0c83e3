"""Colours that depend on the direction of view, as 3DGS stores them (Kerbl et al. 2023): real spherical harmonics."""

import math

import numpy as np

from csgaussian_ns.core.shapes import Float

MAX_DEGREE = 3
COEFFICIENTS = tuple((degree + 1) ** 2 for degree in range(MAX_DEGREE + 1))
"""Number of coefficients of a colour channel, by degree."""
CONSTANT = 0.5 / math.sqrt(math.pi)
"""The harmonic of degree 0."""

# Factors of the polynomials of degree 1 to 3, which make each harmonic's square integrate to 1 over the sphere.
_1 = math.sqrt(3 / (4 * math.pi))
_2 = [math.sqrt(n / (16 * math.pi)) for n in (60, 5, 15)]
_3 = [math.sqrt(n / (32 * math.pi)) for n in (35, 840, 21, 14, 210)]


def basis(direction: Float[np.ndarray, "N 3"], degree: int) -> Float[np.ndarray, "N B"]:
    """The harmonics up to ``degree`` in each direction (unit vectors), in the order and with the signs of 3DGS."""
    x, y, z = direction.T
    values = [np.full_like(x, CONSTANT)]
    if degree >= 1:
        values += [-_1 * y, _1 * z, -_1 * x]
    xx, yy, zz = x * x, y * y, z * z
    if degree >= 2:
        values += [_2[0] * x * y, -_2[0] * y * z, _2[1] * (3 * zz - 1), -_2[0] * x * z, _2[2] * (xx - yy)]
    if degree >= 3:
        values += [
            -_3[0] * y * (3 * xx - yy),
            _3[1] * x * y * z,
            -_3[2] * y * (5 * zz - 1),
            _3[3] * z * (5 * zz - 3),
            -_3[2] * x * (5 * zz - 1),
            _3[4] * z * (xx - yy),
            -_3[0] * x * (xx - 3 * yy),
        ]
    result = np.empty((len(x), len(values)), direction.dtype)
    for column, value in zip(result.T, values, strict=True):
        column[:] = value
    return result


def colours(coefficients: Float[np.ndarray, "N B 3"], direction: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    """RGB as in photos seen along each direction, at least 0: the sum of the harmonics plus one half.

    Args:
        coefficients: Of each colour channel, 1, 4, 9 or 16 of them.
        direction: From the camera to each Gaussian, unit vectors.
    """
    degree = COEFFICIENTS.index(coefficients.shape[1])
    values = np.matmul(basis(direction, degree)[:, None], coefficients)[:, 0]
    return np.maximum(values + np.float32(0.5), 0)
