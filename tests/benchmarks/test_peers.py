"""``benchmarks/peers.py``: its 3DGS learns, grows, prunes; its files hold the scene; the README says what it found."""

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.core.types import Camera
from csgaussian_ns.export.measure import likeness
from csgaussian_ns.export.write import write
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.draw import draw
from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS
from csgaussian_ns.scene.spherical_harmonics import colours as of_receiver
from csgaussian_ns.scene.splats import Splats
from tests.export.scenes import random_gaussians, ring

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a script of the benchmarks."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module


@pytest.fixture
def plain(module: Any) -> ModuleType:
    return module("peers_3dgs")


@pytest.fixture
def runs() -> list[dict[str, Any]]:
    return json.loads((ROOT / "benchmarks/results/peers_cpu.json").read_text())["runs"]


def a_run(plain: ModuleType, steps: int) -> tuple[Any, list[tuple[Camera, torch.Tensor]]]:
    """A run on a cloud of Gaussians, some of whose places are known, and its photos."""
    truth, cameras = random_gaussians(200), ring(6)
    photos = [torch.from_numpy(draw(truth, camera).image.clip(0, 1)) for camera in cameras]
    start = plain.Start(torch.from_numpy(truth.means[:80]), torch.full((80, 3), 0.5), plain.extent_of(cameras))
    return plain.Plain3DGS(start, steps, choose_rasterizer("cpu", "cpu")), list(zip(cameras, photos, strict=True))


def test_3dgs_learns_grows_and_prunes(plain: ModuleType):
    run, views = a_run(plain, 120)
    assert (run.strategy.refine_start_iter, run.strategy.refine_stop_iter, run.strategy.reset_every) == (2, 60, 12)
    run.strategy.refine_every, run.strategy.reset_every = 20, 1000  # in so short a run
    with torch.no_grad():
        run.values["opacities"][:7] = -20.0
        doomed = run.values["means"][:7].clone()
    losses: list[float] = []
    scene = plain.train(run, lambda step: views[step % len(views)], lambda step, loss: losses.append(loss))
    assert np.mean(losses[-6:]) < 0.75 * np.mean(losses[:6])
    assert len(scene.means) == len(run) > 100
    away = np.linalg.norm(scene.means[:, None] - doomed.numpy()[None], axis=2).min(axis=0)
    assert (away > 0).all(), "what is transparent is still there"
    assert scene.degree == 3 and np.abs(scene.harmonics[:, 9:]).max() > 0, "degree 3 is not trained"
    camera, photo = views[0]
    assert np.square(draw(scene, camera).image - photo.numpy()).mean() < 0.02


def test_the_strategy_gets_gradients_of_half_an_image(plain: ModuleType):
    """What gsplat's rasteriser would tell: gradients by view and Gaussian, and which of them count."""
    run, views = a_run(plain, 1000)
    camera, photo = views[0]
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    gradients = plain.ScreenGradients(len(run), camera)

    def observe(gradient: torch.Tensor, visible: torch.Tensor) -> None:
        seen.append((gradient, visible))
        gradients(gradient, visible)

    image = choose_rasterizer("cpu", "cpu")(run.gaussians(camera), camera, observer=observe).image
    (image - photo).abs().mean().backward()
    run.strategy.step_post_backward(run.values, run.optimizers, run.state, 1, gradients.info())
    ((gradient, visible),) = seen
    expected = (gradient * torch.tensor([camera.width / 2, camera.height / 2])).norm(dim=1)
    assert visible.any() and expected[visible].max() > 0
    torch.testing.assert_close(run.state["grad2d"], expected)
    torch.testing.assert_close(run.state["count"], visible.float())


@pytest.mark.parametrize("degree", range(4))
def test_colours_are_those_of_a_receiver(module: Any, degree: int):
    generator = torch.Generator().manual_seed(degree)
    first, rest, places = (torch.randn(40, *size, generator=generator) for size in ((1, 3), (15, 3), (3,)))
    direction = torch.nn.functional.normalize(places, dim=1)
    colours = module("peers_colours").colours
    used = torch.cat([first, rest], dim=1)[:, : COEFFICIENTS[degree]]
    expected = of_receiver(used.numpy(), direction.numpy())
    np.testing.assert_allclose(colours(first, rest, direction, degree).numpy(), expected, atol=1e-5)
    direction.requires_grad_(degree > 0)
    rest.requires_grad_(degree > 0)
    if degree:
        weight = torch.randn(40, 3, generator=generator)
        (colours(first, rest, direction, degree) * weight).sum().backward()
        assert rest.grad is not None and direction.grad is not None
        along, step = torch.randn(40, 3, generator=generator), 1e-2
        ends = [colours(first, rest, direction + sign * step * along, degree) for sign in (1, -1)]
        slope = ((ends[0] - ends[1]) * weight).sum(dim=1) / (2 * step)
        inside = torch.minimum(*ends).min(dim=1).values > 0
        assert inside.sum() > 3
        torch.testing.assert_close((direction.grad * along).sum(dim=1)[inside], slope[inside], atol=2e-2, rtol=1e-2)
        assert rest.grad[:, COEFFICIENTS[degree] - 1 :].count_nonzero() == 0


def test_every_file_holds_the_scene(module: Any, tmp_path: Path):
    files = module("peers_files")
    scene, source = random_gaussians(300), tmp_path / "plain.ply"
    write(Splats(scene), source, z_up=True)
    least = {"SPZ 3": 40, "SPZ 4": 40, "compressed PLY": 25, "`csg import`": 38, "`csg import --step 2`": 30, "SOG": 30}
    found: dict[str, int] = {}
    for method, kind in files.KINDS.items():
        target = tmp_path / f"scene{kind.ending}"
        try:
            kind.write(source, target)
        except BackendUnavailable as error:
            assert method in ("3DGS, SOG", "3DGS, PNG of gsplat") and len(str(error)) > 40
            continue
        found[method] = files.size(target)
        assert likeness(kind.read(target), scene, ring(2)) > least.get(method.removeprefix("3DGS, "), 60), method
    assert len(found) >= 6 and found.pop(files.PLY) > 3 * max(found.values())


def test_the_table_of_the_readme_is_the_measured_one(module: Any, runs: list[dict[str, Any]]):
    peers = module("peers_table")
    assert peers.table(runs, "bonsai:1") in (ROOT / "README.md").read_text()


def test_equal_iterations_in_every_scene(module: Any, runs: list[dict[str, Any]]):
    peers = module("peers_table")
    by_scene: dict[str, set[str]] = {}
    for run in peers.newest(runs):
        assert "bytes" in run or len(run["missing"]) > 20
        by_scene.setdefault(run["scene"], set()).add(run["method"])
    assert by_scene and all(
        len([name for name in names if name.startswith(peers.OURS)]) == 3 for names in by_scene.values()
    )
    assert len({(run["scene"], run["steps"]) for run in runs}) == len(by_scene), "steps of one scene differ"
