"""Where a `.csg` stands among files of plain Gaussians: bytes, quality and times at equal iterations.

For each scene plain 3DGS is trained on the photos that ours is trained on, in the same order and from the same points,
and kept as a float PLY file. All other files of 3DGS are made of that one; ours are trained at several weights of the
rate. Quality is that of held-out photos against pictures that the CPU renderer draws of what a file holds. Encoding is
from a PLY file on disk to a file on disk, decoding from there to arrays that can be drawn, the first picture one
held-out view drawn after it: CPU time of this process and of those that it starts, which others on the machine disturb
less than wall time; the least of three up to 5 s, with kernels compiled.

Rows are added to results/peers_cpu.json as soon as they exist; those that are there are kept. Trained files lie in
``files``, with what was measured while they were trained, and are not trained again. SOG needs ``SPLAT_TRANSFORM`` or
splat-transform on PATH; a row that cannot be made says why.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/peers.py --data ../shared/data
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import numpy as np
import rate
import torch
import tyro
from common import RESULTS, Clock, Run, add_run, read_runs, trainer_for
from peers_3dgs import Plain3DGS, Start, View, extent_of, train
from peers_files import KINDS, PLY, Kind, size
from peers_table import KEY, OURS, newest, plot, table

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.core.files import replace_file
from csgaussian_ns.export.write import write
from csgaussian_ns.receiver.load import load
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.draw import draw
from csgaussian_ns.render.ssim import psnr, ssim
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.scene.splats import Splats

if TYPE_CHECKING:
    from csgaussian_ns.ns.datamanager import CSGaussianDataManager

DEMO = "demo"
"""Scene that is made where it is missing; the others lie in the folder of data."""
GREY = 0.5
"""Colour of first Gaussians where the capture has no point."""
TIMES, LONG = 3, 5.0
"""How often things are timed, and from how many seconds on not again."""


@dataclass
class Options:
    """Train, convert, read back, measure."""

    data: Path = Path("../shared/data")
    """Folder that holds the scenes."""
    scenes: tuple[str, ...] = ("demo:1", "bonsai:0.5", "fox:0.5")
    """``name:scale`` of each."""
    steps: int = 2000
    """Iterations of all trainings."""
    lambdas: tuple[float, ...] = (0.002, 0.004, 0.014)
    """Weights of the rate."""
    max_anchors: int = 100_000
    """Limit of our growth; 3DGS has none."""
    files: Path = Path("outputs/benchmark_peers")
    """Folder that keeps the files."""
    leave_out: tuple[str, ...] = ()
    """Methods to leave out, such as "3DGS, SOG", whose k-means of 10^5 Gaussians takes hours on a CPU."""
    results: Path = RESULTS
    """Folder of the figures."""

    @property
    def file(self) -> Path:
        """All records."""
        return self.results / "peers_cpu.json"


@dataclass(frozen=True)
class Place:
    """A scene, and where its files go."""

    scene: str
    options: Options

    @property
    def data(self) -> Path:
        """Folder of the scene's folder."""
        return self.options.files if self.scene.startswith(f"{DEMO}:") else self.options.data

    @property
    def plain(self) -> Path:
        """Float PLY of 3DGS."""
        return self.options.files / f"{self.scene.replace(':', '_')}_{self.options.steps}.ply"

    def run(self, weight: float) -> rate.Options:
        """Our training at one weight of the rate."""
        o = self.options
        plain = rate.Options(self.data, (self.scene,), (weight,), o.steps, o.max_anchors)
        return replace(plain, files=o.files)

    @cached_property
    def photos(self) -> "Photos":
        """Loaded where they are first needed."""
        return Photos.of(Run("csgaussian-lite", self.data, self.scene, self.options.steps, 0.0))


@dataclass(frozen=True)
class Photos:
    """A capture as our training sees it.

    Attributes:
        manager: Hands out training views in order.
        start: What 3DGS begins with.
        held_out: Views to measure on.
    """

    manager: "CSGaussianDataManager"
    start: Start
    held_out: list[View]

    @staticmethod
    def of(run: Run) -> "Photos":
        """Of the run that ours would be."""
        from csgaussian_ns.ns.datamanager import GAP_POINTS
        from csgaussian_ns.ns.pinhole import to_camera

        with tempfile.TemporaryDirectory() as folder:
            pipeline = trainer_for(run, Path(folder)).pipeline
        manager, cloud = pipeline.datamanager, pipeline.model.seed_points
        assert cloud is not None, "plain 3DGS needs the point cloud of the capture"
        points, colours = cloud[0].float(), cloud[1].float() / 255
        gaps = manager.train_dataset.metadata.get(GAP_POINTS)
        if gaps is not None:
            points, colours = torch.cat([points, gaps.to(points)]), torch.cat([colours, torch.full_like(gaps, GREY)])
        views = manager.train_dataset.cameras
        extent = extent_of([to_camera(views[index : index + 1]) for index in range(len(views))])
        held_out = [_view(*pair) for pair in manager.fixed_indices_eval_dataloader]
        return Photos(manager, Start(points, colours.float(), extent), held_out)

    def quality(self, scene: Scene) -> dict[str, float]:
        """Means over the held-out views."""
        found = []
        for camera, photo in self.held_out:
            image = torch.from_numpy(_drawn(scene, camera)).clamp(0, 1)
            found.append((float(psnr(image, photo)), float(ssim(image, photo))))
        return dict(zip(("psnr", "ssim"), np.mean(found, axis=0).tolist(), strict=True))


