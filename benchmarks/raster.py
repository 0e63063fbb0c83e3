"""Speed of the CPU renderer: counts x channels x image sizes, against the torch oracle where that is feasible.

Writes results/raster.json and results/raster.png beside this file. Times are wall times of an otherwise idle machine;
compare runs of different machines by their ratios only.

    python benchmarks/raster.py [--scene ../shared/data/test_garden.npz | --synthetic]

The scene is a point cloud in an .npz with ``means3d`` (N 3), ``colors`` (N 3), ``viewmats`` (V 4 4), ``Ks`` (V 3 3) and
``width``, ``height``, as gsplat's test_garden.npz. Scales are the distance to the 3 nearest neighbours times
lognormal(0.6), opacities sigmoid(N(0, 2)); more points than there are come from jittered copies.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from statistics import median

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree

from csgaussian_ns.core.cores import available_cores
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.rasterizer import Rasterizer

RESULTS = Path(__file__).parent / "results"
COUNTS = (10_000, 50_000, 200_000, 1_000_000)
CHANNELS = (3, 9)
SIZES = ((200, 150), (480, 270), (960, 540))
REFERENCE = (1000, 3, 64, 48)  # count, channels, width, height: what the dense oracle can do
FIRST_CALL = """
import time; start = time.perf_counter()
import torch; loaded = time.perf_counter()
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.render.backend import choose_rasterizer
view = Camera(torch.eye(4), 50., 50., 32., 24., 64, 48)
tensors = [torch.rand(9, n) + 1 for n in (3, 4, 3)] + [torch.rand(9), torch.rand(9, 3)]
model = Gaussians(*(t.requires_grad_() for t in tensors))
choose_rasterizer("cpu", "cpu")(model, view).image.sum().backward()
print(time.perf_counter() - loaded)
"""


@dataclass(frozen=True)
class Cloud:
    """Coloured points and the camera that looks at them."""

    points: NDArray[np.float64]
    colors: NDArray[np.float64]
    camera: Camera


@dataclass(frozen=True)
class Row:
    """One line of the table; times in milliseconds."""

    gaussians: int
    visible: int
    channels: int
    width: int
    height: int
    forward_min: float
    forward_median: float
    both_min: float
    both_median: float


def load_cloud(path: Path) -> Cloud:
    """The point cloud and first view of an .npz as described above."""
    if not path.is_file():
        sys.exit(f"no scene at {path}: pass --scene FILE.npz (layout: {Path(__file__).name} --help) or --synthetic")
    with np.load(path, allow_pickle=False) as data:  # noqa: TID251  # plain arrays only
        k = data["Ks"][0]
        view = torch.tensor(data["viewmats"][0], dtype=torch.float32)
        width, height = int(data["width"]), int(data["height"])
        camera = Camera(view, float(k[0, 0]), float(k[1, 1]), width / 2, height / 2, width, height)
        return Cloud(data["means3d"].astype(float), data["colors"] / 255.0, camera)


def synthetic_cloud() -> Cloud:
    """Noisy surfaces of three spheres, seen from outside."""
    random = np.random.default_rng(0)
    ways = random.normal(size=(100_000, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    points = ways * random.choice([0.5, 1.0, 2.0], size=(100_000, 1)) + random.normal(0, 0.01, (100_000, 3))
    view = torch.eye(4)
    view[2, 3] = 3.0
    return Cloud(points, random.random((100_000, 3)), Camera(view, 500.0, 500.0, 320.0, 180.0, 640, 360))


def neighbour_distance(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square distance to the 3 nearest neighbours."""
    distances, _ = KDTree(points).query(points, k=4, workers=-1)
    return np.sqrt((distances[:, 1:] ** 2).mean(1))


