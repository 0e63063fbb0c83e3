"""Quality-aware weighting: Eq. 3 on numbers worked out by hand."""

import pytest
import torch

from csgaussian_ns.semantic.weighting import quality_weight


def test_weights_are_those_of_equation_3():
    steps = torch.tensor([0.5, 0.6, 0.8, 1.0, 1.5])  # normalised 0, 0.1, 0.3, 0.5, 1
    present = torch.ones(5, dtype=torch.bool)
    assert torch.allclose(quality_weight(steps, present, 0.65), torch.tensor([1.0, 1, 1, 0.5, 0]), atol=1e-6)
    assert torch.allclose(quality_weight(steps, present, 0.95), torch.tensor([1.0, 0.9, 0.7, 0.5, 0]), atol=1e-6)
    assert quality_weight(steps, present, 0.0).tolist() == [1, 1, 1, 1, 1]


def test_anchors_that_are_not_coded_do_not_shift_the_scale():
    steps, present = torch.tensor([0.1, 1.0, 2.0, 2.1]), torch.tensor([False, True, True, False])
    assert quality_weight(steps, present, 0.65).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("steps", [torch.ones(4), torch.zeros(0)])
def test_equal_steps_say_nothing_about_quality(steps):
    for present in (torch.ones(len(steps), dtype=torch.bool), torch.zeros(len(steps), dtype=torch.bool)):
        assert (quality_weight(steps, present, 0.65) == 1).all()
