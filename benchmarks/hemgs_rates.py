"""One run for many rates beside runs that are each trained for one: bytes at equal quality (BD-rate), and CPU time.

The dedicated runs are those of ``rate.py``, with the same entropy model, steps, seed and growth; run it first. The one
run draws one of the lambdas of ``csgaussian-hemgs`` in each step, and is then exported at each lambda of the others.
Files are decoded before they are looked at. Adds to results/hemgs.json as soon as a run is done, and draws hemgs.png.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/rate.py --hyperprior inr --lambdas 0.0025 0.004 0.0075 0.015 ...
    OMP_WAIT_POLICY=PASSIVE python benchmarks/hemgs_rates.py --hyperprior inr --lambdas 0.0025 0.004 0.0075 0.015 ...
"""

import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import numpy as np
import tyro
from common import RESULTS, Run, machine, read_runs, trainer_for
from stem import branch

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import write_json
from csgaussian_ns.report.curves import Curve, rate_figure

if TYPE_CHECKING:
    from scipy.interpolate import PchipInterpolator

SAME = ("scene", "steps", "hyperprior", "seed", "variant")
"""What dedicated runs share with the one run."""


@dataclass
class Options:
    """Train once, export often, compare."""

    data: Path = Path("../shared/data")
    """Folder that holds the scenes."""
    scene: str = "tracebot_tray:0.5"
    """``name:scale``."""
    lambdas: tuple[float, ...] = (0.0025, 0.004, 0.0075, 0.015)
    """Of the dedicated runs, and of the exports."""
    steps: int = 1500
    """Training steps."""
    max_anchors: int = 30_000
    """Limit of growth."""
    hyperprior: str = "inr"
    """Entropy model of all runs."""
    form: str = "gated"
    """How steps follow lambda (``--pipeline.model.scene.rate-form``)."""
    weights: tuple[float, ...] = ()
    """Lambdas that the one run is trained for and exported at; those of ``csgaussian-hemgs``, exported at
    ``lambdas``, where none are given."""
    masks: float = 1.0
    """How masks follow lambda (``--pipeline.model.scene.rate-masks``)."""
    longer: float = 1.0
    """Steps of the one run, in those of a dedicated one."""
    seed: int = 42
    """Of all runs."""
    stems: Path = Path(tempfile.gettempdir()) / "csgaussian_stems"
    """Folder that keeps the shared beginnings of runs."""


