"""A few photos: what ``csgaussian-lite`` makes of those that ``codecsplat.py`` gives the network, by real commands.

    python benchmarks/codecsplat_trained.py ../shared/data/bonsai --steps 100 300 1000

The photos of one choice of that benchmark are written as a capture of their own, those given to train on, the targets
held out, with the points of the capture that those given see; without points, a few random ones. Adds rows to
results/codecsplat_trained.json as they are measured, and leaves out what is there.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from codecsplat import case
from common import RESULTS, add_run, read_runs
from PIL import Image

from csgaussian_ns.capture.cloud import KEY, points_of
from csgaussian_ns.capture.folder import open_capture
from csgaussian_ns.feedforward.evaluation import Shown, measure
from csgaussian_ns.feedforward.found import model_to_compress_by, naming
from csgaussian_ns.feedforward.model import Model
from csgaussian_ns.feedforward.posed import scene_of_folder
from csgaussian_ns.tools.demo_scene.points import Cloud
from csgaussian_ns.tools.demo_scene.write import ply

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
FILE = RESULTS / "codecsplat_trained.json"
RANDOM_POINTS = 2000
"""Where the capture has none: the method's own number is for whole captures."""


@dataclass
class Options:
    """Write, train, export, evaluate."""

    data: tyro.conf.Positional[Path]
    """The capture."""
    steps: tuple[int, ...] = (100, 300, 1000)
    """Of trainings."""
    lambdas: tuple[float, ...] = (0.02,)
    """Weights of the rate."""
    given: int = 2
    """Photos to train on."""
    size: int = 128
    """Side of the photos."""
    seed: int = 0
    """Of the choice of photos."""
    weights: Path | None = None
    """Of the network; those that the package ships by default."""


def write_capture(seen: Shown, folder: Path, points: np.ndarray | None) -> None:
    """The photos as a capture of nerfstudio."""
    (folder / "images").mkdir(parents=True)
    frames: list[dict[str, object]] = []
    lens = seen.views.lens
    for number, photo in enumerate(seen.given):
        frames.append(_frame(folder, number, photo, seen.views.world_to_camera[number], lens[number]))
    for number, (photo, camera) in enumerate(seen.targets, len(seen.given)):
        numbers = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
        frames.append(_frame(folder, number, photo, np.asarray(camera.world_to_camera, np.float64), numbers))
    files = [frame["file_path"] for frame in frames]
    train, test = files[: len(seen.given)], files[len(seen.given) :]
    told = {"frames": frames, "train_filenames": train, "test_filenames": test, "val_filenames": test}
    if points is not None:
        grey = np.full(points.shape, 128, np.uint8)
        (folder / "points.ply").write_bytes(ply(Cloud(points, grey), ("red", "green", "blue")))
        told[KEY] = "points.ply"
    (folder / "transforms.json").write_text(json.dumps(told))


def _frame(folder: Path, number: int, photo: np.ndarray, pose: np.ndarray, lens: np.ndarray) -> dict[str, object]:
    name = f"images/{number}.png"
    Image.fromarray(photo).save(folder / name)
    numbers = dict(zip(("fl_x", "fl_y", "cx", "cy"), map(float, lens), strict=True))
    size = {"w": photo.shape[1], "h": photo.shape[0]}
    return {"file_path": name, "transform_matrix": (np.linalg.inv(pose) @ OPENGL).tolist(), **numbers, **size}


def points_seen(data: Path, seen: Shown) -> np.ndarray | None:
    """Points of a capture that lie in one of the photos given; ``None`` where it has none."""
    capture = open_capture(data)
    name = capture.facts.get(KEY)
    if not isinstance(name, str):
        return None
    points, views = points_of(capture.folder / name), seen.views
    inside = np.zeros(len(points), np.bool_)
    for pose, (fx, fy, cx, cy) in zip(views.world_to_camera, views.lens, strict=True):
        x, y, z = pose[:3, :3] @ points.T + pose[:3, 3:]
        z = np.where(z > views.near, z, np.inf)
        column, row = fx * x / z + cx, fy * y / z + cy
        inside |= np.isfinite(z) & (column > 0) & (column < views.width) & (row > 0) & (row < views.height)
    return points[inside]


def trained(folder: Path, scene: Path, steps: int, lambda_rate: float) -> dict[str, object]:
    """Figures of a training."""
    tools = Path(sys.executable).parent
    train = [tools / "ns-train", "csgaussian-lite", "--data", scene, "--output-dir", folder, "--timestamp", "run"]
    train += ["--max-num-iterations", steps, "--pipeline.model.lambda-rate", lambda_rate, "--vis", "tensorboard"]
    train += ["--pipeline.model.semantic-steps", 0, "--pipeline.model.random-init-points", RANDOM_POINTS]
    train += ["--experiment-name", "few"]
    spent = os.times().children_user
    _run(train)
    spent = os.times().children_user - spent
    config = folder / "few/csgaussian-lite/run/config.yml"
    _run([tools / "ns-export", "csg-bitstream", "--load-config", config, "--output-dir", folder / "out"])
    command = [tools / "csg", "evaluate", folder / "out/scene.csg", "--data", scene, "--json"]
    report = json.loads(_run(command))
    colour = report["colour"]
    return {"bytes": report["bytes"], "psnr": colour["psnr"], "ssim": colour["ssim"], "cpu_s": round(spent, 1)}


def _run(command: list[object]) -> str:
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout


def by_network(seen: Shown, model: Model) -> Iterator[dict[str, object]]:
    """Rows of all levels, each file made after one that compiles; seconds are of this process alone."""
    measure(seen, model, 0)
    for level in range(model.settings.levels):
        before = time.process_time()
        model.encode(seen.colours, seen.views, level)
        spent = time.process_time() - before
        found = measure(seen, model, level)
        row = {"what": f"codecsplat, level {level}", "bytes": found.bytes, **found.mean.facts()}
        yield {**row, "cpu_s": round(spent, 2)}


def main(options: Options) -> None:
    """Measure, print, write."""
    seen = case(scene_of_folder(options.data), options.data.name, options.size, options.given, options.seed).seen
    shared = {"scene": options.data.name, "given": options.given, "size": options.size, "seed": options.seed}
    known = [{name: row.get(name) for name in (*shared, "what", "weights")} for row in read_runs(FILE)]

    def add(row: dict[str, object]) -> None:
        row = {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
        print(json.dumps(row), flush=True)
        add_run(FILE, row, "see benchmarks/codecsplat_trained.py")

    with naming(options.weights):
        model = model_to_compress_by()
    for row in by_network(seen, model):
        if {**shared, "what": row["what"], "weights": model.digest} not in known:
            add({**shared, "weights": model.digest, **row})
    points = points_seen(options.data, seen)
    for steps in options.steps:
        for lambda_rate in options.lambdas:
            what = {"what": f"csgaussian-lite, {steps} steps, lambda {lambda_rate:g}"}
            if {**shared, **what, "weights": None} in known:
                continue
            with tempfile.TemporaryDirectory() as folder:
                write_capture(seen, Path(folder, "scene"), points)
                found = trained(Path(folder, "runs"), Path(folder, "scene"), steps, lambda_rate)
            began = f"{RANDOM_POINTS} random points" if points is None else f"{len(points)} points"
            add({**shared, **what, **found, "began": began})


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