def _view(cameras: Any, batch: Any) -> View:
    from csgaussian_ns.ns.pinhole import to_camera
    from csgaussian_ns.ns.quality import compared

    black = torch.zeros(3)
    return to_camera(cameras), compared(torch.zeros(1), batch, black)[1]


def _drawn(scene: Scene, camera: Any) -> np.ndarray:
    return draw(scene, camera, np.zeros(3, np.float32)).image


def train_3dgs(place: Place) -> None:
    """Train plain 3DGS and keep it, with what it took."""
    photos, clock, began = place.photos, Clock(), len(place.photos.start.points)
    run = Plain3DGS(photos.start, place.options.steps, choose_rasterizer("cpu", "cpu"))
    lately: list[float] = []

    def told(step: int, loss: float) -> None:
        lately.append(loss)
        if step % 100 == 99:
            mean = sum(lately) / len(lately)
            print(f"{place.scene}: 3DGS, step {step + 1}, {len(run):,} Gaussians, loss {mean:.4f}", flush=True)
            lately.clear()

    clock.start()
    scene = train(run, lambda step: _view(*photos.manager.next_train(step)), told)
    clock.stop()
    facts = {"train_seconds": clock.seconds, "train_cpu_seconds": clock.cpu_seconds, "first_gaussians": began}
    write(Splats(scene), place.plain, z_up=True)
    _keep(place.plain, facts)


def train_ours(place: Place, weight: float) -> Path:
    """Train ours in a process of its own, if it is not there yet; the file."""
    point = place.run(weight)
    path = rate.file_of(point)
    if not path.with_suffix(".json").exists():
        _keep(path, rate.measure_elsewhere(point))
    return path


def _keep(path: Path, facts: dict[str, Any]) -> None:
    replace_file(path.with_suffix(".json"), (json.dumps(facts, indent=1) + "\n").encode())


def _facts(path: Path) -> dict[str, Any]:
    return json.loads(path.with_suffix(".json").read_text())


def rows(place: Place) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Method, and how to measure it."""
    for method, kind in KINDS.items():
        yield method, lambda method=method, kind=kind: of_3dgs(place, method, kind)
    for weight in place.options.lambdas:
        yield f"{OURS}{weight:g}", lambda weight=weight: of_ours(place, weight)


def of_3dgs(place: Place, method: str, kind: Kind) -> dict[str, Any]:
    """One file made of the float PLY file."""
    if not place.plain.with_suffix(".json").exists():
        train_3dgs(place)
    facts = _facts(place.plain) if method == PLY else {}
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, f"scene{kind.ending}")
        encode = _fastest(lambda: kind.write(place.plain, target))
        found = read_back(place, target, kind.read)
    return found | facts | {"encode": encode} | ({"by": kind.by} if kind.by else {})


def of_ours(place: Place, weight: float) -> dict[str, Any]:
    """One trained file."""
    path = train_ours(place, weight)
    facts = _facts(path)
    kept = ("train_seconds", "train_cpu_seconds", "anchors", "bytes_by_section")
    found = read_back(place, path, load) | {name: facts[name] for name in kept} | {"gaussians": facts["offsets"]}
    return found | ({"encode": facts["encode_cpu_seconds"]} if "encode_cpu_seconds" in facts else {})


def read_back(place: Place, path: Path, read: Callable[[Path], Scene]) -> dict[str, Any]:
    """Size, quality and times of a file."""
    camera, scene = place.photos.held_out[0][0], read(path)
    _drawn(scene, camera)
    decode = _fastest(lambda: read(path))
    first = _fastest(lambda: _drawn(read(path), camera))
    found = {"bytes": size(path), **place.photos.quality(scene), "gaussians": len(scene.position)}
    return found | {"decode": decode, "first_picture": first}


def _fastest(action: Callable[[], Any]) -> float:
    """Seconds of CPU time; what takes long is done once."""
    times: list[float] = []
    while len(times) < TIMES and sum(times) < LONG:
        began = _cpu_seconds()
        action()
        times.append(_cpu_seconds() - began)
    return min(times)


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure(place: Place) -> None:
    """What is missing of one scene."""
    if place.scene.startswith(f"{DEMO}:") and not (place.data / DEMO).exists():
        command = [sys.executable, "-m", "csgaussian_ns.tools.cli", "demo-scene", str(place.data / DEMO)]
        subprocess.run(command, check=True)
    file = place.options.file
    for method, found in rows(place):
        key = dict(zip(KEY, (place.scene, place.options.steps, method), strict=True))
        known = next((run for run in newest(read_runs(file)) if key.items() <= run.items()), {})
        if "bytes" in known or method in place.options.leave_out:
            continue
        try:
            record = key | found()
        except BackendUnavailable as error:
            record = key | {"missing": str(error)}
        print(json.dumps(record), flush=True)
        if record != known:
            add_run(file, record, "csgaussian-lite and gsplat's DefaultStrategy")


def main(options: Options) -> None:
    """Measure what is missing, plot, print."""
    options.files.mkdir(parents=True, exist_ok=True)
    for scene in options.scenes:
        measure(Place(scene, options))
        plot(read_runs(options.file), options.results / "peers.png")
    runs = newest(read_runs(options.file))
    print(table(runs, options.scenes[0]))
    for run in runs:
        if "missing" in run:
            print(f"{run['scene']}, {run['method']}: {run['missing']}")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
