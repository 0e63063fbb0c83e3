"""Anchors and their networks as a scene."""

import numpy as np
import pytest
import torch

from csgaussian_ns.codec.render_networks import networks_of
from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.render_networks import FrozenDecoders
from csgaussian_ns.scene.scene import Scene
from tests.scene.scenes import camera_at


def tensors(count: int = 30) -> list[torch.Tensor]:
    """Anchors in a row, every third behind the camera, whose offsets are at the anchors themselves."""
    position = torch.stack(
        [0.02 * torch.arange(count), torch.zeros(count), -9.0 * (torch.arange(count) % 3 == 0)], dim=1
    )
    return [
        position,
        torch.randn(count, 4),
        torch.zeros(count, 3, 3),
        torch.full((count, 6), -3.0),
        torch.ones(count, 3),
    ]


@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_rows_say_which_anchor_each_gaussian_came_from(library: str):
    parts, decoders = tensors(), Decoders(4, 3, 8)
    scene = AnchorScene(Anchors(*parts), decoders)
    if library == "numpy":
        scene = AnchorScene(Anchors(*map(to_numpy, parts)), FrozenDecoders(networks_of(decoders)))
    assert isinstance(scene, Scene) and scene.position is scene.anchors.position
    with torch.no_grad():
        seen = scene.seen(camera_at())
    assert len(seen.row) > 10
    assert np.array_equal(seen.gaussians.means, scene.position[seen.row])  # offsets are 0
    assert not (seen.row % 3 == 0).any()  # these are behind the camera
    half = seen.only(seen.row < 15)
    assert 0 < len(half.row) < len(seen.row) and len(half.gaussians.means) == len(half.row) and half.row.max() < 15


def test_what_is_not_finite_raises_no_warning():
    position, feature, offset, scaling, mask = map(to_numpy, tensors())
    scaling[5], feature[7] = 1e6, np.nan
    position[8] = [0, 0, -5]  # where the camera is
    with np.errstate(all="raise"):
        decoders = FrozenDecoders(networks_of(Decoders(4, 3, 8)))
        seen = AnchorScene(Anchors(position, feature, offset, scaling, mask), decoders).seen(camera_at())
    assert not np.isin(seen.row, [7, 8]).any()


def test_blocks_are_seen_as_all_at_once(monkeypatch: pytest.MonkeyPatch):
    position, feature, offset, scaling, mask = map(to_numpy, tensors())
    offset = np.random.default_rng(0).normal(size=offset.shape).astype(np.float32)
    scene = AnchorScene(
        Anchors(position, feature, offset, scaling, mask), FrozenDecoders(networks_of(Decoders(4, 3, 8)))
    )
    whole = scene.seen(camera_at())
    monkeypatch.setattr("csgaussian_ns.scene.anchor_scene.BLOCK", 4)
    parts = scene.seen(camera_at())
    assert len(whole.row) > 10 and np.array_equal(parts.row, whole.row) and np.array_equal(parts.slot, whole.slot)
    assert np.allclose(parts.gaussians.colors, whole.gaussians.colors, atol=1e-6)
    lengths = np.exp(scaling[whole.row, :3])
    assert np.allclose(whole.gaussians.means, position[whole.row] + offset[whole.row, whole.slot] * lengths, atol=1e-6)
    nothing = scene.seen(camera_at(), np.zeros(len(position), np.bool_))
    assert len(nothing.row) == len(nothing.slot) == len(nothing.gaussians.means) == 0
