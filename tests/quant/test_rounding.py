"""Values and every gradient of the quantisation primitives."""

import pytest
import torch

from csgaussian_ns.quant import rounding


def noisy(values: torch.Tensor, step: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return rounding.noisy(values, step, rounding.unit_noise(values, generator))


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_noise_is_uniform_and_as_wide_as_the_step():
    step = torch.tensor([[0.1], [4.0]])
    noise = noisy(torch.zeros(2, 200_000), step, torch.Generator().manual_seed(3)) / step
    assert noise.min() >= -0.5 and noise.max() < 0.5
    assert noise.mean(dim=1).abs().max() < 3e-3
    assert noise.var(dim=1).tolist() == pytest.approx([1 / 12] * 2, rel=0.01)


def test_noise_depends_on_the_generator_alone():
    draw = lambda seed: noisy(torch.zeros(50), torch.ones(1), torch.Generator().manual_seed(seed))  # noqa: E731
    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


def test_gradients_of_noise_are_one_and_the_noise():
    values, step = torch.zeros(4, 5, requires_grad=True), torch.full((4, 1), 0.3, requires_grad=True)
    result = noisy(values, step, torch.Generator().manual_seed(0))
    weight = torch.arange(20.0).reshape(4, 5)
    (result * weight).sum().backward()
    assert values.grad is not None and torch.equal(values.grad, weight)
    unit = (result / 0.3).detach()
    assert step.grad is not None and torch.allclose(step.grad, (weight * unit).sum(dim=1, keepdim=True))


def test_step_gradient_of_noise_is_that_of_rounding_in_expectation():
    # Distortion (a' - a)**2 of rounding has mean q**2 / 12, so its gradient to q is q / 6.
    count, q = 400_000, 0.4
    values = torch.rand(count, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 50
    step = leaf(q)
    ((noisy(values, step, torch.Generator().manual_seed(2)) - values) ** 2).mean().backward()
    assert step.grad is not None and step.grad.item() == pytest.approx(q / 6, rel=0.01)


def test_rate_path_pushes_steps_up_and_distortion_pushes_them_down():
    # The bug this guards against: a scaled step gradient leaking from one path into the other drove q to a limit.
    generator = torch.Generator().manual_seed(5)
    values = torch.randn(200_000, dtype=torch.float64, generator=generator)
    step = leaf(0.5)
    noised = noisy(values, step, generator)
    half = step / 2
    normal = torch.distributions.Normal(torch.zeros(1, dtype=torch.float64), 1.0)
    bits = -torch.log2(normal.cdf(noised + half) - normal.cdf(noised - half)).mean()
    (to_rate,) = torch.autograd.grad(bits, step, retain_graph=True)
    (to_distortion,) = torch.autograd.grad(((noised - values) ** 2).mean(), step)
    # Entropy falls by one bit per doubling: -1 / (q ln 2), a little less at this coarse step.
    assert to_rate.item() == pytest.approx(-1 / (0.5 * 0.6931), rel=0.03)
    assert to_distortion.item() == pytest.approx(0.5 / 6, rel=0.02)


@pytest.mark.parametrize(
    ("value", "grad", "passes"),
    [(0.0, 1.0, True), (5.0, 1.0, True), (5.0, -1.0, False), (-5.0, -1.0, True), (-5.0, 1.0, False), (4.0, -1.0, True)],
)
def test_clamp_lets_gradients_lead_inward(value, grad, passes):
    values = leaf(value)
    result = rounding.clamp_inward(values, -4.0, 4.0)
    assert result.item() == max(-4.0, min(4.0, value))
    (result * grad).sum().backward()
    assert values.grad is not None and values.grad.item() == (grad if passes else 0.0)
