"""Rate and distortion of whole scenes: real file bytes against PSNR after decoding, for several weights of the rate.

Every 8th view is held out. Each point is a training run in a process of its own; its record is added to
benchmarks/results/rate.json as soon as it exists, so a long run that is stopped loses nothing, and points that are
there already are kept. Runs of one scene and seed share their stem (``benchmarks/stem.py``): what happens before the
rate is paid for depends neither on its weight nor on the entropy model. One plot per scene.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/rate.py --data ../shared/data
"""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import tyro
from common import RESULTS, Clock, Run, add_run, read_runs, trainer_for
from stem import branch

from csgaussian_ns.report.curves import Curve, rate_figure

if TYPE_CHECKING:
    from csgaussian_ns.ns.trainer import CSGaussianTrainer
    from csgaussian_ns.stages.scene import TrainableScene

PLAIN = "plain-rounding"
"""Values on multiples of their step, not centred on their mean. The format cannot code that: the record has the bits of
the floating-point model, as every record has, and no file."""
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "no-carm": {"carm": False},
    "no-mask": {"offset_masks": False},
    "mask-0.03": {"lambda_offset_mask": 0.03},
    "mask-0": {"lambda_offset_mask": 0.0},
    "networks-16": {"network_bits": 16},
    "tables-14": {"hyperprior_size": 14},
    "tables-16": {"hyperprior_size": 16},
    "hyperprior-32": {"hyperprior_dim": 32},
    PLAIN: {"hyperprior": PLAIN},
}
"""What is set differently, by name of an ablation."""
KEY = ("scene", "lambda", "steps", "hyperprior", "seed", "variant")
"""What tells one record from another."""


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
    hyperprior: str = "inr"
    """Hyperprior to train with."""
    seeds: tuple[int, ...] = (42,)
    """Of initial weights and order of views, one run each; 42 is nerfstudio's default."""
    variant: str = "default"
    """One of ``VARIANTS``."""
    stems: Path = Path(tempfile.gettempdir()) / "csgaussian_stems"
    """Folder that keeps the shared beginnings of runs."""
    files: Path = Path("outputs/benchmark_rate")
    """Folder that keeps the coded files."""
    lock: Path | None = None
    """File to lock while one point is measured, where other programs must not disturb the clock."""
    single: Path | None = None
    """Used by the benchmark itself: one point, its record written to this file."""


def measure(options: Options) -> dict:
    """One point, in this process."""
    import torch

    if options.variant == PLAIN:
        _add_plain_rounding()
    weight, key = options.lambdas[0], _key(options)
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_for(_run(options), Path(folder))
        clock = branch(trainer, options.stems) if weight > 0 else Clock()
        stem_seconds = clock.seconds
        clock.start()
        trainer.train()
        clock.stop()
    trained = trainer.pipeline.model.scene.eval()
    trainer.pipeline.model.eval()
    record = key | {"train_seconds": clock.seconds, "stem_seconds": stem_seconds}
    record |= {"train_cpu_seconds": clock.cpu_seconds, "threads": torch.get_num_threads()}
    record["trained"] = trainer.pipeline.quality()
    record["anchors_trained"] = len(trained.anchors)
    if weight == 0:
        record["float32_bytes"] = 4 * sum(
            p.numel() for p in [*trained.anchors.parameters(), *trained.decoders.parameters()]
        )
        return record
    estimate = float(trained.decoded().bits.sum()) / 8
    steps, attribute_bytes = _view(trained)
    record |= {"estimated_attribute_bytes": estimate, "attribute_bytes": attribute_bytes, "mean_step": steps}
    if options.variant == PLAIN:
        return record
    return record | _coded(options, trainer)


def _coded(options: Options, trainer: "CSGaussianTrainer") -> dict[str, Any]:
    """Sizes and quality of the file of a trained run; the file is kept."""
    import torch

    from csgaussian_ns.codec.decode import decode
    from csgaussian_ns.codec.encode import encode
    from csgaussian_ns.scene.anchor_scene import AnchorScene

    trained, record = trainer.pipeline.model.scene, {}
    scene_to_code = trainer.pipeline.trained_scene()
    clock = Clock()
    clock.start()
    encoded = encode(scene_to_code)
    clock.stop()
    record |= {"encode_seconds": clock.seconds, "encode_cpu_seconds": clock.cpu_seconds}
    began = time.perf_counter()
    decoded = decode(encoded.data)
    record["decode_seconds"] = time.perf_counter() - began
    record["decoded"] = trainer.pipeline.quality(decoded)
    with torch.no_grad():
        unrounded = AnchorScene(trained.masked(), trained.decoders)
    record["unrounded"] = trainer.pipeline.quality(unrounded)
    options.files.mkdir(parents=True, exist_ok=True)
    file_of(options).write_bytes(encoded.data)
    sizes = encoded.bytes_by_kind
    return record | {
        "bytes": len(encoded.data),
        "bytes_by_section": sizes,
        "anchors": encoded.anchors,
        "offsets": encoded.offsets,
        "ideal_attribute_bytes": encoded.ideal_bits / 8,
    }


def file_of(options: Options) -> Path:
    """Where the coded file of one point is kept."""
    name = "_".join(map(str, _key(options).values())).replace(":", "_")  # all of it: no two points share a file
    return options.files / f"{name}.csg"


