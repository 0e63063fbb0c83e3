"""The stages of colour in which the rate is paid for, one step of each."""

from collections.abc import Iterator

from csgaussian_ns.stages.scene import TrainableScene
from tests.scene.scenes import camera_at


def paid_in_each_stage(scene: TrainableScene) -> Iterator[None]:
    """A step of each, its rate alone differentiated: what gets a gradient then is paid for."""
    for step in (scene.plan.rate_from, scene.plan.mix_from, scene.plan.round_from):
        scene.begin_step(step)
        _, quantised = scene.in_training(camera_at(4.0))
        assert quantised.rate is not None
        scene.zero_grad()
        quantised.rate.per_parameter.backward()
        yield
