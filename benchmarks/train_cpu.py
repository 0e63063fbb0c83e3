"""How good a scene gets, how fast, in how much memory: PSNR over steps and over time on real captures.

Every 8th view is held out. Each scene is trained in a process of its own, so that its peak memory is its own. Time is
training time: evaluation is not counted. Results go to benchmarks/results/train_cpu.json and .png, one picture
(photo | render | depth) per scene beside them where --pictures names a folder. The exit code is 1 where a scene misses
its PSNR; seconds are reported and never judged.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/train_cpu.py --data ../shared/data
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import tyro
from common import RESULTS, Clock, Run, machine, trainer_for

TARGETS = {"bonsai:0.5": 25.5, "bonsai:1": 25.0, "fox:0.5": 24.0, "tracebot_tray:0.5": 26.5}
"""Scene and image scale, and the PSNR in dB it must reach."""


@dataclass
class Options:
    """Train scenes and report."""

    data: Path = Path("../shared/data")
    """Folder that holds the scenes."""
    scenes: tuple[str, ...] = tuple(TARGETS)
    """``name:scale`` of each."""
    method: str = "csgaussian-lite"
    """Method to train with."""
    steps: int = 3000
    """Training steps."""
    lambda_rate: float = 0.0
    """Weight of the rate; 0 measures scene model and renderer alone, benchmarks/rate.py the rest."""
    marks: tuple[int, ...] = (100, 250, 500, 1000, 1500, 2000, 2500)
    """Steps at which held-out views are measured besides the end."""
    pictures: Path | None = None
    """Where to write one picture per scene. The captures are not ours to publish: keep this outside the repository."""
    result: str = "train_cpu"
    """Name of the result files."""
    single: Path | None = None
    """Used by the benchmark itself: train the first scene here and write its record to this file."""


@dataclass
class Record:
    """One run: the curve and what it took."""

    scene: str
    steps: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    anchors: list[int] = field(default_factory=list)
    peak_gb: float = 0.0
    """Peak resident memory of the process, 10^9 bytes."""


def train(options: Options, scene: str) -> Record:
    """Train one scene in this process."""
    from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackLocation

    with tempfile.TemporaryDirectory() as folder:
        run = Run(options.method, options.data, scene, options.steps, options.lambda_rate)
        trainer = trainer_for(run, Path(folder))
        record, clock = Record(scene), Clock()

        def measure(step: int) -> None:
            if step + 1 in options.marks or step + 1 == options.steps:
                clock.stop()
                metrics = trainer.pipeline.get_average_eval_image_metrics() or {}
                record.steps.append(step + 1)
                record.seconds.append(clock.seconds)
                record.psnr.append(metrics["psnr"])
                record.ssim.append(metrics["ssim"])
                record.anchors.append(len(trainer.pipeline.model.scene.anchors))
                clock.start()

        trainer.callbacks.append(TrainingCallback([TrainingCallbackLocation.AFTER_TRAIN_ITERATION], measure))
        clock.start()
        trainer.train()
        if options.pictures is not None:
            from csgaussian_ns.ns.demo import draw_views

            options.pictures.mkdir(parents=True, exist_ok=True)
            draw_views(trainer.base_dir / "config.yml", options.pictures / f"{scene.replace(':', '_')}.png", count=2)
    record.peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return record


def train_elsewhere(options: Options, scene: str) -> Record:
    """Train one scene in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.json"
        command = [
            *(sys.executable, __file__, "--data", str(options.data), "--scenes", scene, "--method", options.method),
            *("--lambda-rate", str(options.lambda_rate)),
            *("--steps", str(options.steps), "--marks", *map(str, options.marks), "--single", str(file)),
            *(() if options.pictures is None else ("--pictures", str(options.pictures))),
        ]
        subprocess.run(command, check=True)
        return Record(**json.loads(file.read_text()))


def plot(records: list[Record], path: Path) -> None:
    """PSNR over steps and over time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (over_steps, over_time) = plt.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
    for record in records:
        over_steps.plot(record.steps, record.psnr, marker="o", label=record.scene)
        over_time.plot(record.seconds, record.psnr, marker="o", label=record.scene)
    over_steps.set(xlabel="step", ylabel="PSNR on held-out views / dB")
    over_time.set(xlabel="training time / s")
    for axes in (over_steps, over_time):
        axes.grid(alpha=0.3)
    over_steps.legend()
    figure.savefig(path, dpi=110)


def main(options: Options) -> int:
    """Run everything; 1 where a target is missed."""
    if options.single is not None:
        options.single.write_text(json.dumps(vars(train(options, options.scenes[0]))))
        return 0
    records = [train_elsewhere(options, scene) for scene in options.scenes]
    RESULTS.mkdir(exist_ok=True)
    report = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "method": options.method,
        "targets": TARGETS,
        "runs": [vars(record) for record in records],
    }
    (RESULTS / f"{options.result}.json").write_text(json.dumps(report, indent=1) + "\n")
    plot(records, RESULTS / f"{options.result}.png")

    missed = 0
    print(f"\n{'scene':20} {'steps':>6} {'PSNR':>7} {'SSIM':>6} {'target':>7} {'anchors':>8} {'time':>7} {'memory':>8}")
    for record in records:
        target = TARGETS.get(record.scene) if options.steps >= 3000 else None
        missed += target is not None and record.psnr[-1] < target
        print(
            f"{record.scene:20} {record.steps[-1]:6} {record.psnr[-1]:7.2f} {record.ssim[-1]:6.3f} "
            f"{target or '-':>7} {record.anchors[-1]:8,} {record.seconds[-1]:6.0f}s {record.peak_gb:6.2f}GB"
        )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options)))
