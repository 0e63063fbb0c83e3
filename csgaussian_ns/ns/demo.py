"""The whole of csgaussian on a scene that needs no download: build, train, evaluate, compress, decode, look.

Runs the commands that the README tells a user to type, one after the other, and prints each before it runs.
"""

import json
import multiprocessing
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
import tyro
from nerfstudio.utils.colormaps import apply_depth_colormap
from PIL import Image

from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.core.pictures import side_by_side
from csgaussian_ns.core.png import write_png
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.ns.run import load_run

POINTS = 20_000
"""Of the point cloud. With the 12,000 of ``csg demo-scene``, growth would have more to do than there are steps for."""
SMALL_AND_QUICK = {
    "pipeline.model.plan": "quick",
    "pipeline.model.semantic-steps": "300",
    "pipeline.model.feature-dim": "32",
    "pipeline.model.num-offsets": "6",
    "pipeline.model.lambda-rate": "0.002",
    "pipeline.model.scene.hidden-dim": "32",
    "pipeline.model.scene.dropout": "0",
    "pipeline.model.scene.growth.max-anchors": "28000",
    "steps-per-eval-all-images": "0",  # ns-eval does, at the end
}
"""Options of ``ns-train`` that fit 60 small photos of one table (docs/decisions/0037)."""
PLY_BYTES_PER_GAUSSIAN = 248
"""A Gaussian as the reference 3DGS code writes it: 62 float32 properties."""
COMMANDS = {
    "csg": ("csgaussian_ns.tools.cli", "main"),
    "ns-train": ("nerfstudio.scripts.train", "entrypoint"),
    "ns-eval": ("nerfstudio.scripts.eval", "entrypoint"),
    "ns-export": ("nerfstudio.scripts.exporter", "entrypoint"),
}
"""Module and function that each command calls."""
PROCESSES = multiprocessing.get_context("fork") if sys.platform == "linux" else multiprocessing.get_context("spawn")
"""A fork has what was imported here: torch and nerfstudio take seconds, and three commands need them."""


@dataclass
class Demo:
    """Build a scene, train it, measure it, make a file of it, and draw what came out of the file."""

    output: Path = Path("outputs/demo")
    """Folder for everything the demo makes; files of an earlier demo are replaced."""
    steps: int = 1000
    """Training steps of colour; those of meaning follow."""
    views: int = 2
    """Held-out views in the picture."""

    def run(self) -> None:
        """Do it all; the last line says what was made."""
        began = time.monotonic()
        scene, run = self.output / "scene", self.output / "demo" / "csgaussian-lite" / "run"
        config, metrics = run / "config.yml", self.output / "metrics.json"
        _command("csg", "demo-scene", str(scene), "--overwrite", "--points", str(POINTS))
        _command(
            "ns-train",
            "csgaussian-lite",
            *("--data", str(scene), "--output-dir", str(self.output), "--experiment-name", "demo"),
            *("--timestamp", "run", "--vis", "tensorboard", "--max-num-iterations", str(self.steps)),
            *(word for name, value in SMALL_AND_QUICK.items() for word in (f"--{name}", value)),
        )
        _command("ns-eval", "--load-config", str(config), "--output-path", str(metrics))
        _command("ns-export", "csg-bitstream", "--load-config", str(config), "--output-dir", str(self.output))
        file, decoded = self.output / "scene.csg", self.output / "decoded"
        _command("csg", "info", str(file))
        _command("csg", "render", str(file), "--camera", str(scene / "transforms.json"), "--output", str(decoded))
        picture = self.output / "picture.png"
        draw_views(config, picture, self.views, decoded)
        report = json.loads((self.output / "scene.json").read_text("utf8"))
        results = json.loads(metrics.read_text("utf8"))["results"]
        seconds, ply = time.monotonic() - began, report["offsets"] * PLY_BYTES_PER_GAUSSIAN
        smaller, objects = ply / report["bytes"], (report["semantics"] or {"objects": 0})["objects"]
        print(
            f"demo: {file} {report['bytes'] / 1e6:.3f} MB, {smaller:.0f}x smaller than its Gaussians as a "
            f"3DGS PLY ({ply / 1e6:.0f} MB); PSNR {results['psnr']:.2f} dB trained, {report['after']['psnr']:.2f} dB "
            f"decoded, on held-out views; {objects} objects; picture {picture}; "
            f"{int(seconds // 60)}:{int(seconds % 60):02d} min"
        )


def draw_views(config: Path, picture: Path, count: int, decoded: Path | None = None) -> None:
    """Write ``count`` held-out views as photo | trained | decoded (if given) | depth.

    Args:
        config: config.yml of the run.
        picture: File to write.
        count: Rows.
        decoded: Folder of images that another process rendered from the file, named like the photos.
    """
    pipeline = load_run(config)
    model, manager, rows = pipeline.model, pipeline.datamanager, []
    names = [path.stem for path in manager.eval_dataset.image_filenames]
    with torch.no_grad():
        for name, (camera, batch) in list(zip(names, manager.fixed_indices_eval_dataloader, strict=True))[:count]:
            outputs = model.get_outputs_for_camera(camera)
            panels = {"photo": to_numpy(batch["image"]), "trained": to_numpy(outputs["rgb"])}
            if decoded is not None:
                pixels = np.asarray(Image.open(decoded / f"{name}.png"))
                panels["decoded from the file"] = pixels.astype(np.float32) / 255
            panels["depth"] = to_numpy(apply_depth_colormap(outputs["depth"], outputs["accumulation"]))
            rows.append(side_by_side(panels))
    write_png(picture, np.concatenate(rows))


def _command(name: str, *arguments: str) -> None:
    """Run one command in a process of its own, as a user would.

    Raises:
        CsgError: It failed; its own output says why.
    """
    print(f"\n$ {name} {' '.join(arguments)}", flush=True)
    process = PROCESSES.Process(target=_as_typed, args=(name, arguments))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise CsgError(f"{name} ended with exit code {process.exitcode}; the lines above say why")


def _as_typed(name: str, arguments: tuple[str, ...]) -> None:
    """What a shell would start, in this process."""
    module, function = COMMANDS[name]
    sys.argv = [name, *arguments]
    sys.exit(getattr(import_module(module), function)())


def main() -> None:
    """Entry point of ``python -m csgaussian_ns.ns.demo``."""
    try:
        tyro.cli(Demo).run()
    except (CsgError, OSError) as error:
        sys.exit(f"demo failed: {one_line(error)}")


if __name__ == "__main__":
    main()
