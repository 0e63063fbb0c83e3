"""From anchors to Gaussians: the formulas of Scaffold-GS, and which anchors a camera needs."""

from dataclasses import fields, replace

import numpy as np
import torch

from csgaussian_ns.codec.render_networks import networks_of
from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.types import Anchors, Camera
from csgaussian_ns.scene.anchors import AnchorParams
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.render_networks import Decoded, FrozenDecoders
from csgaussian_ns.scene.spawn import spawn, spawn_visible, visible_anchors
from tests.scene.scenes import camera_at, grid_anchors


def all_of(anchors: AnchorParams) -> Anchors:
    return anchors.at(torch.arange(len(anchors)), torch.ones(len(anchors), anchors.num_offsets))


def visible(anchors: AnchorParams, camera: Camera) -> torch.Tensor:
    return visible_anchors(anchors.position, anchors.scaling, camera)


class FixedDecoders(Decoders):
    """Returns what it was given; the feature then plays no role."""

    def __init__(self, decoded: Decoded):
        super().__init__(4, decoded.opacity.shape[1], 8)
        self.decoded = decoded
        self.seen: tuple[torch.Tensor, ...] = ()

    def forward(self, feature: torch.Tensor, direction: torch.Tensor, distance: torch.Tensor) -> Decoded:
        self.seen = (feature, direction, distance)
        return self.decoded


def test_gaussians_follow_the_formulas():
    anchors = grid_anchors([[0, 0, 0], [1, 0, 0]], num_offsets=2)
    anchors.offset.data = torch.randn(2, 2, 3)
    anchors.scaling.data = torch.randn(2, 6) * 0.1
    decoded = Decoded(torch.tensor([[0.5, -0.1], [0.9, 0.2]]), torch.randn(2, 2, 7), torch.rand(2, 2, 3))
    decoders = FixedDecoders(decoded)
    camera = camera_at(depth=5.0)
    gaussians, owner, slots, opacity, _ = spawn(all_of(anchors), decoders, camera)
    assert owner.tolist() == [0, 1, 1]

    assert slots.tolist() == [0, 2, 3]
    assert torch.equal(opacity, decoded.opacity)
    for row, (anchor, slot) in enumerate([(0, 0), (1, 0), (1, 1)]):
        lengths = anchors.scaling[anchor].exp()
        centre = anchors.position[anchor] + anchors.offset[anchor, slot] * lengths[:3]
        assert torch.allclose(gaussians.means[row], centre)
        raw = decoded.shape[anchor, slot]
        assert torch.allclose(gaussians.scales[row], lengths[3:] * torch.sigmoid(raw[:3]))
        assert torch.equal(gaussians.quats[row], raw[3:])
        assert gaussians.opacities[row] == decoded.opacity[anchor, slot]
        assert torch.equal(gaussians.colors[row], decoded.color[anchor, slot])
    _, direction, distance = decoders.seen
    assert torch.allclose(direction.norm(dim=1), torch.ones(2))
    assert torch.allclose(direction * distance, anchors.position - torch.tensor([0.0, 0.0, -5.0]), atol=1e-6)


