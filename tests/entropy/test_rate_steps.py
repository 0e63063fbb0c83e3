"""One model for many rates: steps follow lambda, files hold what one lambda says, and no other range is promised."""

import dataclasses

import pytest
import torch

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.entropy.rate_steps import RateForm
from csgaussian_ns.format.networks.neighbours import IntegerNeighbours
from csgaussian_ns.scene.sfm_init import anchors_from_points
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.schedule import LITE_PLAN
from csgaussian_ns.stages.settings import SceneSettings
from tests.codec.scenes import context_of, random_scene

WEIGHTS = (0.016, 0.002, 0.004)


@pytest.mark.parametrize("form", ["gated", "concatenated"])
def test_steps_follow_lambda_into_the_file(form: RateForm):
    scene = random_scene(200, encoding="neighbours")
    model, values = scene.entropy, context_of(scene).values_of(torch.arange(len(scene.grid)))
    assert isinstance(model, HyperCarm)
    model.vary_rate(WEIGHTS, form)
    optimizer = torch.optim.Adam(model.hyperprior.parameters(), 0.02)

    def steps(weight: float) -> torch.Tensor:
        return model.expect(model.place(context_of(scene)._replace(rate_weight=weight))).steps

    assert (steps(0.002) < steps(0.004)).all() and (steps(0.004) < steps(0.016)).all()
    start = [parameter.clone() for parameter in model.hyperprior.rate_steps.parameters()]  # type: ignore[union-attr]
    for number in range(40):
        weight = WEIGHTS[number % 3]
        step = steps(weight)
        bits = -torch.log2(step).mean()
        optimizer.zero_grad()
        (60 * weight * bits + step.square().mean() / 4).backward()
        optimizer.step()
    fine, middle, coarse = (float(steps(weight).detach().mean()) for weight in (0.002, 0.007, 0.016))
    assert fine < 0.9 * middle and middle < 0.95 * coarse
    learned = model.hyperprior.rate_steps.parameters()  # type: ignore[union-attr]
    moved = [not torch.equal(old, new) for old, new in zip(start, learned, strict=True)]
    assert any(moved) and (form == "concatenated" or all(moved))
    sizes = {}
    for weight in (0.002, 0.016):
        at_rate = dataclasses.replace(scene, rate_weight=weight)
        frozen = model.freeze(context_of(at_rate))
        assert isinstance(frozen, IntegerNeighbours)
        integers = frozen.alone.hyperprior.prior(scene.grid.numpy()).step / 2**16
        assert torch.allclose(torch.from_numpy(integers).float(), steps(weight).detach(), atol=0.05)
        data = encode(at_rate).data
        assert decode(data).anchors.feature.shape[1] == values[:, :20].shape[1]
        sizes[weight] = len(data)
    assert sizes[0.016] < 0.95 * sizes[0.002]
    with pytest.raises(ConfigError, match=r"lambda 0.03 lies outside of 0.002..0.016"):
        encode(dataclasses.replace(scene, rate_weight=0.03))


def test_each_step_of_training_pays_for_one_of_them():
    plan, settings = LITE_PLAN.scaled_to(100), SceneSettings(hyperprior="neighbours", rate_weights=WEIGHTS)
    points = torch.rand(100, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    scene = TrainableScene(anchors_from_points(points, 20, 4, None), plan, settings, 0.004)
    drawn = []
    for step in range(60, 90):
        scene.go_to(step)
        drawn.append(scene.rates.of_step(step))
    assert set(drawn) == set(WEIGHTS) and scene.rate_weight == 0.004
    scene.go_to(60)
    assert scene.rates.of_step(scene.step) == drawn[0]
    alone = TrainableScene(anchors_from_points(points, 20, 4, None), plan, SceneSettings(), 0.004)
    assert alone.rates.of_step(7) == 0.004


def test_masks_follow_lambda_where_asked():
    points, plan = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) - 0.5, LITE_PLAN.scaled_to(100)

    def kept(slope: float, weight: float) -> float:
        settings = SceneSettings(rate_weights=WEIGHTS, rate_masks=slope)
        scene = TrainableScene(anchors_from_points(points, 20, 4, None), plan, settings, weight)
        scene.anchors.mask_logit.data = torch.linspace(-9, 0, 800).reshape(200, 4)  # the threshold lies at -4.6
        return float(scene.masked().mask.mean())

    assert kept(0.0, 0.002) == kept(0.0, 0.016) == pytest.approx(4.6 / 9, abs=0.01)
    assert kept(2.0, 0.002) == pytest.approx(6.6 / 9, abs=0.01) and kept(2.0, 0.016) == pytest.approx(2.6 / 9, abs=0.01)
    assert kept(2.0, (0.002 * 0.016) ** 0.5) == pytest.approx(4.6 / 9, abs=0.01)


def test_ranges_that_are_none_are_refused():
    points, plan = torch.rand(20, 3) - 0.5, LITE_PLAN.scaled_to(100)
    for weights, weight, words in (
        ((0.004,), 0.004, "two or more different numbers above 0"),
        ((0.0, 0.004), 0.004, "two or more different numbers above 0"),
        ((0.002, 0.004), 0.02, "lambda 0.02 lies outside"),
    ):
        with pytest.raises(ConfigError, match=words):
            settings = SceneSettings(rate_weights=weights)
            TrainableScene(anchors_from_points(points, 20, 4, None), plan, settings, weight)
