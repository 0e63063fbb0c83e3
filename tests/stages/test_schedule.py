"""The plan: what holds just before and after every boundary."""

import pytest

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.stages.schedule import LITE_PLAN, PAPER_PLAN, PLANS, StagePlan


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_growth_boundaries(plan: StagePlan):
    assert not plan.at(plan.observe_from - 1).observe and plan.at(plan.observe_from).observe
    assert plan.at(plan.grow_until - 1).observe and not plan.at(plan.grow_until).observe
    plain = plan.without_rate()
    steps = (plan.grow_from - 1, plan.grow_from, plan.grow_until - 1, plan.grow_until)
    assert [plain.at(step).name for step in steps] == ["warm-up", "growth", "growth", "refinement"]
    edits = [step for step in range(plan.total) if plain.at(step).edit_anchors]
    assert edits == list(range(plan.grow_from, plan.grow_until, plan.grow_every))
    assert {plain.at(step).quantisation for step in range(0, plan.total, 50)} == {"none"}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_quantisation_sets_in_step_by_step(plan: StagePlan):
    assert plan.noise_from is not None
    edges = (plan.noise_from, plan.rate_from, plan.mix_from, plan.round_from)
    before, after = [plan.at(step - 1) for step in edges], [plan.at(step) for step in edges]
    assert [state.quantisation for state in before] == ["none", "fixed noise", "learned noise", "mixed"]
    assert [state.quantisation for state in after] == ["fixed noise", "learned noise", "mixed", "rounding"]
    assert [state.rate for state in before] == [False, False, True, True]
    assert [state.rate for state in after] == [False, True, True, True]
    assert [step for step in range(plan.total) if plan.at(step).start_rate] == [plan.rate_from]
    assert plan.at(plan.total * 10).quantisation == "rounding"
    pause = range(plan.noise_from, plan.noise_from + plan.growth_pause)
    assert not any(plan.at(step).edit_anchors or plan.at(step).observe for step in pause)


def test_scaling_keeps_proportions_but_not_the_interval():
    half = PAPER_PLAN.scaled_to(PAPER_PLAN.total // 2)
    assert (half.total, half.observe_from, half.grow_from, half.grow_until) == (20_000, 250, 750, 10_000)
    assert half.grow_every == PAPER_PLAN.grow_every
    assert LITE_PLAN.scaled_to(LITE_PLAN.total) == LITE_PLAN


@pytest.mark.parametrize("total", [1, 2, 7, 30])
def test_even_the_shortest_plan_is_in_order(total: int):
    plan = LITE_PLAN.scaled_to(total)
    assert 0 <= plan.observe_from <= plan.grow_from <= plan.grow_until <= plan.total == total


def test_a_plan_out_of_order_is_refused():
    with pytest.raises(ConfigError, match="noise_from <= rate_from"):
        StagePlan(100, 0, 10, 50, 10, noise_from=60, rate_from=50, mix_from=70, round_from=90)
    with pytest.raises(ConfigError, match="observe_from <= grow_from"):
        StagePlan(total=100, observe_from=50, grow_from=20, grow_until=80, grow_every=10)
