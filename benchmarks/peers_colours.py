"""Colours by direction of view for training: spherical harmonics with gradients to coefficients and to directions.

``gsplat`` has them in torch too, three times slower on a CPU: there they took two thirds of an iteration.
"""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS, CONSTANT

_1 = math.sqrt(3 / (4 * math.pi))
_2 = [math.sqrt(n / (16 * math.pi)) for n in (60, 5, 15)]
_3 = [math.sqrt(n / (32 * math.pi)) for n in (35, 840, 21, 14, 210)]


def colours(
    first: Float[Tensor, "N 1 3"], rest: Float[Tensor, "N 15 3"], direction: Float[Tensor, "N 3"], degree: int
) -> Float[Tensor, "N 3"]:
    """RGB, at least 0, with harmonics of ``degree`` of those that there are.

    Args:
        first: Coefficients of degree 0.
        rest: Of degrees 1 to 3.
        direction: From the camera to each Gaussian, unit vectors.
        degree: 0 to 3; the others count as 0.
    """
    constant = CONSTANT * first[:, 0] + 0.5
    if degree > 0:
        constant = constant + _Sum.apply(_basis(direction, degree), rest)
    return constant.clamp(min=0)


def _basis(direction: Float[Tensor, "N 3"], degree: int) -> Float[Tensor, "B N"]:
    """``scene.spherical_harmonics.basis`` in torch, without degree 0."""
    x, y, z = direction.unbind(1)
    values = [-_1 * y, _1 * z, -_1 * x]
    if degree >= 2:
        xx, yy, zz = x * x, y * y, z * z
        values += [_2[0] * x * y, -_2[0] * y * z, _2[1] * (3 * zz - 1), -_2[0] * x * z, _2[2] * (xx - yy)]
        if degree >= 3:
            cubic = [-_3[0] * y * (3 * xx - yy), _3[1] * x * y * z, -_3[2] * y * (5 * zz - 1)]
            cubic += [_3[3] * z * (5 * zz - 3), -_3[2] * x * (5 * zz - 1), _3[4] * z * (xx - yy)]
            values += [*cubic, -_3[0] * x * (xx - 3 * yy)]
    assert len(values) == COEFFICIENTS[degree] - 1
    return torch.stack(values)  # along the other axis it would take three times as long


class _Sum(Function):
    """Of the harmonics of each Gaussian times its coefficients; torch's product of many small matrices is slow."""

    @staticmethod
    def forward(ctx: Any, basis: Tensor, coefficients: Tensor) -> Tensor:
        ctx.save_for_backward(basis, coefficients)
        result = torch.empty(len(coefficients), 3)
        _add_up(basis.detach().numpy(), coefficients.detach().numpy(), result.numpy())
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        basis, coefficients = ctx.saved_tensors
        of_basis, of_coefficients = torch.empty_like(basis), torch.empty_like(coefficients)
        found = of_basis.numpy(), of_coefficients.numpy()
        _spread(gradients[0].contiguous().numpy(), basis.detach().numpy(), coefficients.detach().numpy(), *found)
        return of_basis, of_coefficients


@njit(cache=True, nogil=True)
def _add_up(basis: np.ndarray, coefficients: np.ndarray, result: np.ndarray) -> None:
    for n in range(len(coefficients)):
        red = green = blue = np.float32(0)
        for b in range(len(basis)):
            red += basis[b, n] * coefficients[n, b, 0]
            green += basis[b, n] * coefficients[n, b, 1]
            blue += basis[b, n] * coefficients[n, b, 2]
        result[n, 0], result[n, 1], result[n, 2] = red, green, blue


@njit(cache=True, nogil=True)
def _spread(
    gradient: np.ndarray,
    basis: np.ndarray,
    coefficients: np.ndarray,
    of_basis: np.ndarray,
    of_coefficients: np.ndarray,
) -> None:
    for n in range(len(coefficients)):
        red, green, blue = gradient[n, 0], gradient[n, 1], gradient[n, 2]
        for b in range(len(basis)):
            value = coefficients[n, b]
            of_basis[b, n] = red * value[0] + green * value[1] + blue * value[2]
            of_coefficients[n, b, 0] = red * basis[b, n]
            of_coefficients[n, b, 1] = green * basis[b, n]
            of_coefficients[n, b, 2] = blue * basis[b, n]
        of_coefficients[n, len(basis) :] = 0
