"""Layers of anchors as colour maps can show them."""

import torch

from csgaussian_ns.ns.drawing import share_of_most


def test_bits_are_shown_as_a_share_of_what_dear_anchors_take():
    bits = torch.cat([torch.zeros(500), torch.arange(1.0, 101.0), torch.tensor([9e9])])
    shares = share_of_most(bits)
    assert shares[:500].eq(0).all() and torch.allclose(shares[500:600], torch.arange(1.0, 101.0) / 100)
    assert shares[600] == 1
    assert share_of_most(torch.zeros(3)).tolist() == [0, 0, 0] and share_of_most(torch.tensor([7.0])).tolist() == [1]
