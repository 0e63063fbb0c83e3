"""The same formulas in numpy and in torch."""

import numpy as np
import pytest
import torch

from csgaussian_ns.core import arrays
from csgaussian_ns.core.types import Gaussians

VALUES = np.array([[-200.0, -1.5, 0.0], [0.25, 3.0, 200.0]], np.float32)


@pytest.fixture(params=[np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def make(request: pytest.FixtureRequest):
    return request.param


def test_namespace_is_the_library_of_an_array():
    assert arrays.namespace(VALUES) is np and arrays.namespace(torch.zeros(2)) is torch


def test_operations_agree(make):
    values = make(VALUES)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.allclose(arrays.sigmoid(values), 1 / (1 + np.exp(-VALUES.astype(np.float64))), atol=1e-7, rtol=1e-6)
    assert float(arrays.sigmoid(values)[0, 0]) < 1e-38  # not 1 - 1
    finite = make(VALUES[:, 1:])
    assert np.array_equal(arrays.largest(finite), VALUES[:, 1:].max(axis=1))
    assert np.allclose(arrays.lengths(finite), np.linalg.norm(VALUES[:, 1:], axis=1, keepdims=True))
    assert np.array_equal(arrays.rows(values, make(np.array([1, 1, 0]))), VALUES[[1, 1, 0]])
    assert np.array_equal(arrays.places(make(np.array([False, True, True]))), [1, 2])
    assert arrays.rows(values, make(np.zeros(0, np.int64))).shape == (0, 3)


def test_detached_and_to_numpy_share_the_numbers():
    tensor = torch.from_numpy(VALUES.copy()).requires_grad_()
    assert not arrays.detached(tensor).requires_grad and arrays.detached(VALUES) is VALUES
    assert np.shares_memory(arrays.to_numpy(tensor), tensor.detach().numpy()) and arrays.to_numpy(VALUES) is VALUES


def test_like_follows_library_and_type():
    double, single = torch.zeros(1, dtype=torch.float64), np.zeros(1, np.float32)
    assert arrays.like(VALUES, double).dtype == torch.float64 and torch.is_tensor(arrays.like(VALUES, double))
    assert arrays.like(double, single).dtype == np.float32 and isinstance(arrays.like(double, single), np.ndarray)
    assert arrays.like(VALUES, single) is VALUES and arrays.like(double, double) is double


def test_gaussians_where(make):
    means, quats, scales, opacities, colors = (
        make(np.arange(3 * n, dtype="f4").reshape(3, n)) for n in (3, 4, 3, 1, 2)
    )
    every = Gaussians(means, quats, scales, opacities[:, 0], colors)
    chosen = every.where(make(np.array([True, False, True])))
    assert np.array_equal(chosen.means[:, 0], [0, 6]) and np.array_equal(chosen.opacities, [0, 2])
