"""The CPU renderer beyond its numbers: determinism, threads, forks, speed that must not be lost silently, errors."""

import inspect
import math
import multiprocessing
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numba import njit
from torch import Tensor

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.core.types import Gaussians
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.cpu import CpuRasterizer
from csgaussian_ns.render.cpu_binning import TILE_PIXELS
from csgaussian_ns.render.cpu_jit import MIN_LEVEL, kernel
from csgaussian_ns.render.cpu_lanes import FIXED_RUNS, MAX_GROUP, draw, undraw
from tests.render.scenes import FIELDS, Observed, camera, gaussians

ROOT = Path(__file__).resolve().parents[2]
# Without the run-time checks of annotations, which tests have and users do not.
unchecked_call = inspect.unwrap(CpuRasterizer.__call__)


def everything(threads: int | None = None, seed: int = 0) -> list[Tensor]:
    """All outputs and all gradients of one call."""
    cloud = gaussians(3000, seed=seed)
    model = Gaussians(*(getattr(cloud, name).clone().requires_grad_() for name in FIELDS))
    background = torch.full((3,), 0.5, requires_grad=True)
    seen = Observed()
    out = CpuRasterizer(threads)(model, camera(167, 101), background, True, seen)
    assert out.depth is not None
    (out.image.square().sum() + out.alpha.sum() + out.depth.sum()).backward()
    gradients = [getattr(model, name).grad for name in FIELDS] + [background.grad]
    return [out.image, out.alpha, out.depth, *seen.calls[0], *gradients]


def same(ours: list[Tensor], theirs: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_same_bits_for_any_number_of_threads(threads):
    assert same(everything(threads), everything(1))


def test_two_threads_may_render_at_once():
    alone = [everything(seed=seed) for seed in (1, 2)]
    wrong: list[int] = []

    def work(seed: int) -> None:
        for _ in range(6):
            if not same(everything(seed=seed), alone[seed - 1]):
                wrong.append(seed)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert not worker.is_alive()
    assert wrong == []


def _render_in_child(cloud: Gaussians, results: Any) -> None:
    with torch.no_grad():
        results.put(CpuRasterizer(2)(cloud, camera()).image.numpy())


def test_forked_processes_may_render():
    cloud = gaussians()
    expected = CpuRasterizer(2)(cloud, camera()).image.numpy()  # our threads run before the fork
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_render_in_child, args=(cloud, results))
    child.start()
    child.join(60)
    assert child.exitcode == 0, "the child hung or died"
    assert np.array_equal(results.get(), expected)


SECOND_PROCESS = """
import torch
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.render import cpu, cpu_blending, cpu_gather, cpu_projection
view = Camera(torch.eye(4), 50., 50., 32., 24., 64, 48)
tensors = [torch.rand(9, n) + 1 for n in (3, 4, 3)] + [torch.rand(9), torch.rand(9, 3)]
cpu.CpuRasterizer()(Gaussians(*(t.requires_grad_() for t in tensors)), view).image.sum().backward()
kernels = (cpu_projection.project, cpu_blending.blend_forward, cpu_blending.blend_backward, cpu_gather.gather_gradients)
print(sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels))
"""


def test_second_process_compiles_nothing():
    # A kernel that closes over another one has a new cache key in each process: 3 s per start, and a growing cache.
    command = [sys.executable, "-c", SECOND_PROCESS]
    runs = [subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    assert int(runs[1]) == 0


def test_no_gradient_is_kept_where_none_is_wanted():
    out = CpuRasterizer()(gaussians(), camera())
    assert not out.image.requires_grad
    with torch.no_grad():
        out = CpuRasterizer()(replace(gaussians(), colors=torch.rand(150, 3, requires_grad=True)), camera())
    assert not out.image.requires_grad


def test_broken_gaussians_are_not_drawn_and_spoil_nothing():
    cloud = gaussians()
    for name, value in (("means", math.nan), ("scales", math.inf), ("scales", math.nan), ("quats", 0.0)):
        broken = getattr(cloud, name).clone()
        broken[7] = value
        model = replace(cloud, **{name: broken})
        model = Gaussians(*(getattr(model, field).clone().requires_grad_() for field in FIELDS))
        seen = Observed()
        out = CpuRasterizer()(model, camera(), observer=seen)
        (out.image.sum() + out.alpha.sum()).backward()
        assert not seen.calls[0][1][7]
        assert all(torch.isfinite(getattr(model, field).grad).all() for field in FIELDS)
        opacities = torch.where(torch.arange(150) == 7, 0.0, cloud.opacities)
        assert torch.equal(out.image.detach(), CpuRasterizer()(replace(cloud, opacities=opacities), camera()).image)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"means": torch.zeros(150, 2)}, ["gaussians.means", "(150, 3)", "(150, 2)"]),
        ({"quats": torch.zeros(149, 4)}, ["gaussians.quats", "(150, 4)", "(149, 4)"]),
        ({"opacities": torch.zeros(150, 1)}, ["gaussians.opacities", "(150,)"]),
        ({"colors": torch.zeros(150, 0)}, ["gaussians.colors", "at least 1"]),
        ({"scales": torch.zeros(150, 3).double()}, ["gaussians.scales", "float32", "float64", ".to("]),
        ({"means": torch.zeros(150, 3, device="meta")}, ["gaussians.means", "cpu", "meta", ".to("]),
    ],
)
def test_wrong_inputs_are_named(changes, words):
    cloud = gaussians()
    for name, value in changes.items():  # the annotations of the record would already refuse some in tests
        object.__setattr__(cloud, name, value)
    with pytest.raises(ConfigError) as error:
        unchecked_call(CpuRasterizer(), cloud, camera())
    assert all(word in str(error.value) for word in words)


