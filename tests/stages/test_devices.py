"""The forward half of a step on CUDA tensors that are only sizes: torch refuses mixed devices and numbers read back.

Nothing is computed, so no GPU is needed. Gradients cannot be had this way without one.
"""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode

from csgaussian_ns.stages import objective, padding
from csgaussian_ns.stages.padding import Buffers
from csgaussian_ns.stages.scene import TrainableScene
from tests.scene.scenes import camera_at
from tests.stages.test_padding import STEPS, a_scene


def sizes_on_cuda(scene: TrainableScene) -> None:
    """Put sizes without numbers in place of all tensors."""

    def there(tensor: Tensor) -> Tensor:
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")

    for module in scene.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = nn.Parameter(there(parameter))
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = there(buffer)
    encoding: Any = scene.entropy.encoding
    encoding._known = scene.anchors.grid, tuple(map(there, encoding._known[1]))


@pytest.fixture(params=STEPS)
def scene(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> TrainableScene:
    scene = a_scene(request.param)
    scene.entropy.place(scene.context())  # places are computed once, with numbers
    rand = torch.rand

    def without_generator(*size: Any, generator: Any = None, **options: Any) -> Tensor:
        return rand(*size, **options | {"device": "cuda"})

    # Sizes have no random numbers, and a generator of CUDA cannot be made without a GPU.
    monkeypatch.setattr(torch, "rand", without_generator)
    monkeypatch.setattr(TrainableScene, "_generator", lambda *_, **__: torch.Generator())
    monkeypatch.setattr(torch.Tensor, "is_cuda", property(lambda _: False))  # no memory is pinned without a GPU
    return scene


def forward(scene: TrainableScene) -> None:
    camera = camera_at(2.0)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        sizes_on_cuda(scene)
        camera = replace(camera, world_to_camera=torch.empty(4, 4, device="cuda"))
        index, quantised = scene.in_training(camera)
        spawned = scene.spawned(quantised.anchors, camera)
        scene.observer(index, spawned, (camera.width, camera.height))
        scene.count_view(index, spawned.opacity, quantised.real)
        volume = objective.volume(spawned.gaussians.scales, spawned.real)
        found = [index, volume, spawned.opacity, *vars(spawned.gaussians).values()]
        found += [] if quantised.rate is None else list(quantised.rate)
        assert {tensor.device.type for tensor in found} == {"cuda"} and index.shape == (padding.LEAST,)


def test_with_buffers_all_of_it_stays_on_the_device(scene: TrainableScene):
    scene.buffers = Buffers()
    forward(scene)


def test_without_buffers_the_host_must_wait(scene: TrainableScene):
    with pytest.raises((DataDependentOutputException, DynamicOutputShapeException)):
        forward(scene)
