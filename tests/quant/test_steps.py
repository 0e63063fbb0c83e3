"""Quantisation steps in training: closed forms and gradients."""

import math

import pytest
import torch

from csgaussian_ns.quant import steps


def test_steps_have_closed_form_limits_and_gradient():
    raw = torch.tensor([-9.0, -4.0, 0.0, 0.5, 4.0, 9.0], dtype=torch.float64, requires_grad=True)
    q = 0.2 * steps.step_from_raw(raw)
    assert q.tolist() == pytest.approx([0.2 * (1.1 + math.tanh(max(-4, min(4, r)))) for r in raw.tolist()])
    q.sum().backward()
    assert raw.grad is not None
    # A gradient of +1 asks for a smaller step: at the lower limit there is none.
    inner = [0.2 * (1 - math.tanh(r) ** 2) for r in (-4.0, 0.0, 0.5, 4.0, 4.0)]
    assert raw.grad.tolist() == pytest.approx([0.0, *inner])
