"""Code lengths against closed forms: masses sum to one, tails stay finite and keep their gradient."""

import math

import pytest
import torch
from scipy.stats import laplace, norm

from csgaussian_ns.entropy.likelihood import gaussian_bits, laplacian_bits

KINDS = [(gaussian_bits, norm), (laplacian_bits, laplace)]


@pytest.mark.parametrize(("bits", "law"), KINDS, ids=["gaussian", "laplacian"])
@pytest.mark.parametrize("scale", [0.3, 1.0, 7.0])
@pytest.mark.parametrize("step", [0.25, 1.0, 2.0])
def test_bits_are_the_mass_of_the_bin(bits, law, scale: float, step: float):
    residual = torch.arange(-8, 9, dtype=torch.float64) * step + 0.1 * step
    scales, steps = torch.full_like(residual, scale), torch.full_like(residual, step)
    mass = law.cdf((residual + step / 2) / scale) - law.cdf((residual - step / 2) / scale)
    expected = -torch.log2(torch.from_numpy(mass))
    likely = expected < 18  # beyond, the Gaussian's floor and its pull take over
    assert likely.sum() >= 3
    assert torch.allclose(bits(residual, scales, steps)[likely], expected[likely], atol=1e-3)


@pytest.mark.parametrize(("bits", "law"), KINDS, ids=["gaussian", "laplacian"])
def test_masses_sum_to_one(bits, law):
    residual = torch.arange(-400, 401, dtype=torch.float64) * 0.5
    total = torch.exp2(-bits(residual, torch.full_like(residual, 3.0), torch.full_like(residual, 0.5))).sum()
    assert total == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("bits", [gaussian_bits, laplacian_bits])
def test_far_values_cost_finite_bits_and_are_pulled_back(bits):
    residual = torch.tensor([1e-3, 5.0, 50.0, 5000.0], requires_grad=True)
    cost = bits(residual, torch.ones(4), torch.ones(4))
    cost.sum().backward()
    assert torch.isfinite(cost).all() and (cost >= 0).all()
    assert residual.grad is not None and torch.isfinite(residual.grad).all()
    assert (residual.grad[1:] > 0).all()


@pytest.mark.parametrize("bits", [gaussian_bits, laplacian_bits])
def test_extreme_scales_give_no_nan(bits):
    scale = torch.tensor([1e-3, 1e-2, 1e2, 1e4], requires_grad=True)
    residual = torch.tensor([0.0, 0.2, 0.2, 3.0])
    cost = bits(residual, scale, torch.ones(4))
    cost.sum().backward()
    assert torch.isfinite(cost).all()
    assert scale.grad is not None and torch.isfinite(scale.grad).all()


def test_a_finer_step_costs_one_bit_per_halving_where_the_law_is_flat():
    residual, scale = torch.zeros(1), torch.full((1,), 1000.0)
    for bits in (gaussian_bits, laplacian_bits):
        coarse, fine = bits(residual, scale, torch.full((1,), 2.0)), bits(residual, scale, torch.ones(1))
        assert float(fine - coarse) == pytest.approx(1, abs=0.01)
    assert math.isclose(
        float(gaussian_bits(residual, scale, torch.ones(1))), math.log2(1000 * math.sqrt(2 * math.pi)), rel_tol=1e-3
    )
