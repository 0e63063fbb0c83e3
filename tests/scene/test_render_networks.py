"""The frozen networks of a receiver against those that are trained."""

import numpy as np
import pytest
import torch

from csgaussian_ns.quant.coded_linear import train_with_bits
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.render_networks import AttributeDecoder


def inputs(count: int) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    feature, direction = torch.randn(count, 12, generator=random), torch.randn(count, 3, generator=random)
    return [feature, torch.nn.functional.normalize(direction, dim=1), 5 * torch.rand(count, 1, generator=random)]


@pytest.mark.parametrize("bits", [None, 6])
def test_they_decode_what_the_trained_ones_decode(bits):
    decoders = Decoders(12, 5, 24)
    train_with_bits(decoders, bits)
    expected = decoders(*inputs(300))
    found = decoders.frozen()(*(tensor.numpy() for tensor in inputs(300)))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape and ours.dtype == np.float32
        assert np.abs(ours - theirs.detach().numpy()).max() < 2e-6


def test_no_anchor_is_no_error():
    found = Decoders(12, 5, 24).frozen()(*(tensor.numpy() for tensor in inputs(0)))
    assert [part.shape for part in found] == [(0, 5), (0, 5, 7), (0, 5, 3)]


def test_both_are_attribute_decoders():
    decoders = Decoders(12, 5, 24)
    assert isinstance(decoders, AttributeDecoder) and isinstance(decoders.frozen(), AttributeDecoder)
