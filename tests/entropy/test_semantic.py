"""The entropy model of semantic features: statistics, grid, and that bits are worth paying for."""

import pytest
import torch

from csgaussian_ns.entropy.semantic import SemanticEntropyModel, semantic_layout


def a_model(base_step: float = 1.0) -> tuple[SemanticEntropyModel, torch.Tensor, torch.Tensor]:
    grid = torch.unique(torch.randint(-40, 40, (600, 3), dtype=torch.int32), dim=0)
    side = (grid[:, :1] > 0).float()
    feature = (side * 8 - 4 + torch.randn(len(grid), 6)) * base_step
    model = SemanticEntropyModel(semantic_layout(6, base_step), hidden_dim=16)
    model.start(grid, feature)
    return model, grid, feature


def test_the_first_prior_is_the_statistics_of_the_scene():
    model, grid, feature = a_model(0.5)
    prior = model.hyperprior.prior(model.hyperprior.hidden(model.encoding(grid)))
    assert torch.allclose(prior.mean.mean(dim=0), feature.mean(dim=0) / 0.5, atol=0.3)
    assert torch.allclose(torch.exp2(prior.log_scale).mean(dim=0), (feature / 0.5).std(dim=0), rtol=0.3)
    assert torch.allclose(model.feature(model.values(feature)), feature)


def test_one_step_per_anchor_and_values_on_its_grid():
    model, grid, feature = a_model()
    hidden = model.hyperprior.hidden(model.encoding(grid))
    prior, steps, values = model.hyperprior.prior(hidden), model.steps(hidden), model.values(feature)
    assert steps.shape == (len(grid), 1) and (steps > 0.1 - 1e-6).all() and (steps < 2.1 + 1e-6).all()
    rounded = model.quantised(values, prior, steps)
    symbols = (rounded - prior.mean) / steps
    assert torch.allclose(symbols, symbols.round(), atol=1e-3)
    assert ((rounded - values).abs() <= steps / 2 + 1e-4).all()


def test_training_learns_where_the_values_are():
    """Two halves of space with different features: their position tells nearly all, 1 bit per channel is no longer."""
    model, grid, feature = a_model()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    first = last = 0.0
    for number in range(200):
        hidden = model.hyperprior.hidden(model.encoding(grid))
        bits = model.bits(model.values(feature), model.hyperprior.prior(hidden), torch.ones(len(grid), 1)).mean()
        last = float(bits.detach())
        first = first if number else last
        optimizer.zero_grad()
        bits.backward()
        optimizer.step()
    # A unit-variance Gaussian in bins of 1 costs 2.1 bits; not knowing the half costs one more.
    assert first == pytest.approx(4.1, abs=0.3)
    assert last < 2.4
