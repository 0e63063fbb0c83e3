"""A trainable scene with each entropy model: groups for optimisers, and tables that the rate pays for."""

import pytest
import torch

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.entropy.registry import MODELS
from csgaussian_ns.quant.coded_linear import CodedLinear
from csgaussian_ns.scene.sfm_init import anchors_from_points
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.schedule import LITE_PLAN
from csgaussian_ns.stages.settings import SceneSettings
from tests.scene.scenes import camera_at

PLAN = LITE_PLAN.scaled_to(100)


def a_scene(name: str) -> TrainableScene:
    points = torch.rand(400, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    settings = SceneSettings(hyperprior=name, hyperprior_size=9, hyperprior_dim=16)  # type: ignore[arg-type]
    return TrainableScene(anchors_from_points(points, 20, 4, None), PLAN, settings)


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_is_in_one_group_and_no_group_is_empty(name: str):
    scene = a_scene(name)
    groups = scene.param_groups()
    found = [id(parameter) for group in groups.values() for parameter in group]
    assert sorted(found) == sorted(id(parameter) for parameter in scene.parameters())
    assert all(groups.values()) and ("entropy_tables" in groups) == name.endswith(("triplane", "hashgrid"))


@pytest.mark.parametrize("name", MODELS)
def test_the_rate_of_a_view_pays_for_tables(name: str, monkeypatch):
    scene = a_scene(name)
    scene.begin_step(PLAN.rate_from)
    _, quantised = scene.in_training(camera_at(4.0))
    assert quantised.rate is not None
    quantised.rate.per_parameter.backward()
    tables = scene.param_groups().get("entropy_tables", [])
    assert all(table.grad is not None and table.grad.abs().sum() > 0 for table in tables)
    own = float(scene.entropy.own_bits().detach())
    assert (own > 100) == bool(tables)
    monkeypatch.setattr(scene.entropy, "own_bits", lambda: torch.zeros(()))
    without = scene.in_training(camera_at(4.0))[1].rate
    shared_out = own / (len(scene.anchors) * scene.layout.channels)
    assert without is not None and float(without.per_parameter.detach()) > 0.1
    assert float((quantised.rate.per_parameter - without.per_parameter).detach()) == pytest.approx(shared_out, rel=1e-3)


def test_sizes_out_of_range_are_refused():
    points = torch.rand(50, 3)
    with pytest.raises(ConfigError, match=r"hyperprior_size must lie in 8\.\.19"):
        TrainableScene(anchors_from_points(points, 20, 4, None), PLAN, SceneSettings(hyperprior_size=30))


def test_gaussians_are_dropped_until_values_are_rounded():
    scene, camera = a_scene("inr"), camera_at(4.0)

    def drawn(step: int, dropout: float) -> int:
        scene.settings.dropout = dropout
        scene.begin_step(step)
        _, quantised = scene.in_training(camera)
        return len(scene.spawned(quantised.anchors, camera).slots)

    for step in (0, PLAN.rate_from, PLAN.mix_from):
        assert 0.3 < drawn(step, 0.5) / drawn(step, 0.0) < 0.7
        assert drawn(step, 0.5) == drawn(step, 0.5)
    assert drawn(PLAN.round_from, 0.5) == drawn(PLAN.round_from, 0.0) > 0


@pytest.mark.parametrize(("anchors", "width"), [(0, 32), (30_000, 32), (45_000, 48), (90_000, 96), (10**6, 128)])
def test_the_entropy_model_is_as_wide_as_the_anchors_repay(anchors: int, width: int):
    assert SceneSettings().widths(anchors) == (width, 0.75 * width)
    assert SceneSettings(carm=False).widths(anchors) == (width, 0)
    assert SceneSettings(hyperprior_dim=16).widths(anchors) == SceneSettings(hyperprior_dim=16).widths() == (16, 12)


def parameter_shapes(scene: TrainableScene) -> dict[str, torch.Size]:
    return {name: parameter.shape for name, parameter in scene.entropy.named_parameters()}


@pytest.mark.parametrize("name", MODELS)
def test_its_width_is_chosen_where_the_rate_is_first_paid_for_and_follows_a_checkpoint(name: str):
    points = torch.rand(400, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    anchors = anchors_from_points(points, 20, 4, None)
    settings = SceneSettings(hyperprior=name, hyperprior_size=9)  # type: ignore[arg-type]
    scene = TrainableScene(anchors, PLAN, settings)
    before = parameter_shapes(scene)
    parameters = dict(scene.entropy.named_parameters())
    scene.begin_step(PLAN.rate_from - 1)
    assert parameter_shapes(scene) == before
    scene.begin_step(PLAN.rate_from)
    assert isinstance(scene.entropy, HyperCarm) and scene.entropy.carm is not None
    assert parameter_shapes(scene)["carm.networks.0.0.weight"] == (24, 2)
    if name != "factorised":
        assert scene.entropy.hyperprior.head.in_features == 32
    assert all(parameters[key] is value for key, value in scene.entropy.named_parameters())  # optimisers hold them
    _, quantised = scene.in_training(camera_at(4.0))
    assert quantised.rate is not None and float(quantised.rate.per_parameter.detach()) > 0

    state = scene.state_dict()
    other = TrainableScene(anchors_from_points(points[:50], 20, 4, None), PLAN, settings)
    other.resize_for(state)
    other.load_state_dict(state)
    assert parameter_shapes(other) == parameter_shapes(scene)


def test_networks_see_the_weights_of_the_file_in_the_rounding_stage():
    scene = a_scene("inr")
    layers = [layer for layer in scene.modules() if isinstance(layer, CodedLinear)]
    assert len(layers) == 6 + 3 + 6  # decoders, hyperprior, CARM
    scene.begin_step(PLAN.rate_from)
    assert all(torch.equal(layer.coded_weight(), layer.weight) for layer in layers)
    scene.begin_step(PLAN.round_from)
    assert not any(torch.equal(layer.coded_weight(), layer.weight) for layer in layers)
