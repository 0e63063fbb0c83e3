"""The frozen networks of a receiver against those that are trained."""

import numpy as np
import pytest
import torch

from csgaussian_ns.codec.render_networks import networks_of
from csgaussian_ns.format.render_networks import read_render_networks, write_render_networks
from csgaussian_ns.quant.coded_linear import train_with_bits
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.render_networks import AttributeDecoder, FrozenDecoders


def inputs(count: int) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    feature, direction = torch.randn(count, 12, generator=random), torch.randn(count, 3, generator=random)
    return [feature, torch.nn.functional.normalize(direction, dim=1), 5 * torch.rand(count, 1, generator=random)]


@pytest.mark.parametrize("bits", [None, 6])
def test_they_decode_what_the_trained_ones_decode(bits):
    decoders = Decoders(12, 5, 24)
    train_with_bits(decoders, bits)
    expected = decoders(*inputs(300))
    networks = networks_of(decoders)
    if bits is not None:
        networks = read_render_networks(write_render_networks(networks, bits), 12, 5)
    found = FrozenDecoders(networks)(*(tensor.numpy() for tensor in inputs(300)))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape and ours.dtype == np.float32
        assert np.abs(ours - theirs.detach().numpy()).max() < 2e-6


def test_no_anchor_is_no_error():
    found = FrozenDecoders(networks_of(Decoders(12, 5, 24)))(*(tensor.numpy() for tensor in inputs(0)))
    assert [part.shape for part in found] == [(0, 5), (0, 5, 7), (0, 5, 3)]


def test_both_are_attribute_decoders():
    decoders = Decoders(12, 5, 24)
    for decoder in (decoders, FrozenDecoders(networks_of(decoders))):
        assert isinstance(decoder, AttributeDecoder)
