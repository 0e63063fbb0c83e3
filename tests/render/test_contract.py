"""What growth relies on: every renderer tells an observer where the loss wants the projected Gaussians to go."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from csgaussian_ns.core.errors import ContractError
from csgaussian_ns.core.types import Gaussians
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.projection import project
from csgaussian_ns.render.rasterizer import Rasterizer, observe_positions
from csgaussian_ns.render.reference import drawing_order, pixel_weights
from csgaussian_ns.scene.sfm_init import anchors_from_points
from csgaussian_ns.scene.spawn import spawn
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.schedule import LITE_PLAN
from csgaussian_ns.stages.settings import SceneSettings
from tests.render.fake_gsplat import BrokenRasterizer, gsplat_on_the_cpu
from tests.render.scenes import FIELDS, SCENES, Observed, Scene, camera, gaussians
from tests.scene.scenes import camera_at


@pytest.fixture(params=["cpu", "reference", "gsplat above the oracle", pytest.param("gsplat", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Rasterizer, str]:
    """Every renderer, and the device it draws on."""
    if request.param == "gsplat above the oracle":
        return gsplat_on_the_cpu(monkeypatch), "cpu"
    device = "cuda" if request.param == "gsplat" else "cpu"
    return choose_rasterizer(request.param, device), device


def a_loss(rasterizer: Rasterizer, scene: Scene, device: str, observer: Observed | None) -> Tensor:
    model = Gaussians(*(getattr(scene.gaussians, name).to(device).detach().requires_grad_() for name in FIELDS))
    background = None if scene.background is None else scene.background.to(device)
    image = rasterizer(model, scene.camera, background, observer=observer).image
    weights = torch.linspace(-1, 1, image.numel(), device=device).reshape(image.shape)
    return (image * weights).mean()


@pytest.mark.parametrize("name", ["plain", "background", "eleven channels", "partly behind", "nothing visible"])
def test_position_gradients_reach_the_observer_once_per_backward_pass(backend: tuple[Rasterizer, str], name: str):
    rasterizer, device = backend
    seen, scene = Observed(), SCENES[name]()
    loss = a_loss(rasterizer, scene, device, seen)
    assert seen.calls == []
    loss.backward(retain_graph=True)
    loss.backward()
    assert len(seen.calls) == 2
    (gradient, visible), (again, _) = seen.calls
    assert gradient.shape == (150, 2) and visible.shape == (150,) and torch.equal(gradient, again)
    assert not gradient.requires_grad and torch.isfinite(gradient).all() and not gradient[~visible].any()
    assert bool(gradient.any()) == bool(visible.any()) == (name != "nothing visible")


def test_they_are_derivatives_by_pixels(backend: tuple[Rasterizer, str]):
    # Moving the principal point moves every projected centre alike. Three wide Gaussians: no footprint ends inside.
    rasterizer, device = backend
    seen, scene = Observed(), Scene(gaussians(3, seed=5, size=0.5), camera(4, 3))
    a_loss(rasterizer, scene, device, seen).backward()
    ((gradient, _),) = seen.calls
    step = 0.02

    def shifted(by: float) -> float:
        view = replace(scene.camera, cx=scene.camera.cx + by)
        with torch.no_grad():
            return float(a_loss(rasterizer, replace(scene, camera=view), device, None))

    slope = (shifted(step) - shifted(-step)) / (2 * step)
    assert float(gradient[:, 0].sum()) == pytest.approx(slope, rel=0.05)


def test_nobody_is_called_without_gradient(backend: tuple[Rasterizer, str]):
    rasterizer, device = backend
    seen = Observed()
    with torch.no_grad():
        a_loss(rasterizer, SCENES["plain"](), device, seen)
    assert seen.calls == []


def test_a_copy_of_the_centres_is_refused():
    with pytest.raises(ContractError, match="not a detached copy"):
        a_loss(BrokenRasterizer(copies=True), SCENES["plain"](), "cpu", Observed())
    observe_positions(torch.zeros(3, 2), torch.ones(3, dtype=torch.bool), Observed())  # no gradient: nothing to observe


def drawn(scene: Scene, cut: float | None = None) -> Tensor:
    """Which Gaussians contribute to a pixel, by the oracle; with ``cut``, to one inside ceil(cut sigma) pixels."""
    model = Gaussians(*(getattr(scene.gaussians, name).double() for name in FIELDS))
    projected, view = project(model, scene.camera), scene.camera
    order = drawing_order(projected)
    blend = pixel_weights(projected, model.opacities, order, view).blend > 0
    if cut is not None:
        y, x = torch.meshgrid(torch.arange(view.height), torch.arange(view.width), indexing="ij")
        pixels = torch.stack([x, y], -1).reshape(-1, 1, 2) + 0.5
        reach = torch.ceil(cut * widest(projected.covariances[order]))
        blend &= ((pixels - projected.means2d[order]).abs() <= reach[:, None]).all(-1)
    found = torch.zeros(len(model.opacities), dtype=torch.bool)
    found[order] = blend.any(0)
    return found


def widest(covariances: Tensor) -> Tensor:
    """Standard deviation along the widest direction, in pixels."""
    return torch.linalg.eigvalsh(covariances)[:, 1].sqrt()


def allowed(scene: Scene) -> Tensor:
    """Which Gaussians may be called visible."""
    model = Gaussians(*(getattr(scene.gaussians, name).double() for name in FIELDS))
    view, pose = scene.camera, scene.camera.world_to_camera.double()
    x, y, z = (model.means @ pose[:3, :3].T + pose[:3, 3]).unbind(-1)
    centres = torch.stack([view.fx * x / z + view.cx, view.fy * y / z + view.cy], -1)
    reach = (3.34 * widest(project(model, view).covariances) + 2)[:, None]
    size = torch.tensor([view.width, view.height])
    return (z > 0.0099) & ((centres + reach > 0) & (centres - reach < size)).all(-1)


VISIBLE = [name for name in SCENES if name != "no gaussians"]


@pytest.mark.parametrize("name", VISIBLE)
def test_visible_holds_what_is_drawn_and_little_more(backend: tuple[Rasterizer, str], name: str):
    rasterizer, device = backend
    seen, scene = Observed(), SCENES[name]()
    a_loss(rasterizer, scene, device, seen).backward()
    ((_, visible),) = seen.calls
    must, may = drawn(scene, cut=3.0 if device == "cuda" else None), allowed(scene)
    assert not (must & ~visible).any() and not (visible & ~may).any()
    if name == "plain":
        assert 20 < must.sum() <= visible.sum() <= may.sum() < 150  # neither bound lets everything pass


@pytest.mark.parametrize("name", VISIBLE)
def test_the_cpu_sees_just_what_the_oracle_sees(name: str):
    ours, oracle, scene = Observed(), Observed(), SCENES[name]()
    a_loss(choose_rasterizer("cpu", "cpu"), scene, "cpu", ours).backward()
    a_loss(choose_rasterizer("reference", "cpu"), scene, "cpu", oracle).backward()
    assert torch.equal(ours.calls[0][1], oracle.calls[0][1])


@pytest.mark.parametrize("name", VISIBLE)
def test_what_gsplat_calls_visible_keeps_the_promise(name: str):
    """By gsplat's own projection in plain torch: that one runs without a GPU."""
    gsplat = pytest.importorskip("gsplat.cuda._torch_impl", reason="gsplat comes with the extra [train]")
    scene = SCENES[name]()
    model, view = scene.gaussians, scene.camera
    matrix = torch.tensor([[view.fx, 0, view.cx], [0, view.fy, view.cy], [0, 0, 1]])
    covariances, _ = gsplat._quat_scale_to_covar_preci(model.quats, model.scales, True, False)
    pose = view.world_to_camera[None]
    radii = gsplat._fully_fused_projection(model.means, covariances, pose, matrix[None], view.width, view.height)[0]
    visible = radii[0] > 0
    assert not (drawn(scene, cut=3.0) & ~visible).any() and not (visible & ~allowed(scene)).any()