def test_wrong_background_is_named():
    with pytest.raises(ConfigError, match="background: expected one value for each of the 3 channels"):
        unchecked_call(CpuRasterizer(), gaussians(), camera(), torch.zeros(4))


def test_choice_of_a_renderer(monkeypatch):
    assert choose_rasterizer("auto", "cpu").name == "cpu"
    assert choose_rasterizer("reference", torch.device("cpu")).name == "reference"
    with pytest.raises(ConfigError, match="auto, gsplat, cpu, reference"):
        choose_rasterizer("opengl", "cpu")
    with pytest.raises(BackendUnavailable, match="CUDA tensors only"):
        choose_rasterizer("gsplat", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendUnavailable, match="torch sees none"):
        choose_rasterizer("auto", "cuda")


# ------------------------------------------------------------------------------------- speed, as ratios only


def fastest(work: Callable[[], Any], repeats: int = 15) -> float:
    """Shortest CPU time of this thread: other processes can only lengthen it."""
    best = math.inf
    for _ in range(repeats):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best


def _float_operations(work: Any, channels: int, *more: Any) -> tuple[int, int]:
    """How many arithmetic instructions of ``work`` on all lanes of a tile take vectors of floats, and how many one."""
    options = {name: value for name, value in work.targetoptions.items() if name != "nopython"}
    anew = njit(**options)(work.py_func)  # machine code that was kept has no text

    @njit
    def on_tile(lanes, param, color, *zeros):
        for _ in range(2):  # as the kernels call it: in a loop over splats
            anew(lanes, 0, TILE_PIXELS, param, color, np.float32(1), *zeros)

    lanes = np.zeros((FIXED_RUNS + channels) * TILE_PIXELS, np.float32)
    on_tile(lanes, np.zeros(6, np.float32), (np.float32(0.5),) * channels, *more)
    (text,) = on_tile.inspect_llvm().values()
    vectors, single = (
        len(re.findall(rf"= f(?:add|sub|mul) (?:[a-z]+ )*{kind} ", text)) for kind in (r"<\d+ x float>", "float")
    )
    return vectors, single


def _scalar_draw(lanes, start, stop, param, color, rank):
    """What ``draw`` does for 3 channels, but so that nothing can be vectorised: libc's exp, signed indices."""
    for p in range(start, stop):
        r1 = param[2] * lanes[p] + param[3] * lanes[p + TILE_PIXELS] + param[0]
        r2 = param[4] * lanes[p + TILE_PIXELS] + param[1]
        log_alpha = param[5] - r1 * r1 - r2 * r2
        before = lanes[p + 2 * TILE_PIXELS]
        weight = before * min(0.999, math.exp(log_alpha * 0.6931472)) if log_alpha >= MIN_LEVEL else 0.0
        if before - weight > 1e-4:
            lanes[p + 2 * TILE_PIXELS] = before - weight
            lanes[p + 3 * TILE_PIXELS] = rank
            for k in range(3):
                lanes[p + (5 + k) * TILE_PIXELS] += weight * color[k]


# Times cannot tell: on a shared machine the ratio to scalar code was seen anywhere between 0.04 and 0.7.
@pytest.mark.parametrize("channels", [1, 3, MAX_GROUP])
@pytest.mark.parametrize("work", [draw, undraw])
def test_drawing_is_vectorised(work, channels):
    zeros = () if work is draw else ((np.float32(0),) * channels,)
    vectors, single = _float_operations(work, channels, *zeros)
    assert vectors >= 10
    assert single == 0


def test_code_that_is_not_vectorised_is_told_apart():
    vectors, single = _float_operations(njit(_scalar_draw), 3)
    assert (vectors, single > 5) == (0, True)


def test_time_grows_with_what_is_visible():
    view = camera(96, 64)

    def render(cloud: Gaussians) -> Callable[[], None]:
        model = Gaussians(*(getattr(cloud, name).clone().requires_grad_() for name in FIELDS))
        return lambda: CpuRasterizer(threads=1)(model, view).image.sum().backward()

    seen, unseen = gaussians(20_000), gaussians(100_000)
    behind = replace(unseen, means=unseen.means + 1000 * view.world_to_camera[2, :3] * -1)
    both = Gaussians(*(torch.cat([getattr(seen, name), getattr(behind, name)]) for name in FIELDS))
    render(seen)()
    few, many = fastest(render(seen), 5), fastest(render(both), 5)
    assert many < 2 * few  # measured: 1.2; six times as many Gaussians exist


def test_kernels_release_the_gil():
    @kernel
    def spin(count):
        x = 0.0
        for i in range(count):
            x += math.sin(i)
        return x

    spin(1)
    worker = threading.Thread(target=spin, args=(30_000_000,))
    worker.start()
    ticks = 0
    while worker.is_alive():
        ticks += 1
        time.sleep(0.001)
    assert ticks > 10
