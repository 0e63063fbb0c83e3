"""8-bit rows of weights: within half a step, stable, and with the gradient of the identity."""

import pytest
import torch
from torch import Tensor

from csgaussian_ns.format import int8_rows
from csgaussian_ns.quant.int8_rows import on_int8_grid


def to_int8(weight: Tensor, bits: int = 8) -> tuple[Tensor, Tensor]:
    scale, integers = int8_rows.to_int8(weight.detach().numpy(), bits)
    return torch.from_numpy(scale), torch.from_numpy(integers)


def test_the_largest_weight_of_a_row_is_kept_and_the_others_move_half_a_step_at_most():
    weight = torch.randn(30, 54, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 2, 30)[:, None]
    scale, integers = to_int8(weight)
    assert integers.dtype == torch.int8 and integers.abs().amax(dim=1).tolist() == [127] * 30
    assert ((integers * scale[:, None] - weight).abs() <= 0.5001 * scale[:, None]).all()


@pytest.mark.parametrize("bits", [4, 5, 6, 7])
def test_fewer_bits_are_smaller_integers(bits: int):
    weight = torch.randn(30, 54, generator=torch.Generator().manual_seed(0))
    scale, integers = to_int8(weight, bits)
    assert integers.abs().amax(dim=1).tolist() == [2 ** (bits - 1) - 1] * 30
    assert ((integers * scale[:, None] - weight).abs() <= 0.5001 * scale[:, None]).all()
    assert torch.allclose(on_int8_grid(weight, bits), integers * scale[:, None], rtol=1e-5, atol=1e-7)


def test_a_row_of_zeros_stays_zero():
    scale, integers = to_int8(torch.zeros(2, 3))
    assert (scale > 0).all() and not integers.any()


def test_training_sees_what_the_file_holds_and_passes_gradients_straight_through():
    weight = torch.randn(8, 5, generator=torch.Generator().manual_seed(1), requires_grad=True)
    scale, integers = to_int8(weight)
    seen = on_int8_grid(weight)
    assert torch.allclose(seen, integers * scale[:, None], rtol=1e-6)
    (seen * torch.arange(40.0).reshape(8, 5)).sum().backward()
    assert weight.grad is not None and torch.equal(weight.grad, torch.arange(40.0).reshape(8, 5))