def bd_rate(reference: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> float | None:
    """How many more bytes ``other`` takes at equal quality, in percent (Bjontegaard), over the qualities of both.

    Args:
        reference: Bytes and PSNR of files; those that a smaller file is as good as do not count.
        other: The same of other files.

    Returns:
        ``None`` where there is no quality that both reach.

    Raises:
        ConfigError: Too few files count.
    """
    away = _away(*(_curve(points, along=1) for points in (reference, other)))
    return None if away is None else 100 * float(np.expm1(away))


def bd_psnr(reference: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> float | None:
    """How much better ``other`` is at equal bytes, in dB, over the sizes of both; as ``bd_rate``."""
    return _away(*(_curve(points, along=0) for points in (reference, other)))


def _curve(points: Sequence[tuple[float, float]], along: int) -> "PchipInterpolator":
    from scipy.interpolate import PchipInterpolator

    best = [point for point in points if not any(one[0] < point[0] and one[1] >= point[1] for one in points)]
    size, quality = np.array(sorted(best), dtype=np.float64).T
    if len(size) < 2 or not (np.diff(quality) > 0).all():
        raise ConfigError(f"expected two or more files whose PSNR rises with their bytes, got {sorted(points)}")
    return PchipInterpolator(quality, np.log(size)) if along else PchipInterpolator(np.log(size), quality)


def _away(reference: "PchipInterpolator", other: "PchipInterpolator") -> float | None:
    low, high = max(reference.x[0], other.x[0]), min(reference.x[-1], other.x[-1])
    if low >= high:
        return None
    return float(other.integrate(low, high) - reference.integrate(low, high)) / (high - low)


def dedicated(options: Options) -> list[dict[str, Any]]:
    """The runs of ``rate.py``.

    Raises:
        ConfigError: Some are missing.
    """
    wanted = dict(zip(SAME, (options.scene, options.steps, options.hyperprior, options.seed, "default"), strict=True))
    found = {r["lambda"]: r for r in read_runs(RESULTS / "rate.json") if all(r[key] == wanted[key] for key in SAME)}
    missing = [weight for weight in options.lambdas if weight not in found]
    if missing:
        raise ConfigError(f"rate.json has no runs of {wanted} at lambda {missing}; measure them with rate.py first")
    return [
        _point(found[weight]) | {"train_cpu_seconds": found[weight]["train_cpu_seconds"]} for weight in options.lambdas
    ]


def _point(record: dict[str, Any]) -> dict[str, Any]:
    return {"lambda": record["lambda"], "bytes": record["bytes"], **record["decoded"]}


def one_run(options: Options) -> dict[str, Any]:
    """Train for all lambdas at once; files at those of ``options``."""
    from csgaussian_ns.codec.decode import decode
    from csgaussian_ns.codec.encode import encode
    from csgaussian_ns.ns.config import HEMGS_WEIGHTS

    weights = options.weights or HEMGS_WEIGHTS
    settings = {
        "hyperprior": options.hyperprior,
        "rate_weights": weights,
        "rate_form": options.form,
        "rate_masks": options.masks,
    }
    run = Run(
        "csgaussian-lite",
        options.data,
        options.scene,
        round(options.longer * options.steps),
        weights[0],
        options.max_anchors,
        options.seed,
        settings,
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_for(run, Path(folder))
        clock = branch(trainer, options.stems)
        clock.start()
        trainer.train()
        clock.stop()
    pipeline, points = trainer.pipeline, []
    scene = pipeline.model.eval().scene
    for weight in options.weights or options.lambdas:
        scene.rates.choose(weight)
        encoded = encode(pipeline.trained_scene())
        quality = pipeline.quality(decode(encoded.data))
        ideal = {"ideal_attribute_bytes": encoded.ideal_bits / 8, "attribute_bytes": encoded.attribute_bytes}
        points.append(_point({"lambda": weight, "bytes": len(encoded.data), "decoded": quality}) | ideal)
        print(points[-1], flush=True)
    return {"train_cpu_seconds": clock.cpu_seconds, "weights": list(weights), "points": points}


def draw(entries: list[dict[str, Any]]) -> None:
    """A panel for each scene: runs whose masks do not follow lambda, or as those of ``csgaussian-hemgs`` do."""
    from csgaussian_ns.ns.config import HEMGS_MASKS

    panels: dict[str, dict[str, Curve]] = {}
    for entry in entries:
        curves, masks, steps = panels.setdefault(entry["scene"], {}), entry.get("masks") or 0.0, entry["steps"]
        if masks not in (0.0, HEMGS_MASKS):
            continue
        own = round(steps * (entry.get("longer") or 1.0))
        names = {
            "points": f"one run, {own} steps, {entry['form']}, masks {masks:g}, seed {entry['seed']}",
            "dedicated": f"dedicated runs, {steps} steps, seed {entry['seed']}",
        }
        for which, line in (("points", "-"), ("dedicated", "--")):
            points, label = sorted(entry[which], key=lambda point: point["bytes"]), names[which]
            style = {"linestyle": line}
            curves[label] = Curve(label, [p["bytes"] for p in points], [p["psnr"] for p in points], style)
    rate_figure({scene: list(curves.values()) for scene, curves in panels.items()}).savefig(
        RESULTS / "hemgs.png", dpi=110
    )


def main(options: Options) -> None:
    """Measure, compare, add to ``results/hemgs.json``."""
    path = RESULTS / "hemgs.json"
    beside = dedicated(options)
    found = one_run(options)
    files, own = ([(p["bytes"], p["psnr"]) for p in points] for points in (beside, found["points"]))
    entry = {
        name: getattr(options, name) for name in ("scene", "steps", "hyperprior", "form", "masks", "longer", "seed")
    }
    entry |= found | {"dedicated": beside, "bd_rate_percent": bd_rate(files, own), "bd_psnr_db": bd_psnr(files, own)}
    mean = sum(p["train_cpu_seconds"] for p in beside) / len(beside)
    entry["cpu_of_one_dedicated"] = found["train_cpu_seconds"] / mean
    report: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"files": {}}
    report.setdefault("rates", []).append(entry)
    report |= {"date": time.strftime("%Y-%m-%d"), "machine": machine()}
    write_json(path, report)
    draw(report["rates"])
    print(f"BD-rate {entry['bd_rate_percent']} %, BD-PSNR {entry['bd_psnr_db']} dB (none: nothing in common)")
    print(f"CPU time {entry['cpu_of_one_dedicated']:.2f} of one dedicated run")


if __name__ == "__main__":
    main(tyro.cli(Options))