def scene_of(cloud: Cloud, count: int, channels: int) -> Gaussians:
    """``count`` Gaussians that look like a trained scene."""
    random = np.random.default_rng(0)
    have = len(cloud.points)
    if count <= have:
        points = cloud.points[random.permutation(have)[:count]]
    else:
        chosen = np.concatenate([np.arange(have)] * (count // have) + [random.permutation(have)[: count % have]])
        spread = neighbour_distance(cloud.points)
        spread = np.minimum(spread, np.quantile(spread, 0.95))[chosen, None]
        points = cloud.points[chosen] + 0.7 * spread * random.normal(size=(count, 3))
    size = neighbour_distance(points)
    scales = np.clip(size, 1e-4, np.quantile(size, 0.98))[:, None] * random.lognormal(0, 0.6, (count, 3))
    opacities = 1 / (1 + np.exp(-2 * random.normal(size=count)))
    arrays = (points, random.normal(size=(count, 4)), scales, opacities, random.random((count, channels)))
    return Gaussians(*(torch.tensor(array, dtype=torch.float32).requires_grad_() for array in arrays))


def resized(camera: Camera, width: int, height: int) -> Camera:
    """``camera`` with its horizontal field of view on another image size."""
    scale = width / camera.width
    fx, fy = camera.fx * scale, camera.fy * scale
    return replace(camera, fx=fx, fy=fy, cx=width / 2, cy=height / 2, width=width, height=height)


def measure(rasterizer: Rasterizer, model: Gaussians, camera: Camera, repeats: int) -> Row:
    """Time forward, and forward with backward, after one call that compiles."""
    forward, both, drawn = [], [], 0

    def count(gradient: torch.Tensor, visible: torch.Tensor) -> None:
        nonlocal drawn
        del gradient
        drawn = int(visible.sum())

    rasterizer(model, camera, observer=count).image.sum().backward()
    for _ in range(repeats + 1):
        for tensor in vars(model).values():
            tensor.grad = None
        start = time.perf_counter()
        out = rasterizer(model, camera)
        forward.append((time.perf_counter() - start) * 1e3)
        torch.autograd.backward([out.image, out.alpha], [torch.ones_like(out.image), torch.ones_like(out.alpha)])
        both.append((time.perf_counter() - start) * 1e3)
        del out  # as training does: its memory is what the next call reuses
    forward, both = forward[1:], both[1:]
    shape = model.means.shape[0], drawn, model.colors.shape[1], camera.width, camera.height
    return Row(*shape, min(forward), median(forward), min(both), median(both))


def first_calls() -> tuple[float, float]:
    """Seconds of a process's first forward and backward, imports of torch apart: without and with numba's cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        command = [sys.executable, "-c", FIRST_CALL]
        root = Path(__file__).resolve().parents[1]
        seconds = [
            float(subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True, text=True).stdout)
            for _ in range(2)
        ]
    return seconds[0], seconds[1]


def machine() -> dict[str, str | int | float]:
    """What the numbers depend on, the load by other work included (this measurement itself adds about 2)."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "threads": available_cores(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": numba.__version__,
        "numpy": np.__version__,
    }


def plot(rows: list[Row], path: Path) -> None:
    """Forward and backward time over the number of Gaussians, one line per image size and channel count."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5))
    for width, height, channels in sorted({(row.width, row.height, row.channels) for row in rows}):
        line = [row for row in rows if (row.width, row.height, row.channels) == (width, height, channels)]
        style = "-o" if channels == min(row.channels for row in rows) else "--o"
        label = f"{width} x {height}, {channels} channels"
        axes.loglog([row.gaussians for row in line], [row.both_min for row in line], style, label=label)
    axes.set(xlabel="Gaussians in the scene", ylabel="forward + backward, ms", title=str(machine()["cpu"]))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def options() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", type=Path, default=Path("../shared/data/test_garden.npz"))
    parser.add_argument("--synthetic", action="store_true", help="a random scene instead of --scene")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--repeats", type=int, default=10)
    return parser.parse_args()


def main() -> None:
    """Measure, print, write."""
    arguments = options()
    cloud = synthetic_cloud() if arguments.synthetic else load_cloud(arguments.scene)
    setting = machine()
    compile_seconds, start_seconds = first_calls()
    print(f"load average {setting['load_average']:.1f}; numbers count only where it was near 0 before")
    print(f"first call {compile_seconds:.1f} s, with cache {start_seconds:.2f} s", flush=True)
    cpu, rows = choose_rasterizer("cpu", "cpu"), []
    print("gaussians  visible  channels       size   forward min/median   + backward min/median, ms")
    for count in arguments.counts:
        for channels in CHANNELS:
            model = scene_of(cloud, count, channels)
            for width, height in SIZES:
                row = measure(cpu, model, resized(cloud.camera, width, height), arguments.repeats)
                rows.append(row)
                print(
                    f"{row.gaussians:9} {row.visible:8} {row.channels:9} {row.width:6}x{row.height:<4}"
                    f"{row.forward_min:9.1f} /{row.forward_median:7.1f} {row.both_min:12.1f} /{row.both_median:7.1f}",
                    flush=True,
                )
    count, channels, width, height = REFERENCE
    model, camera = scene_of(cloud, count, channels), resized(cloud.camera, width, height)
    pair = [measure(choose_rasterizer(name, "cpu"), model, camera, 10) for name in ("cpu", "reference")]
    ratio = pair[1].both_min / pair[0].both_min
    print(f"{count} Gaussians at {width} x {height}: torch oracle takes {ratio:.0f} times as long")
    record = {
        "date": date.today().isoformat(),
        "machine": setting,
        "scene": "synthetic" if arguments.synthetic else arguments.scene.name,
        "first_call_seconds": {"compiling": compile_seconds, "from_cache": start_seconds},
        "rows": [asdict(row) for row in rows],
        "oracle": {"cpu": asdict(pair[0]), "reference": asdict(pair[1]), "ratio": ratio},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "raster.json").write_text(json.dumps(record, indent=1) + "\n")
    plot(rows, RESULTS / "raster.png")


if __name__ == "__main__":
    main()