def a_scene() -> TrainableScene:
    torch.manual_seed(0)
    points = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    scene = TrainableScene(anchors_from_points(points, 20, 4, None), LITE_PLAN.scaled_to(200), SceneSettings())
    scene.begin_step(scene.plan.grow_from)
    return scene


def one_step(scene: TrainableScene, rasterizer: Rasterizer) -> None:
    view = camera_at(3.0)
    index, quantised = scene.in_training(view)
    spawned = spawn(quantised.anchors, scene.decoders, view)
    observer = scene.observer(index, spawned, (view.width, view.height))
    rasterizer(spawned.gaussians, view, observer=observer).image.sum().backward()


def test_a_scene_sees_gradients_with_every_renderer(backend: tuple[Rasterizer, str]):
    rasterizer, device = backend
    if device == "cuda":
        pytest.skip("the scene of this test is on the CPU")
    scene, expected = a_scene(), a_scene()
    one_step(scene, rasterizer)
    one_step(expected, choose_rasterizer("reference", "cpu"))
    scene.edit_anchors({})
    assert scene.statistics.hits.sum() > 50
    assert torch.equal(scene.statistics.hits, expected.statistics.hits)
    torch.testing.assert_close(scene.statistics.gradient_sum, expected.statistics.gradient_sum, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("rasterizer", [BrokenRasterizer(copies=False), BrokenRasterizer(copies=True)])
def test_training_stops_where_a_renderer_keeps_the_gradients_to_itself(rasterizer: Rasterizer):
    scene = a_scene()
    with pytest.raises(ContractError, match=r"call the observer|detached copy"):
        one_step(scene, rasterizer)
        scene.edit_anchors({})
