"""Stages 2 and 3 between features and renderer: noise, rate, weights, and gradients that reach features alone."""

import pytest
import torch

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.types import Gaussians
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.scene.spawn import Spawned
from csgaussian_ns.stages.schedule import SEMANTIC_PLANS, SemanticPlan
from csgaussian_ns.stages.semantic import SemanticParams, SemanticSettings, with_features

PLAN = SemanticPlan(total=30, rate_from=10, round_from=20)
GRID = torch.unique(
    torch.randint(-50, 50, (500, 3), dtype=torch.int32, generator=torch.Generator().manual_seed(3)), dim=0
)


def started(**options) -> SemanticParams:
    params = SemanticParams(SemanticSettings(**options))
    params.start(len(GRID), torch.Generator().manual_seed(1))
    params.feature.data += 3 * torch.randn(1, params.feature.shape[1])
    params.start_rate(GRID)
    return params


def run(params: SemanticParams, step: int, plan: SemanticPlan = PLAN, seed: int = 0):
    index = torch.arange(0, len(GRID), 2)
    return index, *params.in_training(index, GRID, plan.at(step), torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("step", [0.5, 1.0, 1.5])
def test_learning_sees_uniform_noise_of_the_chosen_step(step):
    params = started(qat_step=step)
    index, feature, rate = run(params, 0)
    noise = (feature - params.feature[index]).detach()
    assert rate is None
    assert noise.abs().max() <= step / 2 + 1e-6 and noise.abs().max() > 0.49 * step
    assert noise.std() == pytest.approx(step / 12**0.5, rel=0.05) and abs(float(noise.mean())) < 0.03 * step
    assert not torch.equal(feature, run(params, 0, seed=1)[1])


def test_without_qat_learning_sees_the_features_themselves():
    params = started(qat_step=0.0)
    plan = SemanticPlan(30, 10, 20, noise=False)
    index, feature, _ = run(params, 0, plan)
    assert torch.equal(feature, params.feature[index])
    assert plan.at(10).quantisation == "learned noise" and params.settings.base_step == 1


def test_the_rate_has_a_gradient_to_features_steps_and_prior():
    params = started()
    rate = run(params, 10)[2]
    assert rate is not None and rate > 0
    rate.backward()
    assert params.feature.grad is not None
    assert (params.feature.grad[::2] != 0).any() and (params.feature.grad[1::2] == 0).all()
    assert isinstance(params.entropy, HyperCarm)
    assert all((p.grad != 0).any() for p in params.entropy.hyperprior.head.parameters())


def test_rounding_shows_what_is_decoded():
    params = started()
    index, feature, rate = run(params, 25)
    decoded = params.decoded(GRID, True, torch.ones(len(GRID)))
    assert torch.allclose(feature, decoded.feature[index], atol=1e-5)
    assert rate is not None and decoded.bits.min() > 0
    feature.sum().backward()
    assert params.feature.grad is not None
    assert torch.allclose(params.feature.grad[index], torch.ones(len(index), 6))
    unrounded = params.decoded(GRID, False, torch.ones(len(GRID)))
    assert torch.equal(unrounded.feature, params.feature) and (unrounded.bits == 0).all()


def test_a_view_of_nothing_is_no_error():
    params, nothing = started(), torch.zeros(0, dtype=torch.int64)
    for step in (0, 10, 25):
        feature, rate = params.in_training(nothing, GRID, PLAN.at(step), torch.Generator())
        assert feature.shape == (0, 6) and (rate is None or torch.isfinite(rate))


def test_all_gaussians_of_an_anchor_share_its_feature_and_geometry_stays_out_of_it():
    tensors = [torch.rand(5, *shape, requires_grad=True) for shape in ((3,), (4,), (3,), (), (3,))]
    slots = torch.tensor([0, 2, 3, 7, 8])
    spawned = Spawned(Gaussians(*tensors), slots // 3, slots, torch.rand(3, 3))
    feature = torch.randn(3, 6, requires_grad=True)
    gaussians = with_features(spawned, feature)
    assert torch.equal(gaussians.colors, feature[[0, 0, 1, 2, 2]])
    assert not any(getattr(gaussians, name).requires_grad for name in ("means", "quats", "scales", "opacities"))


def test_quality_is_one_where_it_is_switched_off():
    steps = torch.linspace(0.1, 2.1, 9)
    assert (started(quality_weighting=False).quality(steps) == 1).all()
    assert (started().quality(steps) == 1).all()
    assert started(quality_weighting=True).quality(steps).min() < 1e-6
    assert started(quality_weighting=True, quality_threshold=0.0).quality(steps).min() == 1


@pytest.mark.parametrize("plan", SEMANTIC_PLANS.values(), ids=SEMANTIC_PLANS)
def test_boundaries_of_the_plan(plan):
    before, after = (
        [plan.at(e - 1) for e in (plan.rate_from, plan.round_from)],
        [plan.at(plan.rate_from), plan.at(plan.round_from)],
    )
    assert [s.quantisation for s in before] == ["fixed noise", "learned noise"]
    assert [s.quantisation for s in after] == ["learned noise", "rounding"]
    assert [s.rate for s in (*before, *after)] == [False, True, True, True]
    assert [step for step in range(plan.total) if plan.at(step).start] == [0]
    assert [step for step in range(plan.total) if plan.at(step).start_rate] == [plan.rate_from]
    assert plan.at(plan.total * 3).quantisation == "rounding"


@pytest.mark.parametrize("total", [1, 2, 7, 30])
def test_even_the_shortest_plan_is_in_order(total):
    plan = SEMANTIC_PLANS["lite"].scaled_to(total)
    assert 0 <= plan.rate_from <= plan.round_from <= plan.total == total


def test_a_plan_out_of_order_is_refused():
    with pytest.raises(ConfigError, match="rate_from <= round_from"):
        SemanticPlan(total=10, rate_from=8, round_from=5)
