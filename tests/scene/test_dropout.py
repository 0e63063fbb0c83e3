"""Gaussians left out of training views."""

import torch

from csgaussian_ns.scene.dropout import dropout


def test_dropout_leaves_out_a_share_and_keeps_the_mean():
    factor = dropout((400, 10), 0.2, torch.Generator().manual_seed(0))
    assert factor.unique().tolist() == [0, 1.25]
    assert abs(float(factor.mean()) - 1) < 0.03
    assert torch.equal(factor, dropout((400, 10), 0.2, torch.Generator().manual_seed(0)))
