"""What objects are cut out of photos by, before an encoder sees them."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from csgaussian_ns.core.types import Camera
from csgaussian_ns.ns import object_vectors
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.scene import Seen
from tests.semantic.finding.test_solidity import FRONT, GLASS, glassy


class Whole:
    """Says of every picture the same."""

    name, dim = "whole", 2

    def encode_images(self, images: Any) -> torch.Tensor:
        return torch.ones(len(images), 2)

    def encode_text(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.ones(len(texts), 2)


class Cameras:
    """One, wherever one looks."""

    def __getitem__(self, _: slice) -> "Cameras":
        return self

    def to(self, _: torch.device) -> "Cameras":
        return self


class Clear(AnchorScene):
    """Of glass that colour hardly has."""

    def seen(self, camera: Camera, only: Any = None) -> Seen:
        return glassy(0.01).seen(camera, only)


def test_glass_that_colour_does_not_show_has_a_vector(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(object_vectors, "to_camera", lambda _: FRONT)
    photo = {"image": torch.full((FRONT.height, FRONT.width, 3), 200, dtype=torch.uint8)}
    manager = object.__new__(CSGaussianDataManager)
    vars(manager).update(cached_train=[photo], train_dataset=SimpleNamespace(cameras=Cameras()))
    balls = glassy()
    assert balls.semantics is not None
    label, scene, told = balls.semantics.label, Clear(balls.anchors, balls.decoders), list[tuple[Any, ...]]()

    def described(power: float) -> set[int]:
        found = object_vectors.object_vectors(
            manager, scene, label, [1.0, 1.0, power, 1.0], Whole(), lambda *done: told.append(done)
        )
        return set(found)

    assert described(1.0) == {1, 3} and described(64.0) == {1, GLASS, 3}
    assert told
