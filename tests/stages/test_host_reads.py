"""How often a training step reads numbers back from where its tensors are: on a GPU, each read waits for all work."""

import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.growth import half_image
from csgaussian_ns.scene.sfm_init import anchors_from_points
from csgaussian_ns.stages import objective
from csgaussian_ns.stages.padding import Buffers
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.schedule import LITE_PLAN
from csgaussian_ns.stages.settings import SceneSettings
from tests.scene.scenes import camera_at

READS = {"_local_scalar_dense", "nonzero", "masked_select", "unique_dim", "_unique2", "is_nonzero", "equal"}
"""Operators whose result the host must have before it goes on: numbers, and tensors whose size depends on values."""
WRITES = {"lift_fresh"}
"""What makes tensors of numbers of the host, which waits until a GPU has them. The CPU's renderer, for which that costs
nothing, may."""


class CountReads(TorchDispatchMode):
    """Counts the operators of ``READS``; a selection by a mask is a ``nonzero``."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        selects = name == "index" and any(part is not None and part.dtype == torch.bool for part in args[1])
        if name in READS or selects or (name in WRITES and not _for_the_cpu()):
            self.found["nonzero" if selects else name] += 1
        return func(*args, **(kwargs or {}))


def _for_the_cpu() -> bool:
    ours = [Path(frame.filename) for frame in traceback.extract_stack() if "csgaussian_ns" in frame.filename]
    return ours[-1].name in ("cpu.py", "ssim.py")


STAGES = ["warm-up", "growth", "rate", "mixed", "rounding"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_step_reads_which_anchors_and_which_slots_are_drawn_and_nothing_else(stage: str):
    assert reads_of_a_step(stage, None) == ({"nonzero": 2}, {})


@pytest.mark.parametrize("stage", STAGES)
def test_with_buffers_it_reads_nothing_until_all_of_the_view_is_queued(stage: str):
    """Then it reads how many anchors and slots there were, which a GPU has known for long."""
    assert reads_of_a_step(stage, Buffers()) == ({}, {"_local_scalar_dense": 2})


def reads_of_a_step(stage: str, buffers: Buffers | None) -> tuple[dict[str, int], dict[str, int]]:
    """Reads in a step, and those of the question whether all of it fitted."""
    torch.manual_seed(0)
    points = torch.rand(300, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    plan = LITE_PLAN.scaled_to(1000)
    scene = TrainableScene(anchors_from_points(points, 20, 4, None), plan, SceneSettings())
    steps = {"warm-up": 0, "growth": plan.grow_from + 1, "rate": plan.rate_from + 1, "mixed": plan.mix_from + 1}
    scene.begin_step(plan.rate_from)  # what is done once is not part of a step
    scene.begin_step(steps.get(stage, plan.round_from + 1))
    camera, target, rasterizer = camera_at(3.0), torch.rand(48, 64, 3), choose_rasterizer("cpu", "cpu")
    scene.in_training(camera)  # encodings of the place are computed once
    scene.buffers = buffers
    half_image(camera.width, camera.height, target.device)  # kept
    with CountReads() as reads:
        index, quantised = scene.in_training(camera)
        spawned = scene.spawned(quantised.anchors, camera)
        observer = scene.observer(index, spawned, (camera.width, camera.height))
        image = rasterizer(spawned.gaussians, camera, scene.random_colour(), observer=observer).image
        loss = objective.colour_distortion(image, target) + objective.volume(spawned.gaussians.scales, spawned.real)
        scene.count_view(index, spawned.opacity, quantised.real)
        if quantised.rate is not None:
            loss = loss + quantised.rate.per_parameter
        loss.backward()
    with CountReads() as asked:
        assert not scene.outgrown()
    return dict(reads.found), dict(asked.found)
