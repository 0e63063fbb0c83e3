"""Features as colours: in range, alike for alike, the same on every call."""

import torch

from csgaussian_ns.semantic.pca import principal_colours


def test_groups_get_colours_of_their_own():
    centres = torch.randn(4, 6) * 5
    feature = centres.repeat_interleave(50, dim=0) + torch.randn(200, 6) * 0.1
    colours = principal_colours(feature)
    assert colours.shape == (200, 3) and colours.min() >= 0 and colours.max() <= 1
    groups = colours.reshape(4, 50, 3)
    assert groups.std(dim=1).max() < 0.05
    assert torch.pdist(groups.mean(dim=1)).min() > 0.2
    assert torch.equal(colours, principal_colours(feature))


def test_few_channels_and_no_anchors_are_no_error():
    two = principal_colours(torch.randn(30, 2))
    assert two.shape == (30, 3) and (two[:, 2] == 0.5).all() and two[:, :2].std() > 0.1
    assert principal_colours(torch.zeros(0, 6)).shape == (0, 3)
    assert (principal_colours(torch.ones(5, 6)) == 0.5).all()
