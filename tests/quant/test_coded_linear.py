"""Affine layers with the weights of the file: what they compute, what they learn, and other sizes."""

import torch
from torch import nn

from csgaussian_ns.quant.coded_linear import CodedLinear, train_with_bits
from csgaussian_ns.quant.int8_rows import on_int8_grid


def test_it_computes_with_rounded_weights_only_when_told_to():
    torch.manual_seed(0)
    first, last, values = CodedLinear(5, 8), CodedLinear(8, 3), torch.randn(20, 5)
    network = nn.Sequential(first, nn.ReLU(), last)
    plain = nn.functional.linear(nn.functional.linear(values, first.weight, first.bias).relu(), last.weight, last.bias)
    assert torch.equal(network(values), plain)
    train_with_bits(network, 5)
    hidden = nn.functional.linear(values, on_int8_grid(first.weight, 5), first.bias).relu()
    assert torch.equal(network(values), nn.functional.linear(hidden, on_int8_grid(last.weight, 5), last.bias))
    assert torch.equal(last.coded_weight(slice(-2, None)), on_int8_grid(last.weight, 5)[-2:])
    network(values).sum().backward()
    assert first.weight.grad is not None and first.weight.grad.abs().sum() > 0
    train_with_bits(network, None)
    assert torch.equal(network(values), plain)


def test_another_size_keeps_the_parameters_and_the_spread_of_the_outputs():
    torch.manual_seed(0)
    layer = CodedLinear(128, 64)
    weight, bias, before = layer.weight, layer.bias, layer.weight.detach().clone()
    layer.resize(32, 16)
    assert layer.weight is weight and layer.bias is bias
    assert layer.weight.shape == (16, 32) and layer.bias.shape == (16,)
    assert torch.equal(layer.weight.detach(), before[:16, :32] * 2)
    values = torch.randn(500, 32)
    assert layer(values).shape == (500, 16)
    layer.resize(128, 64)
    assert layer.weight is weight and layer.weight.shape == (64, 128) and not layer.weight[16:].any()
