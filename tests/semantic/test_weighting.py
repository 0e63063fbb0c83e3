"""Quality-aware weighting: Eq. 3 on numbers worked out by hand."""

import torch

from csgaussian_ns.quant.steps import step_from_raw
from csgaussian_ns.semantic.weighting import quality_weight


def test_weights_are_those_of_equation_3():
    steps = torch.tensor([0.1, 0.3, 0.7, 1.1, 2.1])  # normalised 0, 0.1, 0.3, 0.5, 1
    assert torch.allclose(quality_weight(steps, 0.65), torch.tensor([1.0, 1, 1, 0.5, 0]), atol=1e-6)
    assert torch.allclose(quality_weight(steps, 0.95), torch.tensor([1.0, 0.9, 0.7, 0.5, 0]), atol=1e-6)
    assert quality_weight(steps, 0.0).tolist() == [1, 1, 1, 1, 1]
    assert quality_weight(torch.zeros(0), 0.65).tolist() == []


def test_all_steps_that_there_can_be_span_the_scale():
    ends = step_from_raw(torch.tensor([-9.0, 9.0]))
    assert torch.allclose(quality_weight(ends, 1.0), torch.tensor([1.0, 0.0]), atol=1e-3)
