"""Rate and distortion of whole scenes: real file bytes against PSNR after decoding, for several weights of the rate.

Every 8th view is held out. Each point is a training run of its own in a process of its own; its record is added to
benchmarks/results/rate.json as soon as it exists, so a long run that is stopped loses nothing, and points that are
there already are kept. One plot per scene.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/rate.py --data ../shared/data
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import tyro
from common import RESULTS, Clock, machine, trainer_for


@dataclass
class Options:
    """Train, export, decode, measure."""

    data: Path = Path("../shared/data")
    """Folder that holds the scenes."""
    scenes: tuple[str, ...] = ("bonsai:0.5", "fox:0.5")
    """``name:scale`` of each."""
    lambdas: tuple[float, ...] = (0.0, 0.002, 0.004, 0.01, 0.02, 0.04)
    """Weights of the rate; 0 is the uncompressed reference."""
    steps: int = 5000
    """Training steps."""
    max_anchors: int = 30_000
    """Limit of growth."""
    method: str = "csgaussian-lite"
    """Method to train with."""
    single: Path | None = None
    """Used by the benchmark itself: one point, its record written to this file."""


def measure(options: Options) -> dict:
    """One point, in this process."""
    import torch

    from csgaussian_ns.codec.decode import decode
    from csgaussian_ns.codec.encode import encode
    from csgaussian_ns.ns.evaluation import quality_of
    from csgaussian_ns.ns.model import model_of
    from csgaussian_ns.ns.run import trained_scene

    scene, weight = options.scenes[0], options.lambdas[0]
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_for(
            options.method, options.data, scene, options.steps, Path(folder), weight, options.max_anchors
        )
        clock = Clock()
        clock.start()
        trainer.train()
        clock.stop()
    trained = model_of(trainer.pipeline).scene.eval()
    model_of(trainer.pipeline).eval()
    record = {"scene": scene, "lambda": weight, "steps": options.steps, "train_seconds": clock.seconds}
    record["trained"] = quality_of(trainer.pipeline, None)
    record["anchors_trained"] = len(trained.anchors)
    if weight == 0:
        record["float32_bytes"] = 4 * sum(
            p.numel() for p in [*trained.anchors.parameters(), *trained.decoders.parameters()]
        )
        return record
    estimate = float(trained.decoded().bits.sum()) / 8
    scene_to_code = trained_scene(trainer.pipeline)
    began = time.perf_counter()
    encoded = encode(scene_to_code)
    record["encode_seconds"], began = time.perf_counter() - began, time.perf_counter()
    decoded = decode(encoded.data)
    record["decode_seconds"] = time.perf_counter() - began
    record["decoded"] = quality_of(trainer.pipeline, decoded)
    _, _, steps = _view(trained)
    with torch.no_grad():
        trained.show_unrounded()
    record["unrounded"] = quality_of(trainer.pipeline, None)
    sizes = encoded.bytes_by_kind
    return record | {
        "bytes": len(encoded.data),
        "bytes_by_section": sizes,
        "anchors": encoded.anchors,
        "offsets": encoded.offsets,
        "estimated_attribute_bytes": estimate,
        "ideal_attribute_bytes": encoded.ideal_bits / 8,
        "mean_step": steps.mean(dim=0).tolist(),
    }


def _view(scene):  # noqa: ANN001, ANN202  # a TrainableScene; imported late
    from csgaussian_ns.stages.colour import decoded_view

    return decoded_view(scene.masked(), scene.entropy.encoding(scene.anchors.grid), scene.entropy)


def measure_elsewhere(options: Options, scene: str, weight: float) -> dict:
    """One point, in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.json"
        command = [
            *(sys.executable, __file__, "--data", str(options.data), "--scenes", scene, "--lambdas", str(weight)),
            *("--steps", str(options.steps), "--max-anchors", str(options.max_anchors)),
            *("--method", options.method, "--single", str(file)),
        ]
        subprocess.run(command, check=True)
        return json.loads(file.read_text())


def plot(records: list[dict], scene: str, path: Path) -> None:
    """Decoded PSNR over real bytes, the uncompressed reference as a line."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    points = sorted((r for r in records if r["scene"] == scene and r["lambda"] > 0), key=lambda r: r["bytes"])
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.plot([r["bytes"] / 1e3 for r in points], [r["decoded"]["psnr"] for r in points], marker="o")
    for record in points:
        axes.annotate(f"{record['lambda']:g}", (record["bytes"] / 1e3, record["decoded"]["psnr"]))
    for record in records:
        if record["scene"] == scene and record["lambda"] == 0:
            axes.axhline(record["trained"]["psnr"], linestyle="--", color="grey", label="uncompressed")
            axes.legend()
    axes.set(xlabel="file / kB", ylabel="decoded PSNR on held-out views / dB", title=scene)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(options: Options) -> None:
    """Measure what is missing, point by point."""
    if options.single is not None:
        options.single.write_text(json.dumps(measure(options)))
        return
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "rate.json"
    report: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"runs": []}
    for scene in options.scenes:
        for weight in options.lambdas:
            known = [(r["scene"], r["lambda"], r["steps"]) for r in report["runs"]]
            if (scene, weight, options.steps) not in known:
                report["runs"].append(measure_elsewhere(options, scene, weight))
                report |= {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "method": options.method}
                file.write_text(json.dumps(report, indent=1) + "\n")
        plot(report["runs"], scene, RESULTS / f"rate_{scene.split(':')[0]}.png")
    for record in report["runs"]:
        size = f"{record['bytes'] / 1e3:8.1f} kB" if record["lambda"] else "           "
        quality = record.get("decoded", record["trained"])
        print(f"{record['scene']:16} {record['lambda']:6g} {size} {quality['psnr']:6.2f} dB {quality['ssim']:.3f}")


if __name__ == "__main__":
    main(tyro.cli(Options))