def test_gradients_reach_everything_that_is_trained():
    anchors = grid_anchors([[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    decoders = Decoders(4, 3, 8)
    with torch.no_grad():
        list(decoders.opacity.parameters())[-1].add_(1)
    gaussians = spawn(all_of(anchors), decoders, camera_at()).gaussians
    names = ("means", "quats", "scales", "opacities", "colors")
    torch.stack([(getattr(gaussians, name) ** 2).sum() for name in names]).sum().backward()
    trained = [(name, value) for name, value in anchors.named_parameters() if name != "mask_logit"]
    for name, parameter in [*trained, *decoders.named_parameters()]:
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_only_anchors_in_reach_of_the_image_are_decoded():
    camera = camera_at(depth=5.0)  # half the image spans 5 * 32 / 60 = 2.7 units at the origin
    anchors = grid_anchors([[0, 0, 0], [5, 0, 0], [40, 0, 0], [0, 0, -20], [0, 0, -10]])
    assert visible(anchors, camera).tolist() == [0, 1]  # beside, behind, and at the camera are left out
    anchors.scaling.data[2, :3] = 3.0  # now its offsets reach 20 units
    assert visible(anchors, camera).tolist() == [0, 1, 2]


def test_an_off_centre_principal_point_moves_the_frustum():
    anchors = grid_anchors([[7, 0, 0], [-7, 0, 0]])
    camera = camera_at(depth=5.0)
    shifted = type(camera)(camera.world_to_camera, 60.0, 60.0, -10.0, 24.0, 64, 48)
    assert visible(anchors, shifted).tolist() == [0]


def test_a_view_of_nothing_gives_no_gaussians():
    anchors, camera = grid_anchors([[0, 0, -100]]), camera_at()
    gaussians, _, slots, *_ = spawn(all_of(anchors).at(visible(anchors, camera)), Decoders(4, 3, 8), camera)
    assert len(slots) == len(gaussians.means) == 0


def test_masked_slots_are_not_drawn_and_the_mask_gets_a_gradient():
    anchors = grid_anchors([[0, 0, 0], [1, 0, 0]], num_offsets=2)
    decoded = Decoded(torch.full((2, 2), 0.5), torch.randn(2, 2, 7), torch.rand(2, 2, 3))
    mask = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    spawned = spawn(anchors.at(torch.arange(2), mask), FixedDecoders(decoded), camera_at())
    assert spawned.slots.tolist() == [0, 3]
    spawned.gaussians.opacities.sum().backward()
    assert mask.grad is not None and mask.grad.tolist() == [[0.5, 0], [0, 0.5]]


def test_an_opacity_factor_removes_slots_and_never_exceeds_one():
    decoded = Decoded(torch.tensor([[0.5, 0.95], [0.6, 0.2]]), torch.randn(2, 2, 7), torch.rand(2, 2, 3))
    anchors = grid_anchors([[0, 0, 0], [1, 0, 0]], num_offsets=2)
    factor = torch.tensor([[0.0, 1.25], [1.25, 0.0]])
    gaussians, _, slots, opacity, _ = spawn(all_of(anchors), FixedDecoders(decoded), camera_at(), factor)
    assert slots.tolist() == [1, 2]
    assert gaussians.opacities.tolist() == [1.0, 0.75]
    assert opacity.tolist() == [[0, 1.0], [0.75, 0]]


def test_numpy_spawns_what_torch_spawns():
    torch.manual_seed(2)
    anchors = grid_anchors(torch.randint(-6, 7, (400, 3)).tolist(), num_offsets=4)
    for values in (anchors.offset, anchors.feature, anchors.scaling):
        values.data.normal_()
    decoders, camera, everything = Decoders(4, 4, 16), camera_at(depth=2.0), all_of(anchors)
    with torch.no_grad():
        index, expected = spawn_visible(everything, decoders, camera)
    in_numpy = Anchors(*(to_numpy(getattr(everything, field.name)) for field in fields(Anchors)))
    for view in (camera, replace(camera, world_to_camera=camera.world_to_camera.numpy())):  # a camera may be of either
        found_index, found = spawn_visible(in_numpy, FrozenDecoders(networks_of(decoders)), view)
        assert 50 < len(index) < 400 and len(expected.slots) > 200
        for ours, theirs in ((found_index, index), (found.slots, expected.slots), (found.owner, expected.owner)):
            assert ours.tolist() == theirs.tolist()
        assert np.allclose(found.opacity, expected.opacity, atol=1e-6)
        for field in fields(found.gaussians):
            ours, theirs = getattr(found.gaussians, field.name), getattr(expected.gaussians, field.name)
            assert ours.dtype == np.float32 and np.allclose(ours, theirs, rtol=2e-5, atol=2e-6)
