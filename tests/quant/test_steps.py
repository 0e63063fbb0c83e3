"""One parametrisation, two sides: floating point for training, integers for coding."""

import math

import pytest
import torch

from csgaussian_ns.quant import steps


def test_steps_have_closed_form_limits_and_gradient():
    raw = torch.tensor([-9.0, -4.0, 0.0, 0.5, 4.0, 9.0], dtype=torch.float64, requires_grad=True)
    q = steps.step_from_raw(raw, 0.2)
    assert q.tolist() == pytest.approx([0.2 * (1.1 + math.tanh(max(-4, min(4, r)))) for r in raw.tolist()])
    q.sum().backward()
    assert raw.grad is not None
    # A gradient of +1 asks for a smaller step: at the lower limit there is none.
    inner = [0.2 * (1 - math.tanh(r) ** 2) for r in (-4.0, 0.0, 0.5, 4.0, 4.0)]
    assert raw.grad.tolist() == pytest.approx([0.0, *inner])


def test_integer_steps_follow_the_real_ones():
    raw = torch.linspace(-4.5, 4.5, 5001, dtype=torch.float64)
    index = torch.round(raw * 2**steps.RAW_STEP_FRACTION_BITS).to(torch.int64)
    real = steps.step_from_raw(index / 64.0, 1.0)
    assert (steps.integer_steps(index) - real * 65536).abs().max() <= 0.5
    unrounded = steps.step_from_raw(raw, 1.0)
    assert (
        (steps.integer_steps(index) / 65536.0 - unrounded) / unrounded
    ).abs().max() < 0.0101  # tanh is steepest, relative to 1.1 + tanh, at 1.28 per unit


@pytest.mark.parametrize("bits", [3, 6, 8])
def test_scale_rows_are_eighths_of_an_octave(bits):
    t = torch.arange(-6 * 2**bits, 9 * 2**bits)
    expected = [max(0, min(87, math.floor(8 * (v / 2**bits + 4) + 0.5))) for v in t.tolist()]
    assert steps.scale_rows(t, bits).tolist() == expected


def test_scale_rows_need_three_bits():
    with pytest.raises(ValueError, match="at least 3"):
        steps.scale_rows(torch.zeros(1, dtype=torch.int32), 2)
