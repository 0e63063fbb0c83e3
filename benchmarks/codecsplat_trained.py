"""A few photos: what ``csgaussian-lite`` makes of those that ``codecsplat.py`` gives the network, by real commands.

    python benchmarks/codecsplat_trained.py ../shared/data/bonsai --steps 300 1000

The photos of one choice of that benchmark are written as a capture of their own, those given to train on, the targets
held out, with the points of the capture that those given see. Adds rows to results/codecsplat_trained.json.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from codecsplat import case
from common import RESULTS, add_run
from PIL import Image

from csgaussian_ns.capture.cloud import KEY
from csgaussian_ns.capture.folder import open_capture
from csgaussian_ns.feedforward.evaluation import Shown, measure
from csgaussian_ns.feedforward.found import model_to_compress_by, naming
from csgaussian_ns.feedforward.posed import scene_of_folder

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass
class Options:
    """Write, train, export, evaluate."""

    data: tyro.conf.Positional[Path]
    """The capture."""
    steps: tuple[int, ...] = (300, 1000)
    """Of trainings."""
    lambdas: tuple[float, ...] = (0.004, 0.02)
    """Weights of the rate."""
    given: int = 2
    """Photos to train on."""
    size: int = 128
    """Side of the photos."""
    seed: int = 0
    """Of the choice of photos."""
    weights: Path | None = None
    """Of the network; those that the package ships by default."""


def write_capture(seen: Shown, folder: Path, points: Path | None) -> None:
    """The photos as a capture of nerfstudio."""
    (folder / "images").mkdir(parents=True)
    frames, parts = [], {"train_filenames": [], "test_filenames": []}
    lens = seen.views.lens
    for number, photo in enumerate(seen.given):
        pose, kind = seen.views.world_to_camera[number], "train_filenames"
        frames.append(_frame(folder, number, photo, pose, lens[number]))
        parts[kind].append(frames[-1]["file_path"])
    for number, (photo, camera) in enumerate(seen.targets, len(seen.given)):
        numbers = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
        frames.append(_frame(folder, number, photo, np.asarray(camera.world_to_camera, np.float64), numbers))
        parts["test_filenames"].append(frames[-1]["file_path"])
    told = {"frames": frames, **parts, "val_filenames": parts["test_filenames"]}
    if points is not None:
        (folder / "points.ply").symlink_to(points.resolve())
        told[KEY] = "points.ply"
    (folder / "transforms.json").write_text(json.dumps(told))


def _frame(folder: Path, number: int, photo: np.ndarray, pose: np.ndarray, lens: np.ndarray) -> dict[str, object]:
    name = f"images/{number}.png"
    Image.fromarray(photo).save(folder / name)
    numbers = dict(zip(("fl_x", "fl_y", "cx", "cy"), map(float, lens), strict=True))
    size = {"w": photo.shape[1], "h": photo.shape[0]}
    return {"file_path": name, "transform_matrix": (np.linalg.inv(pose) @ OPENGL).tolist(), **numbers, **size}


def trained(folder: Path, scene: Path, steps: int, lambda_rate: float) -> dict[str, object]:
    """Figures of a training."""
    tools = Path(sys.executable).parent
    train = [tools / "ns-train", "csgaussian-lite", "--data", scene, "--output-dir", folder, "--timestamp", "run"]
    train += ["--max-num-iterations", steps, "--pipeline.model.lambda-rate", lambda_rate, "--vis", "tensorboard"]
    train += ["--pipeline.model.semantic-steps", 0, "--experiment-name", "few"]
    spent = os.times().children_user
    _run(train)
    spent = os.times().children_user - spent
    config = folder / "few/csgaussian-lite/run/config.yml"
    _run([tools / "ns-export", "csg-bitstream", "--load-config", config, "--output-dir", folder / "out"])
    command = [tools / "csg", "evaluate", folder / "out/scene.csg", "--data", scene, "--json"]
    report = json.loads(_run(command))
    colour = report["colour"]
    return {"bytes": report["bytes"], "psnr": colour["psnr"], "ssim": colour["ssim"], "train_cpu_s": round(spent, 1)}


def _run(command: list[object]) -> str:
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout


def main(options: Options) -> None:
    """Measure, print, write."""
    seen = case(scene_of_folder(options.data), options.data.name, options.size, options.given, options.seed).seen
    shared = {"scene": options.data.name, "given": options.given, "size": options.size, "seed": options.seed}
    with naming(options.weights):
        model = model_to_compress_by()
    rows = []
    for level in range(model.settings.levels):
        found = measure(seen, model, level)
        cost = {"encode_s": round(found.encode, 2), "decode_s": round(found.decode, 2)}
        rows.append(
            {**shared, "what": f"codecsplat, level {level}", "bytes": found.bytes, **found.mean.facts(), **cost}
        )
    capture = open_capture(options.data)
    name = capture.facts.get(KEY)
    for steps in options.steps:
        for lambda_rate in options.lambdas:
            with tempfile.TemporaryDirectory() as folder:
                points = capture.folder / name if isinstance(name, str) else None
                write_capture(seen, Path(folder, "scene"), points)
                found = trained(Path(folder, "runs"), Path(folder, "scene"), steps, lambda_rate)
            rows.append({**shared, "what": f"csgaussian-lite, {steps} steps, lambda {lambda_rate:g}", **found})
    for row in rows:
        print(json.dumps(row), flush=True)
        add_run(RESULTS / "codecsplat_trained.json", row, "see benchmarks/codecsplat_trained.py")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
