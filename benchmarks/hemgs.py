"""What neighbours and the decoded feature are worth: entropy models fitted to the anchors of a finished file.

As in ``rate_scaling.py``, attributes, masks and steps are as the file has them, which favours the model that it was
trained with. Each variant of the model of HEMGS leaves one part out (tables 3 and 4 of the paper); ``raster`` decodes
anchor after anchor in the order of the file, which no decoder does side by side: what waves cost is the difference.

    python benchmarks/hemgs.py scene.csg
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro
from common import RESULTS, machine
from rate_scaling import Frozen, frozen
from torch import Tensor, nn

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import write_json
from csgaussian_ns.entropy.base import Context, Widths
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.entropy.inr import InrEncoding
from csgaussian_ns.entropy.neighbours import Neighbours
from csgaussian_ns.entropy.progressive import Progressive, Spaced
from csgaussian_ns.format.bodies import deflated
from csgaussian_ns.format.chunks import CHUNK_ANCHORS
from csgaussian_ns.format.networks.model import ChannelPrior, Coding, IntegerModel
from csgaussian_ns.format.networks.near import MAX_NEAR, Neighbourhood
from csgaussian_ns.stages.colour import masked_bits


class Raster(Neighbourhood):
    """One anchor after the other, each looking at all before it."""

    def waves_of(self, grid: np.ndarray) -> np.ndarray:
        """A wave for each anchor."""
        return np.arange(len(grid))


VARIANTS: dict[str, Callable[..., HyperCarm]] = {
    "csgaussian": HyperCarm,
    "progressive": Progressive,
    "spaced": Spaced,
    "hemgs": Neighbours,
    "without autoregression": partial(Neighbours, across=False),
    "without the feature": partial(Neighbours, details=False),
    "all neighbours": partial(Neighbours, selection=Neighbourhood(most=MAX_NEAR)),
    "window of 5": partial(Neighbours, selection=Neighbourhood(reach=2)),
    "window of 63": partial(Neighbours, selection=Neighbourhood(reach=31)),
    "2 waves": partial(Neighbours, selection=Neighbourhood(waves=2)),
    "10 waves": partial(Neighbours, selection=Neighbourhood(waves=10)),
    "raster": partial(Neighbours, selection=Raster()),
}
TYPES = ("feature", "scaling", "offset")


@dataclass
class Options:
    """Fit all variants."""

    file: Annotated[Path, tyro.conf.Positional]
    """A ``.csg`` file of model 0."""
    variants: tuple[str, ...] = tuple(VARIANTS)
    """Which; three numbers such as 5,20,12 are neighbours in so many waves, so many at most, within so many voxels."""
    steps: int = 400
    """Of fitting."""
    batch: int = 3000
    """Anchors per step."""
    seed: int = 0
    """Of initial weights and batches."""


def variant(name: str) -> Callable[..., HyperCarm]:
    """What builds a model.

    Raises:
        ConfigError: Neither one of ``VARIANTS`` nor three numbers.
    """
    if name in VARIANTS:
        return VARIANTS[name]
    numbers = name.split(",")
    if len(numbers) != 3 or not all(number.strip().isdigit() for number in numbers):
        raise ConfigError(f"variant {name!r}: expected one of {', '.join(VARIANTS)}, or waves,neighbours,reach")
    return partial(Neighbours, selection=Neighbourhood(*map(int, numbers)))


class Silent(Coding):
    """A walk of which all symbols are 0: what a decoder computes beside the symbol stream."""

    def exchange(self, prior: ChannelPrior, picked: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Nothing is read."""
        return np.zeros(len(prior.mean), np.int64)


def walked(model: IntegerModel, scene: Frozen) -> float:
    """CPU seconds of one walk through all chunks, kernels being compiled."""
    grid = scene.grid.numpy()
    coded = scene.layout.coded((scene.anchors.mask > 0).numpy())
    model.walk(grid[:64], Silent(coded[:64]))
    began = time.process_time()
    for start in range(0, len(grid), CHUNK_ANCHORS):
        rows = slice(start, start + CHUNK_ANCHORS)
        model.walk(grid[rows], Silent(coded[rows]))
    return time.process_time() - began


def fitted(model: nn.Module, cost: Callable[[Tensor], Tensor], count: int, steps: int, batch: int) -> dict[str, int]:
    """Fit a model to what some rows of ``count`` cost, bits of each type; bytes of each type that are left."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.05 ** (1 / steps))
    for _ in range(steps):
        rows = torch.randint(count, (batch,))
        optimizer.zero_grad()
        (cost(rows).sum() / len(rows)).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        bits = sum((cost(rows) for rows in torch.arange(count).split(4096)), torch.zeros(3))
    return dict(zip(TYPES, (bits / 8).round().int().tolist(), strict=True))


def fit(scene: Frozen, build: Callable[..., HyperCarm], options: Options) -> dict[str, object]:
    """Bytes of each type of attribute and of the networks, and seconds of decoding."""
    torch.manual_seed(options.seed)
    model = build(scene.layout, Widths(80, 60), InrEncoding())
    values = model.values(scene.layout.flat(scene.anchors))
    model.start(scene.grid, values)
    context = Context(scene.grid, 0.0, lambda rows: values[rows])
    whole = model.place(context)  # INR has nothing to learn, and neighbours are as decoded

    def cost(rows: Tensor) -> Tensor:
        expected = model.expect(whole.at(rows), scene.steps[rows])
        parts = masked_bits(expected.bits(values[rows]), scene.anchors.mask[rows], scene.layout)
        return torch.stack([part.sum() for part in parts])

    sizes = fitted(model, cost, len(values), options.steps, options.batch)
    integers = model.freeze(context, 6)
    found: dict[str, object] = dict(sizes)
    found["networks"] = len(deflated(integers.to_bytes())[1])
    found["total"] = sum(int(size) for size in found.values())  # type: ignore[call-overload]
    raster = isinstance(model, Neighbours) and isinstance(model.selection, Raster)  # which no file says
    found["walk_seconds"] = None if raster else round(walked(integers, scene), 2)
    if isinstance(model, Neighbours):
        around = model.around(scene.grid)
        found["neighbours"] = round(float((around.weight > 0).sum(dim=1).float().mean()), 2)
    return found


def main(options: Options) -> None:
    """Fit, print, write ``results/hemgs.json``."""
    scene, path = frozen(options.file), RESULTS / "hemgs.json"
    report = json.loads(path.read_text()) if path.exists() else {"files": {}}
    entry = report["files"].setdefault(options.file.name, {"anchors": len(scene.grid), "variants": {}})
    entry["fitting_steps"] = options.steps
    for name in options.variants:
        found = fit(scene, variant(name), options)
        entry["variants"][name] = found
        print(f"{name:24}", *(f"{part} {found[part]}" for part in found), flush=True)
        report |= {"date": time.strftime("%Y-%m-%d"), "machine": machine()}
        write_json(path, report)


if __name__ == "__main__":
    main(tyro.cli(Options))
