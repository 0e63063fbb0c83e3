"""The same operations with numpy and torch."""

import numpy as np
import pytest
import torch

from csgaussian_ns.feedforward import operations
from csgaussian_ns.feedforward.layers import Block, Chain, Conv, Finer


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (5, 2)])
@pytest.mark.parametrize("size", [(8, 12), (7, 5)])
def test_convolutions_are_those_of_torch(kernel: int, stride: int, size: tuple[int, int]):
    x, weight, bias = noise(2, 3, *size), noise(4, 3, kernel, kernel), noise(4)
    given, kernels, biases = map(torch.from_numpy, (x, weight, bias))
    expected = torch.nn.functional.conv2d(given, kernels, biases, stride, kernel // 2).numpy()
    found = operations.convolved(x, weight, bias, stride)
    assert found.shape == expected.shape and np.abs(found - expected).max() < 1e-4
    around = operations.neighbourhood(torch.from_numpy(x), kernel, stride).numpy()
    assert np.array_equal(operations.neighbourhood(x, kernel, stride), around)


def test_whole_numbers_have_neighbours_too():
    x = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    found = operations.neighbourhood(x, 3)
    assert found.dtype == x.dtype and np.array_equal(found.reshape(2, 3, 9, 4, 5)[:, :, 4], x)
    assert (found.reshape(2, 3, 9, 4, 5)[:, :, 1, 0] == 0).all(), "above the first row there is nothing"


def test_samples_are_those_of_torch():
    x = noise(3, 6, 9)
    generator = np.random.default_rng(0)
    columns = generator.uniform(-4, 12, (5, 40)).astype(np.float32)
    rows = generator.uniform(-4, 9, (5, 40)).astype(np.float32)
    columns[0], rows[0] = np.arange(40) % 9, np.arange(40) % 6
    found = operations.sampled(x, columns, rows)
    expected = operations.sampled(*map(torch.from_numpy, (x, columns, rows))).numpy()
    assert found.shape == (3, 5, 40) and np.abs(found - expected).max() < 1e-5
    assert np.allclose(found[:, 0], x[:, np.arange(40) % 6, np.arange(40) % 9])
    assert (operations.sampled(x, np.full(2, operations.OUTSIDE), np.zeros(2)) == 0).all()


def test_other_operations_are_those_of_torch():
    x = noise(2, 8, 3, 5)
    there = torch.from_numpy(x)
    shuffled = torch.nn.functional.pixel_shuffle(there, 2).numpy()
    assert np.array_equal(operations.spread(x, 2), shuffled)
    assert np.array_equal(operations.spread(there, 2).numpy(), shuffled)
    for name in ("active", "positive", "softmax"):
        function = getattr(operations, name)
        assert np.abs(function(x) - function(there).numpy()).max() < 1e-6, name
    assert np.array_equal(operations.enlarged(x, 3), operations.enlarged(there, 3).numpy())


def test_layers_need_what_they_read():
    chain = Chain((Conv("a", 3, 8, stride=2), Block("b", 8), Finer("c", 8, 5)))
    parameters = {part.name: noise(*part.shape) for part in chain.needed()}
    found = chain(parameters, noise(2, 3, 8, 8))
    assert found.shape == (2, 5, 8, 8)
    there = chain(
        {name: torch.from_numpy(array) for name, array in parameters.items()}, torch.from_numpy(noise(2, 3, 8, 8))
    )
    assert np.allclose(found, there.numpy(), rtol=1e-3, atol=1e-3 * np.abs(found).max())
