"""Which hyperprior pays at how many anchors: entropy models alone, fitted to the anchors of finished files.

A file's anchors are thinned at random to halves and quarters. Every entropy model is fitted to each subset, its
attributes, masks and steps as the file has them, and counted with its networks and tables in real bytes. From the
smaller subsets a straight line in log2(anchors) foretells the bits per anchor of the whole scene, which checks it; the
line through all foretells ``target`` anchors, networks counted once and tables in proportion to their size.

The attributes were trained beside one of the models, which favours it: make files with each, and compare across them.

    python benchmarks/rate_scaling.py scene.csg    # without a file: one that rate.py has made
"""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from common import RESULTS, machine
from torch import Tensor

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import Context, Widths
from csgaussian_ns.entropy.registry import MODELS, SIZES, new_model
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.format.bodies import content_of, deflated
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.limits import DEFAULT_LIMITS
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.stages.colour import masked_bits

THINNED = (4, 2, 1)
"""One anchor of so many."""


@dataclass
class Options:
    """Fit and extrapolate."""

    file: Annotated[Path, tyro.conf.Positional] = Path("outputs/benchmark_rate/bonsai_0.5_0.004_inr_default_42.csg")
    """A ``.csg`` file."""
    steps: int = 700
    """Of fitting."""
    batch: int = 3000
    """Anchors per step."""
    target: int = 300_000
    """Number of anchors to extrapolate to."""
    seed: int = 0
    """Of subsets and initial weights."""


@dataclass(frozen=True)
class Frozen:
    """What a file holds: voxels, attributes, and steps in base steps ``[A, 3]``."""

    grid: Tensor
    anchors: Anchors
    steps: Tensor
    layout: AttributeLayout

    def thinned(self, every: int, seed: int) -> "Frozen":
        """A random share of the anchors, in their order."""
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(len(self.grid), generator=generator)[: len(self.grid) // every].sort().values
        return Frozen(self.grid[rows], self.anchors.at(rows), self.steps[rows], self.layout)


def frozen(path: Path) -> Frozen:
    """The anchors of a file, and the steps that its entropy model gives them."""
    scene = decode(path, semantics=False)
    layout = scene.meta.layout
    with path.open("rb") as file:
        model = IntegerHyperCarm.from_bytes(content_of(read_container(file, DEFAULT_LIMITS), "NETE"), layout)
    steps = torch.from_numpy(model.hyperprior.prior(scene.grid.numpy()).step).double() / 2**16
    return Frozen(scene.grid, scene.anchors, steps.float(), layout)


def fit(scene: Frozen, name: str, options: Options) -> dict[str, float]:
    """Bits per anchor and bytes of networks and tables of one entropy model."""
    torch.manual_seed(options.seed)
    size = min(max(round(math.log2(len(scene.grid))), SIZES[0]), SIZES[1])
    model = new_model(name, scene.layout, Widths(64, 48), size)
    values = model.values(scene.layout.flat(scene.anchors))
    model.start(scene.grid, values)
    context = Context(scene.grid, 0.0, lambda rows: values[rows])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1 ** (1 / options.steps))
    began = time.process_time()

    def cost(rows: Tensor) -> Tensor:
        """Bits of feature, scaling and offsets of all these anchors, ``[3]``."""
        expected = model.expect(model.place(context._replace(index=rows)), scene.steps[rows])
        parts = masked_bits(expected.bits(values[rows]), scene.anchors.mask[rows], scene.layout)
        return torch.stack([part.sum() for part in parts])

    for _ in range(options.steps):
        rows = torch.randperm(len(values))[: options.batch]
        loss = cost(rows).sum() / len(rows) + model.own_bits() / len(values)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    seconds = time.process_time() - began
    with torch.no_grad():
        bits = sum(cost(rows) for rows in torch.arange(len(values)).split(4096)) / len(values)
    coded = deflated(model.freeze(context).to_bytes())[1]
    feature, scaling, offset = bits.tolist()  # type: ignore[union-attr]
    return {
        "anchors": len(values),
        "bits_per_anchor": feature + scaling + offset,
        "feature_bits": feature,
        "network_bytes": len(coded),
        "seconds": seconds,
    }


def line(points: list[dict[str, float]]) -> tuple[float, float]:
    """Intercept and slope of the bits per anchor over log2(anchors), by least squares."""
    x = torch.tensor([[1.0, math.log2(p["anchors"])] for p in points], dtype=torch.float64)
    y = torch.tensor([[p["bits_per_anchor"]] for p in points], dtype=torch.float64)
    intercept, slope = torch.linalg.lstsq(x, y).solution[:, 0].tolist()
    return intercept, slope


def foretold(points: list[dict[str, float]], anchors: int) -> float:
    """Bits per anchor at another number of anchors."""
    intercept, slope = line(points)
    return intercept + slope * math.log2(anchors)


def main(options: Options) -> None:
    """Fit all, extrapolate, write ``results/rate_scaling.json``."""
    scene = frozen(options.file)
    subsets = [scene.thinned(every, options.seed) for every in THINNED]
    results = {}
    for name in MODELS:
        points = [fit(subset, name, options) for subset in subsets]
        whole = points[-1]
        per_anchor = (points[-1]["network_bytes"] - points[0]["network_bytes"]) / (
            points[-1]["anchors"] - points[0]["anchors"]
        )
        network = whole["network_bytes"] + per_anchor * (options.target - whole["anchors"])
        bits = foretold(points, options.target)
        results[name] = {
            "points": points,
            "check": {
                "foretold_bits": foretold(points[:-1], round(whole["anchors"])),
                "found": whole["bits_per_anchor"],
            },
            "target": {
                "anchors": options.target,
                "bits_per_anchor": bits,
                "network_bytes": network,
                "bytes": bits * options.target / 8 + network,
            },
        }
        now = whole["bits_per_anchor"] * whole["anchors"] / 8 + whole["network_bytes"]
        then = results[name]["target"]["bytes"]
        print(
            f"{name:10} {whole['anchors']} anchors {now / 1e3:8.1f} kB   {options.target} anchors {then / 1e6:6.3f} MB"
        )
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "rate_scaling.json"
    report = json.loads(path.read_text()) if path.exists() else {"files": {}}
    report["files"][options.file.name] = {"fitting_steps": options.steps, "models": results}
    report |= {"date": time.strftime("%Y-%m-%d"), "machine": machine()}
    path.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Options))
