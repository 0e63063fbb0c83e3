"""From anchors to Gaussians: the formulas of Scaffold-GS, and which anchors a camera needs."""

import torch

from csgaussian_ns.scene.decoders import Decoded, Decoders
from csgaussian_ns.scene.spawn import spawn, visible_anchors
from tests.scene.scenes import camera_at, grid_anchors


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
    gaussians, slots, index, opacity = spawn(anchors, decoders, camera)

    assert index.tolist() == [0, 1] and slots.tolist() == [0, 2, 3]
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
    gaussians = spawn(anchors, decoders, camera_at()).gaussians
    names = ("means", "quats", "scales", "opacities", "colors")
    torch.stack([(getattr(gaussians, name) ** 2).sum() for name in names]).sum().backward()
    for name, parameter in [*anchors.named_parameters(), *decoders.named_parameters()]:
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_only_anchors_in_reach_of_the_image_are_decoded():
    camera = camera_at(depth=5.0)  # half the image spans 5 * 32 / 60 = 2.7 units at the origin
    anchors = grid_anchors([[0, 0, 0], [5, 0, 0], [40, 0, 0], [0, 0, -20], [0, 0, -10]])
    assert visible_anchors(anchors, camera).tolist() == [0, 1]  # beside, behind, and at the camera are left out
    anchors.scaling.data[2, :3] = 3.0  # now its offsets reach 20 units
    assert visible_anchors(anchors, camera).tolist() == [0, 1, 2]


def test_an_off_centre_principal_point_moves_the_frustum():
    anchors = grid_anchors([[7, 0, 0], [-7, 0, 0]])
    camera = camera_at(depth=5.0)
    shifted = type(camera)(camera.world_to_camera, 60.0, 60.0, -10.0, 24.0, 64, 48)
    assert visible_anchors(anchors, shifted).tolist() == [0]


def test_a_view_of_nothing_gives_no_gaussians():
    gaussians, slots, index, _ = spawn(grid_anchors([[0, 0, -100]]), Decoders(4, 3, 8), camera_at())
    assert len(index) == len(slots) == len(gaussians.means) == 0
