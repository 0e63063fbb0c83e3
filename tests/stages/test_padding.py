"""Steps with buffers are those without: images, losses, gradients, statistics; and nothing is ever cut."""

from dataclasses import replace

import pytest
import torch

from csgaussian_ns.core.types import Camera
from csgaussian_ns.ns.training import ColourStep
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.sfm_init import anchors_from_points
from csgaussian_ns.stages import colour, padding
from csgaussian_ns.stages.padding import Buffers, Chosen, padded, size_for
from csgaussian_ns.stages.quantise import Treatment
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.schedule import LITE_PLAN
from csgaussian_ns.stages.settings import SceneSettings
from tests.scene.scenes import camera_at

PLAN = LITE_PLAN.scaled_to(1000)
STEPS = {"warm-up": 0, "growth": PLAN.grow_from + 1, "rate": PLAN.rate_from + 1, "mixed": PLAN.mix_from + 1}
STEPS["rounding"] = PLAN.round_from + 1


def a_scene(stage: str, name: str = "inr") -> TrainableScene:
    torch.manual_seed(0)
    points = 3 * (torch.rand(700, 3, generator=torch.Generator().manual_seed(0)) - 0.5)
    settings = SceneSettings(hyperprior=name, hyperprior_size=9)  # type: ignore[arg-type]
    scene = TrainableScene(anchors_from_points(points, 20, 4, None), PLAN, settings, 0.004)
    torch.nn.init.normal_(scene.anchors.feature)
    torch.nn.init.normal_(scene.anchors.offset, std=0.1)
    torch.nn.init.normal_(scene.anchors.mask_logit, mean=-4, std=2)  # some are masked
    scene.begin_step(PLAN.rate_from)
    scene.begin_step(STEPS[stage])
    return scene


def stepped(scene: TrainableScene, camera: Camera) -> dict[str, torch.Tensor]:
    """A step's losses, image, gradients and statistics, by name."""
    view = ColourStep.of(scene, camera, choose_rasterizer("cpu", "cpu"), torch.zeros(3), 0.3)
    losses = view.losses({"image": torch.full((camera.height, camera.width, 3), 0.4)})
    sum(losses.values(), torch.zeros(())).backward()
    scene.edit_anchors({})
    found = {f"loss {name}": loss.detach() for name, loss in losses.items()} | {"image": view.image.detach()}
    if view.rate is not None:
        found["per type"] = view.rate.per_type
    found |= {f"gradient {name}": p.grad for name, p in scene.named_parameters() if p.grad is not None}
    return found | {f"statistic {name}": value for name, value in scene.statistics.state_dict().items()}


def assert_same(expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor]) -> None:
    assert expected.keys() == found.keys() and len(expected) > 20
    for name, value in expected.items():
        size = max(float(value.abs().max()), 1e-12)
        torch.testing.assert_close(
            found[name], value, rtol=1e-4, atol=2e-5 * size, msg=lambda text, n=name: f"{n}: {text}"
        )


class EveryAnchor(Treatment):
    """Estimates the bits of all anchors: otherwise each way draws a sample of its own, and other noise after it."""

    def sample(self, count: int, generator: torch.Generator, device: torch.device) -> torch.Tensor:
        return torch.arange(count)

    def sample_of(self, real: torch.Tensor, generator: torch.Generator) -> Chosen:
        return Chosen(torch.arange(len(real)), real)


@pytest.fixture
def all_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colour, "TREATMENT", EveryAnchor(**vars(colour.TREATMENT)))


@pytest.mark.parametrize("stage", STEPS)
def test_a_step_in_buffers_is_the_same_step(stage: str, all_sampled: None):
    camera = camera_at(2.0)
    plain, buffered = a_scene(stage), a_scene(stage)
    buffered.buffers = Buffers()
    index, _ = plain.in_training(camera)
    rows, quantised = buffered.in_training(camera)
    assert 100 < len(index) < len(plain.anchors) < len(rows) == padding.LEAST
    assert quantised.real is not None and torch.equal(rows[quantised.real], index)
    spawned = buffered.spawned(quantised.anchors, camera)
    assert spawned.real is not None and 0 < spawned.real.sum() < len(spawned.real)
    assert not buffered.outgrown()
    assert_same(stepped(plain, camera), stepped(buffered, camera))


