"""What the positions around an anchor tell of it: entropy models in floating point, fitted to the anchors of a file.

HEMGS has a network over sets of positions, trained on many scenes (3.3.2). Here such a network is fitted to the scene,
its weights not counted: no network of its size that comes with the package can save more. Beside it are four distances
alone, exact ones to the nearest anchors of the scene, and those among the rows of a file (``format.networks.spacing``).
As in ``hemgs.py``, attributes, masks and steps are as the file has them.

    python benchmarks/hemgs_positions.py scene.csg
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro
from common import RESULTS, machine
from hemgs import fitted
from rate_scaling import Frozen, frozen
from torch import Tensor, nn

from csgaussian_ns.core.files import write_json
from csgaussian_ns.entropy.base import Context
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.entropy.inr import InrEncoding
from csgaussian_ns.entropy.progressive import Progressive
from csgaussian_ns.format.networks.spacing import SPACINGS, spacing
from csgaussian_ns.stages.colour import masked_bits
from csgaussian_ns.stages.settings import SceneSettings

NEAR = 16
"""Anchors of a set."""
RANKS = (0, 1, 3, 15)
"""Whose distances count."""


class Distances(InrEncoding):
    """The place, and the logarithms of four exact distances."""

    @property
    def channels(self) -> int:
        """Those of the place, and four."""
        return super().channels + len(RANKS)

    def places(self, grid: np.ndarray) -> tuple[np.ndarray, ...]:
        """Encoding of the place; directions and logarithms of the distances of the nearest anchors."""
        from scipy.spatial import KDTree

        found = KDTree(grid).query(grid, k=NEAR + 1)
        apart, rows = (np.asarray(part) for part in found)
        away = apart[:, 1:, None].clip(min=1)
        sets = np.concatenate([(grid[rows[:, 1:]] - grid[:, None]) / away, np.log2(1 + away) / 8], axis=-1)
        return *super().places(grid), sets.astype(np.float32)

    def encode(self, *places: Tensor) -> Tensor:
        """The last of each point of a set is its distance."""
        return torch.cat([places[0], places[1][:, RANKS, 3]], dim=-1)


class Sets(Distances):
    """The place, and the maxima of a network over the nearest anchors, as in PointNet++."""

    WIDTH = 32

    def __init__(self, size: int = 15) -> None:
        """A network of two layers."""
        super().__init__(size)
        self.point = nn.Sequential(nn.Linear(4, self.WIDTH), nn.ReLU(), nn.Linear(self.WIDTH, self.WIDTH), nn.ReLU())

    @property
    def channels(self) -> int:
        """Besides, the outputs of the network."""
        return super().channels + self.WIDTH

    def encode(self, *places: Tensor) -> Tensor:
        """Distances are told, too."""
        return torch.cat([super().encode(*places), self.point(places[1]).amax(dim=1)], dim=-1)


class Rows(InrEncoding):
    """The place, and distances among the rows of a file."""

    @property
    def channels(self) -> int:
        """Those of the place, and four."""
        return super().channels + SPACINGS

    def places(self, grid: np.ndarray) -> tuple[np.ndarray, ...]:
        """Both; the anchors are in the order of the file."""
        return *super().places(grid), (spacing(grid) / 511).astype(np.float32)

    def encode(self, *places: Tensor) -> Tensor:
        """Known already."""
        return torch.cat(places, dim=-1)


KNOWN: dict[str, type[InrEncoding]] = {"place": InrEncoding, "rows": Rows, "distances": Distances, "sets": Sets}
MODELS: dict[str, type[HyperCarm]] = {"": HyperCarm, " and feature": Progressive}


@dataclass
class Options:
    """Fit all."""

    file: Annotated[Path, tyro.conf.Positional]
    """A ``.csg`` file of model 0."""
    steps: int = 300
    """Of fitting."""
    batch: int = 3000
    """Anchors per step."""
    seed: int = 0
    """Of initial weights and batches."""


def fit(scene: Frozen, known: type[InrEncoding], kind: type[HyperCarm], options: Options) -> dict[str, int]:
    """Bytes of each type of attribute, networks left out."""
    torch.manual_seed(options.seed)
    model = kind(scene.layout, SceneSettings().widths(len(scene.grid)), known())
    values = model.values(scene.layout.flat(scene.anchors))
    model.start(scene.grid, values)
    context = Context(scene.grid, 0.0, lambda rows: values[rows])

    def cost(rows: Tensor) -> Tensor:
        expected = model.expect(model.place(context._replace(index=rows)), scene.steps[rows])
        parts = masked_bits(expected.bits(values[rows]), scene.anchors.mask[rows], scene.layout)
        return torch.stack([part.sum() for part in parts])

    return fitted(model, cost, len(values), options.steps, options.batch)


def main(options: Options) -> None:
    """Fit, print, write ``results/hemgs.json``."""
    scene, path = frozen(options.file), RESULTS / "hemgs.json"
    report = json.loads(path.read_text()) if path.exists() else {"files": {}}
    entry: dict[str, object] = {"anchors": len(scene.grid), "fitting_steps": options.steps}
    for name, kind in MODELS.items():
        for what, known in KNOWN.items():
            entry[what + name] = found = fit(scene, known, kind, options)
            print(f"{what + name:24}", *found.values(), sum(found.values()), flush=True)
    report.setdefault("positions", {})[options.file.name] = entry
    report |= {"date": time.strftime("%Y-%m-%d"), "machine": machine()}
    write_json(path, report)


if __name__ == "__main__":
    main(tyro.cli(Options))
