"""One parametrisation, two sides: floating point for training, integers for coding."""

import math

import numpy as np
import pytest
import torch

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.quant import rounding, steps


def test_steps_have_closed_form_limits_and_gradient():
    raw = torch.tensor([-9.0, -4.0, 0.0, 0.5, 4.0, 9.0], dtype=torch.float64, requires_grad=True)
    q = steps.step_from_raw(raw, 0.2)
    assert q.tolist() == pytest.approx([0.2 * (1.1 + math.tanh(max(-4, min(4, r)))) for r in raw.tolist()])
    q.sum().backward()
    assert raw.grad is not None
    # A gradient of +1 asks for a smaller step: at the lower limit there is none.
    inner = [0.2 * (1 - math.tanh(r) ** 2) for r in (-4.0, 0.0, 0.5, 4.0, 4.0)]
    assert raw.grad.tolist() == pytest.approx([0.0, *inner])


def test_scales_are_powers_of_two_of_the_step():
    t = torch.tensor([-7.0, -4.0, 0.0, 1.5, 6.875, 8.0])
    sigma = steps.scale_from_raw(t, torch.tensor(0.5))
    assert sigma.tolist() == pytest.approx([2**-5, 2**-5, 0.5, 0.5 * 2**1.5, 0.5 * 2**6.875, 0.5 * 2**6.875])


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


def test_integer_and_real_decoding_agree():
    generator = torch.Generator().manual_seed(0)
    base_step = float(np.float32(0.2))
    values = torch.randn(500, 30, generator=generator) * 3
    mean = torch.randint(-900, 900, (500, 30), generator=generator)
    raw = torch.randint(-256, 257, (500, 1), generator=generator)
    step = steps.integer_steps(raw)
    coded = steps.integer_symbols(values, mean, step, base_step)
    decoded = steps.real_values(steps.integer_values(coded, mean, step), base_step)
    q = step.double() / 65536 * base_step
    mu = q * mean / 256
    assert torch.equal(coded, rounding.symbols(values.double(), mu, q))
    assert torch.allclose(decoded.double(), rounding.dequantise(coded, mu, q), rtol=1e-7)
    assert ((decoded - values).abs() / q).max() <= 0.5 + 1e-4


def test_integer_values_are_exact_at_the_extremes():
    largest = torch.tensor([[rounding.SYMBOL_LIMIT, -rounding.SYMBOL_LIMIT, 1 << 40]])
    mean = torch.tensor([[steps.MEAN_LIMIT, -steps.MEAN_LIMIT, -(1 << 40)]])
    step = steps.integer_steps(torch.tensor([[256]]))
    expected = [137582 * (256 * rounding.SYMBOL_LIMIT + steps.MEAN_LIMIT)]
    expected += [-expected[0], 137582 * (256 * rounding.SYMBOL_LIMIT - steps.MEAN_LIMIT)]
    assert steps.integer_values(largest, mean, step).tolist() == [expected]
    assert max(map(abs, expected)) < 1 << 51


def test_real_values_round_once():
    integers = torch.tensor([[1, -3, 137582 * 257, (1 << 50) + 1]])
    base_step = float(np.float32(0.001))
    assert steps.real_values(integers, base_step).tolist() == [
        [float(np.float32(np.float64(i) * (base_step / 2**24))) for i in integers[0].tolist()]
    ]


def test_uncodable_values_are_an_error():
    step = steps.integer_steps(torch.zeros(1, 1, dtype=torch.int64))
    for bad in (float("nan"), float("-inf"), 1e9):
        with pytest.raises(QuantisationError):
            steps.integer_symbols(torch.tensor([[bad]]), torch.zeros(1, 1, dtype=torch.int64), step, 0.2)
