"""The whole of csgaussian on a scene that needs no download: build, train, evaluate, look.

Runs the commands that the README tells a user to type, one after the other, and prints each before it runs.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from nerfstudio.utils.colormaps import apply_depth_colormap
from nerfstudio.utils.eval_utils import eval_setup

from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.core.pictures import side_by_side, stack
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.ns.model import model_of


@dataclass
class Demo:
    """Build a scene, train it, measure it, and draw a picture of it."""

    output: Path = Path("outputs/demo")
    """Folder for everything the demo makes; files of an earlier demo are replaced."""
    steps: int = 3000
    """Training steps."""
    views: int = 2
    """Held-out views in the picture."""

    def run(self) -> None:
        """Do it all; the last line says what was made."""
        began = time.monotonic()
        scene, run = self.output / "scene", self.output / "demo" / "csgaussian-lite" / "run"
        _command("csgaussian_ns.tools.cli", "demo-scene", str(scene), "--overwrite")
        _command(
            "nerfstudio.scripts.train",
            "csgaussian-lite",
            *("--data", str(scene), "--output-dir", str(self.output), "--experiment-name", "demo"),
            *("--timestamp", "run", "--vis", "tensorboard", "--max-num-iterations", str(self.steps)),
        )
        metrics = self.output / "metrics.json"
        _command("nerfstudio.scripts.eval", "--load-config", str(run / "config.yml"), "--output-path", str(metrics))
        results = json.loads(metrics.read_text("utf8"))["results"]
        picture = self.output / "picture.png"
        anchors = draw_views(run / "config.yml", picture, self.views)
        seconds = time.monotonic() - began
        print(
            f"demo: trained {anchors:,} anchors in {run}, PSNR {results['psnr']:.2f} dB, SSIM {results['ssim']:.3f} on "
            f"held-out views, picture {picture}, {int(seconds // 60)}:{int(seconds % 60):02d} min"
        )


def draw_views(config: Path, picture: Path, count: int) -> int:
    """Write ``count`` held-out views as photo | render | depth.

    Returns:
        Number of anchors of the scene.
    """
    _, pipeline, _, _ = eval_setup(config, test_mode="test")
    model, rows = model_of(pipeline), []
    assert isinstance(pipeline.datamanager, CSGaussianDataManager)
    held_out = pipeline.datamanager.fixed_indices_eval_dataloader
    with torch.no_grad():
        for camera, batch in held_out[:count]:
            outputs = model.get_outputs_for_camera(camera)
            depth = apply_depth_colormap(outputs["depth"], outputs["accumulation"])
            rows.append(side_by_side({"photo": batch["image"], "render": outputs["rgb"], "depth": depth}))
    stack(rows).save(picture)
    return len(model.anchors)


def _command(module: str, *arguments: str) -> None:
    """Run one command in a process of its own, as a user would.

    Raises:
        CsgError: It failed; its own output says why.
    """
    names = {
        "csgaussian_ns.tools.cli": "csg",
        "nerfstudio.scripts.train": "ns-train",
        "nerfstudio.scripts.eval": "ns-eval",
    }
    print(f"\n$ {names[module]} {' '.join(arguments)}", flush=True)
    code = subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode
    if code != 0:
        raise CsgError(f"{names[module]} ended with exit code {code}; the lines above say why")


def main() -> None:
    """Entry point of ``python -m csgaussian_ns.ns.demo``."""
    try:
        tyro.cli(Demo).run()
    except CsgError as error:
        sys.exit(f"demo failed: {error}")


if __name__ == "__main__":
    main()
