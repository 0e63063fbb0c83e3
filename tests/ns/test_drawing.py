"""What is drawn of a view, and layers of anchors as colour maps can show them."""

import pytest
import torch

from csgaussian_ns.core.types import Camera, Gaussians, Rendering
from csgaussian_ns.ns import drawing
from csgaussian_ns.ns.drawing import decoded_outputs, share_of_most
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.sfm_init import anchors_from_points
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.schedule import LITE_PLAN
from csgaussian_ns.stages.settings import SceneSettings
from tests.scene.scenes import camera_at


class Watched:
    """A rasteriser that remembers what was asked of it: channels, and whether depth was."""

    name = "watched"

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []
        self._inner = choose_rasterizer("cpu", "cpu")

    def __call__(
        self, gaussians: Gaussians, camera: Camera, background=None, with_depth: bool = False, observer=None
    ) -> Rendering:
        self.asked.append((gaussians.colors.shape[1], with_depth))
        return self._inner(gaussians, camera, background, with_depth, observer)


@pytest.fixture
def trained() -> TrainableScene:
    """A scene whose rate is paid for, of random anchors."""
    torch.manual_seed(0)
    points = torch.rand(300, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    plan = LITE_PLAN.scaled_to(1000)
    scene = TrainableScene(anchors_from_points(points, 20, 4, None), plan, SceneSettings())
    torch.nn.init.normal_(scene.anchors.feature)
    scene.begin_step(plan.rate_from)
    return scene.eval()


def test_colour_alone_is_drawn_until_somebody_asks_for_more(trained: TrainableScene, monkeypatch: pytest.MonkeyPatch):
    asked = Watched()
    shares: list[int] = []
    monkeypatch.setattr(drawing, "share_of_most", lambda bits: shares.append(len(bits)) or share_of_most(bits))
    camera, black = camera_at(3.0), torch.zeros(3)
    outputs = decoded_outputs(trained, camera, asked, black)
    assert asked.asked == [(3, False)] and not shares and outputs.drawn == {"rgb", "accumulation"}
    assert list(outputs) == ["rgb", "accumulation", "depth", "anchor_bits", "feature_step"] and "depth" in outputs
    assert outputs["rgb"].std() > 0.01 and asked.asked == [(3, False)]
    assert outputs["feature_step"].shape == (*outputs["rgb"].shape[:2], 1)
    assert asked.asked[1:] == [(2, False)] and len(shares) == 1 and outputs["anchor_bits"].max() > 0.1
    depth = outputs["depth"]
    assert asked.asked[2:] == [(1, True)] and outputs["depth"] is depth and len(asked.asked) == 3
    seen = decoded_outputs(trained, camera, asked, black)
    everything = torch.cat([seen[name] for name in seen], dim=-1)
    assert torch.equal(everything, torch.cat([outputs[name] for name in outputs], dim=-1))


def test_outputs_are_of_the_scene_as_it_was(trained: TrainableScene):
    camera, black = camera_at(3.0), torch.zeros(3)
    first, later = (decoded_outputs(trained, camera, choose_rasterizer("cpu", "cpu"), black) for _ in range(2))
    expected = {name: image.clone() for name, image in first.items()}
    trained.anchors.grid = trained.anchors.grid + 3  # training has gone on
    trained.step += 1
    assert all(torch.equal(later[name], image) for name, image in expected.items())


def test_outputs_take_what_viewers_add_to_them(trained: TrainableScene):
    outputs = decoded_outputs(trained, camera_at(3.0), choose_rasterizer("cpu", "cpu"), torch.zeros(3))
    outputs["gl_z_buf_depth"] = outputs["depth"]
    assert outputs["gl_z_buf_depth"] is outputs["depth"] and len(outputs) == 6
    del outputs["gl_z_buf_depth"]
    assert "gl_z_buf_depth" not in outputs


def test_bits_are_shown_as_a_share_of_what_dear_anchors_take():
    bits = torch.cat([torch.zeros(500), torch.arange(1.0, 101.0), torch.tensor([9e9])])
    shares = share_of_most(bits)
    assert shares[:500].eq(0).all() and torch.allclose(shares[500:600], torch.arange(1.0, 101.0) / 100)
    assert shares[600] == 1
    assert share_of_most(torch.zeros(3)).tolist() == [0, 0, 0] and share_of_most(torch.tensor([7.0])).tolist() == [1]