def _add_plain_rounding() -> None:
    """Register an entropy model that differs from ``inr`` in what a decoder is expected to see."""
    import torch

    from csgaussian_ns.entropy.base import per_channel
    from csgaussian_ns.entropy.hyper_carm import HyperCarm, HyperCarmExpectation
    from csgaussian_ns.entropy.inr import InrEncoding
    from csgaussian_ns.entropy.registry import register
    from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm

    class Expectation(HyperCarmExpectation):
        @torch.no_grad()
        def quantised(self, values: torch.Tensor) -> torch.Tensor:
            step = per_channel(self.model.layout, self.steps)
            return torch.round(values / step) * step

    class PlainRounding(HyperCarm):
        EXPECTATION = Expectation

    register(PLAIN, lambda layout, widths, size: PlainRounding(layout, widths, InrEncoding(size)), IntegerHyperCarm)


def _view(scene: "TrainableScene") -> tuple[list[float], dict[str, float]]:
    """Mean step of each type in base steps, and what each type takes in bytes as the floating-point model sees it."""
    from csgaussian_ns.stages.colour import decoded_view, masked_bits

    anchors = scene.masked()
    _, seen = decoded_view(anchors, scene.layout, scene.entropy, scene.context())
    parts = masked_bits(seen.bits, anchors.mask, scene.layout)
    taken = {name: float(part.sum()) / 8 for name, part in zip(scene.layout.names, parts, strict=True)}
    return seen.steps.mean(dim=0).tolist(), taken


def _key(options: Options) -> dict[str, Any]:
    """Which point ``options`` name; they hold one scene, weight and seed."""
    values = (options.scenes[0], options.lambdas[0], options.steps, options.hyperprior, options.seeds[0])
    return dict(zip(KEY, (*values, options.variant), strict=True))


def _run(options: Options) -> Run:
    return Run(
        options.method,
        options.data,
        options.scenes[0],
        options.steps,
        options.lambdas[0],
        options.max_anchors,
        options.seeds[0],
        {"hyperprior": options.hyperprior} | VARIANTS[options.variant],
    )


def points(options: Options) -> Iterator[Options]:
    """One by one, scene by scene."""
    for scene in options.scenes:
        for seed in options.seeds:
            for weight in options.lambdas:
                yield replace(options, scenes=(scene,), lambdas=(weight,), seeds=(seed,))


def measure_elsewhere(options: Options) -> dict:
    """One point, in a new process."""
    with tempfile.TemporaryDirectory() as folder, _alone(options.lock):
        file = Path(folder) / "record.json"
        command = [
            *(sys.executable, __file__, "--data", str(options.data), "--scenes", options.scenes[0]),
            *("--lambdas", str(options.lambdas[0]), "--seeds", str(options.seeds[0])),
            *("--steps", str(options.steps), "--max-anchors", str(options.max_anchors), "--method", options.method),
            *("--hyperprior", options.hyperprior, "--variant", options.variant, "--stems", str(options.stems)),
            *("--files", str(options.files), "--single", str(file)),
        ]
        subprocess.run(command, check=True)
        return json.loads(file.read_text())


@contextmanager
def _alone(lock: Path | None) -> Iterator[None]:
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def plot(records: list[dict], scene: str, path: Path) -> None:
    """Decoded PSNR over real bytes: a colour for each model, a curve for each seed, lines for no compression."""
    here = [r for r in records if r["scene"] == scene]
    coded, told, curves = [r for r in here if "bytes" in r], ("hyperprior", "variant", "steps"), []
    for number, model in enumerate(sorted({tuple(r[name] for name in told) for r in coded})):
        same = [r for r in coded if tuple(r[name] for name in told) == model]
        seeds = sorted({r["seed"] for r in same}, reverse=True)  # 42, nerfstudio's default, is drawn boldest
        for seed in seeds:
            own, first = [r for r in same if r["seed"] == seed], seed == seeds[0]
            label = "{}, {}, {} steps".format(*model) if first else ""
            style = {"color": f"C{number}", "alpha": 1.0 if first else 0.3, "markersize": 4}
            names = [f"{r['lambda']:g}" for r in own] if first and model[:2] == ("inr", "default") else ()
            curves.append(Curve(label, [r["bytes"] for r in own], [r["decoded"]["psnr"] for r in own], style, names))
    levels = {f"uncompressed, {r['steps']} steps": r["trained"]["psnr"] for r in here if r["lambda"] == 0}
    rate_figure({scene: curves}, levels=levels, size=(8, 5)).savefig(path, dpi=110)


def main(options: Options) -> None:
    """Measure what is missing, point by point."""
    if options.single is not None:
        options.single.write_text(json.dumps(measure(options)))
        return
    file = RESULTS / "rate.json"
    for point in points(options):
        if _key(point) not in [{name: record[name] for name in KEY} for record in read_runs(file)]:
            runs = add_run(file, measure_elsewhere(point), options.method)
            scene = point.scenes[0]
            plot(runs, scene, RESULTS / f"rate_{scene.split(':')[0]}.png")
    for record in read_runs(file):
        size = f"{record['bytes'] / 1e3:8.1f} kB" if "bytes" in record else "           "
        quality = record.get("decoded", record["trained"])
        which = f"{record['scene']:16} {record['hyperprior']:10} {record['variant']:12} {record['seed']:4}"
        print(f"{which} {record['lambda']:6g} {size} {quality['psnr']:6.2f} dB {quality['ssim']:.3f}")


if __name__ == "__main__":
    main(tyro.cli(Options))
