"""The entropy model of semantic features: statistics, grid, and that bits are worth paying for."""

import pytest
import torch

from csgaussian_ns.entropy.base import Context
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.format.attributes import semantic_layout
from tests.codec.scenes import hyper_carm


def a_model(base_step: float = 1.0) -> tuple[HyperCarm, Context, torch.Tensor]:
    grid = torch.unique(torch.randint(-40, 40, (600, 3), dtype=torch.int32), dim=0)
    side = (grid[:, :1] > 0).float()
    feature = (side * 8 - 4 + torch.randn(len(grid), 6)) * base_step
    model = hyper_carm("inr", semantic_layout(6, base_step), 16, 15)
    values = model.values(feature)
    model.start(grid, values)
    return model, Context(grid, 0.0, lambda rows: values[rows]), feature


def test_the_first_prior_is_the_statistics_of_the_scene():
    model, context, feature = a_model(0.5)
    prior = model.expect(model.place(context)).prior()
    assert torch.allclose(prior.mean.mean(dim=0), feature.mean(dim=0) / 0.5, atol=0.3)
    assert torch.allclose(torch.exp2(prior.log_scale).mean(dim=0), (feature / 0.5).std(dim=0), rtol=0.3)
    assert torch.allclose(model.real(model.values(feature)), feature)


def test_one_step_per_anchor_and_values_on_its_grid():
    model, context, feature = a_model()
    expected, values = model.expect(model.place(context)), model.values(feature)
    prior, steps = expected.prior(), expected.steps
    assert steps.shape == (len(feature), 1) and (steps > 0.1 - 1e-6).all() and (steps < 2.1 + 1e-6).all()
    rounded = expected.quantised(values)
    symbols = (rounded - prior.mean) / steps
    assert torch.allclose(symbols, symbols.round(), atol=1e-3)
    assert ((rounded - values).abs() <= steps / 2 + 1e-4).all()


def test_training_learns_where_the_values_are():
    """Two halves of space with different features: their position tells nearly all, 1 bit per channel is no longer."""
    model, context, feature = a_model()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    first = last = 0.0
    for number in range(200):
        bits = model.expect(model.place(context), torch.ones(len(feature), 1)).bits(model.values(feature)).mean()
        last = float(bits.detach())
        first = first if number else last
        optimizer.zero_grad()
        bits.backward()
        optimizer.step()
    # A unit-variance Gaussian in bins of 1 costs 2.1 bits; not knowing the half costs one more.
    assert first == pytest.approx(4.1, abs=0.3)
    assert last < 2.4