@pytest.mark.parametrize("name", ["neighbours", "triplane"])
def test_with_other_entropy_models_too(name: str, all_sampled: None):
    plain, buffered = a_scene("mixed", name), a_scene("mixed", name)
    buffered.buffers = Buffers()
    assert_same(stepped(plain, camera_at(2.0)), stepped(buffered, camera_at(2.0)))


def test_what_does_not_fit_is_drawn_again_in_larger_buffers(all_sampled: None, monkeypatch: pytest.MonkeyPatch):
    plain, buffered, camera = a_scene("mixed"), a_scene("mixed"), camera_at(2.0)
    monkeypatch.setattr(padding, "LEAST", 16)
    buffered.buffers = Buffers()
    answers: list[bool] = []
    outgrown = buffered.buffers.outgrown
    monkeypatch.setattr(buffered.buffers, "outgrown", lambda: answers.append(outgrown()) or answers[-1])
    assert_same(stepped(plain, camera), stepped(buffered, camera))
    assert answers == [True, True, False]  # first the anchors, then the slots of all of them
    buffered.zero_grad()
    buffered.statistics.resize_for(len(buffered.anchors))
    stepped(buffered, camera)
    assert answers[3:] == [False]


def test_a_camera_that_sees_nothing():
    plain, buffered, camera = a_scene("mixed"), a_scene("mixed"), camera_at(-50.0)
    buffered.buffers = Buffers()
    expected, found = stepped(plain, camera), stepped(buffered, camera)
    assert not found["image"].any() and float(found["loss rate"]) == float(expected["loss rate"]) == 0
    assert all(torch.isfinite(value).all() for value in found.values())


def test_rows_of_a_mask_in_a_buffer():
    mask = torch.rand(500, generator=torch.Generator().manual_seed(1)) < 0.3
    expected = torch.nonzero(mask)[:, 0]
    for size in (10, len(expected), 400):
        (rows, real), count = padded(mask, size)
        assert int(count) == len(expected) and rows.shape == (size,) and real is not None
        assert torch.equal(rows[real], expected[:size]) and real.sum() == min(size, len(expected))
        assert torch.equal(real, torch.arange(size) < len(expected)) and rows.min() >= 0 and rows.max() < 500
    (_, real), count = padded(torch.zeros(3, dtype=torch.bool), 8)
    assert int(count) == 0 and real is not None and not real.any()


def test_sizes_are_few_and_leave_some_room():
    sizes = {size_for(count) for count in range(1, 300_000, 97)}
    assert len(sizes) < 20 and {1024, 1536, 2048, 3072, 65536} <= sizes
    assert all(1.1 * count <= size_for(count) < 1.66 * count for count in range(1000, 300_000, 97))


def test_the_sample_of_a_buffer_is_drawn_from_what_is_real():
    real = torch.arange(8192) % 8 < 3
    treatment = replace(colour.TREATMENT, share=0.3, least=400)
    times = torch.zeros(len(real))
    for seed in range(40):
        rows, counted = treatment.sample_of(real, torch.Generator().manual_seed(seed))
        assert counted is not None and len(rows) == int(0.3 * 8192) and counted.sum() == int(0.3 * 3072)
        chosen = rows[counted]
        assert len(chosen.unique()) == len(chosen) and real[chosen].all()
        times[chosen] += 1
    assert times[real].mean() == pytest.approx(12, abs=0.01) and times[real].std() < 4 and not times[~real].any()
    few = torch.arange(8192) < 100
    rows, counted = treatment.sample_of(few, torch.Generator().manual_seed(0))
    assert counted is not None and counted.sum() == 100 and few[rows[counted]].all()
