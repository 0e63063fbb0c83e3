"""Convolutions move as matrices, all else as with Adam."""

import pytest
import torch
from torch import nn

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.feedforward.optimizer import MatrixOptimizer


def test_a_convolution_moves_as_far_in_every_direction_of_its_gradient():
    weight, bias = nn.Parameter(torch.zeros(4, 3, 3, 3)), nn.Parameter(torch.zeros(4))
    optimizer = MatrixOptimizer([weight, bias], 1e-3)
    gradient = torch.randn(4, 27, generator=torch.Generator().manual_seed(0)) * torch.tensor([[1.0], [2], [30], [400]])
    weight.grad, bias.grad = gradient.reshape(weight.shape), torch.tensor([1.0, -20, 300, 4000])
    optimizer.step()
    lengths = torch.linalg.svdvals(weight.detach().reshape(4, 27))
    assert lengths.min() > 0.5 * lengths.max() > 0  # of the gradient: 1 to 400
    assert torch.allclose(bias.detach(), -1e-3 * torch.tensor([1.0, -1, 1, 1]), atol=1e-6)
    optimizer.zero_grad()
    assert weight.grad is None and bias.grad is None
    optimizer.at(0.0)
    before = weight.detach().clone()
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert torch.equal(weight, before)


def test_where_torch_has_none_it_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(ConfigError, match=r"needs torch.optim.Muon, .* torch 2.9; this is"):
        MatrixOptimizer([nn.Parameter(torch.zeros(2))], 1e-3)
