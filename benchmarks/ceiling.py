"""The most that objects could reach on a trained scene, and where the rest is lost.

Given are the anchors of a file, or its single Gaussians, and the true masks. Votes: each row goes to the object whose
mask holds most of what is seen of it. Best: labels are optimised directly, by gradients through blending, on the very
views that are measured; no finding, however good, can do much better. Opacities: the same, and each row may have
another opacity for masks and selection than for colour (as a power of its transparency). Learned: the same on the
training views alone. Where the file has objects, the last row is what they reach.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/ceiling.py out/scene.csg --data path/to/scene --scale 0.5

Records go to benchmarks/results/ceiling.json.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import numpy as np
import torch
import tyro
from common import RESULTS, add_run
from torch import Tensor

from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.pixel_sums import pixel_sums
from csgaussian_ns.scene.scene import Seen
from csgaussian_ns.semantic.metrics import SILHOUETTE, TrueView, iou

if TYPE_CHECKING:
    from csgaussian_ns.codec.scene import TensorScene
    from csgaussian_ns.render.rasterizer import Rasterizer

Unit = Literal["anchors", "gaussians"]
GROUP = 6
"""Channels drawn at once."""
LEAST, MOST = -2.0, 6.0
"""Binary logarithm of the power that a row's transparency may be raised to."""
STEEP = 8.0
"""Of the edge between inside and outside of a silhouette, while it is optimised."""


@dataclass(frozen=True)
class Truth:
    """A view as rows see it: what is seen, and which object each pixel shows, 0 for none."""

    seen: Seen
    label: Tensor
    whole: dict[int, Tensor]


@dataclass(frozen=True)
class Labelling:
    """An object for each row, and a power of its transparency, as a binary logarithm; 0 leaves it."""

    label: Tensor
    power: Tensor


@dataclass
class Options:
    """What to measure."""

    file: tyro.conf.Positional[Path]
    """A file of anchors."""
    data: Path = Path("path/to/scene")
    """Its capture, with true masks."""
    scale: float = 1.0
    """Of the pictures."""
    units: tuple[Unit, ...] = ("anchors",)
    """What gets labels."""
    epochs: int = 8
    """Over training views; over measured ones four times as many."""
    every: int = 1
    """Every which training view is learned from."""


def rows_of(scene: "TensorScene", unit: Unit) -> int:
    """How many rows there are to label."""
    return len(scene.position) * (scene.anchors.mask.shape[1] if unit == "gaussians" else 1)


@torch.no_grad()
def truths(scene: "TensorScene", views: Sequence[TrueView], names: Sequence[str], unit: Unit) -> list[Truth]:
    """The views; object n + 1 is that of ``names[n]``."""
    from csgaussian_ns.scene.spawn import spawn_visible

    result, slots = [], scene.anchors.mask.shape[1]
    for view in views:
        label = torch.zeros(view.camera.height, view.camera.width, dtype=torch.int64)
        for name, mask in view.masks.items():
            label[mask] = names.index(name) + 1
        index, spawned = spawn_visible(scene.anchors, scene.decoders, view.camera)
        row = index[spawned.owner]
        row = row * slots + spawned.slots % slots if unit == "gaussians" else row
        whole = {names.index(name) + 1: mask for name, mask in view.whole.items()}
        result.append(Truth(Seen(view.camera, spawned.gaussians, row, spawned.slots % slots), label, whole))
    return result


def opacities(seen: Seen, power: Tensor) -> Tensor:
    """Of the Gaussians, with their transparency raised to a power."""
    clear = (1 - seen.gaussians.opacities.clamp(max=0.9999)).clamp(min=1e-6)
    return 1 - clear ** torch.exp2(power)[seen.row]


def shares(seen: Seen, belongs: Tensor, opacity: Tensor, draw: "Rasterizer") -> Tensor:
    """How much each pixel shows of each object ``[H, W, N + 1]``; what shines through is none, number 0."""
    parts, alpha = [], None
    for first in range(0, belongs.shape[1], GROUP):
        group = belongs[:, first : first + GROUP]
        wide = torch.nn.functional.pad(group, (0, GROUP - group.shape[1])).contiguous()
        drawn = draw(replace(seen.gaussians, colors=wide, opacities=opacity), seen.camera)
        parts.append(drawn.image[..., : group.shape[1]])
        alpha = drawn.alpha
    assert alpha is not None
    image = torch.cat(parts, dim=-1)
    return image + torch.nn.functional.pad(1 - alpha, (0, image.shape[-1] - 1))


def coverage(seen: Seen, chosen: Tensor, opacity: Tensor, draw: "Rasterizer") -> Tensor:
    """Of the chosen Gaussians alone."""
    own = seen.gaussians.where(chosen)
    alone = replace(own, colors=own.colors[:, :3].detach(), opacities=opacity[chosen])
    return draw(alone, seen.camera).alpha[..., 0]


def votes(views: Sequence[Truth], objects: int, rows: int, draw: "Rasterizer") -> Tensor:
    """How much of each row is seen under each mask ``[rows, objects + 1]``."""
    sums = torch.zeros(rows, objects + 1)
    for view in views:
        masks = torch.nn.functional.one_hot(view.label, objects + 1).float()
        for first in range(0, objects + 1, GROUP):
            sums[:, first : first + GROUP] += pixel_sums(view.seen, masks[..., first : first + GROUP], rows, draw)
    return sums


def of_votes(sums: Tensor) -> Labelling:
    """Each row to the mask that holds most of it, with its own opacity."""
    return Labelling(sums.argmax(dim=1), torch.zeros(len(sums)))


def best(views: Sequence[Truth], sums: Tensor, draw: "Rasterizer", epochs: int, opacity: bool) -> Labelling:
    """Labels, and opacities on request, that fit the masks of ``views`` best, by descent from votes.

    The loss is the cross-entropy of what pixels show, small objects counting more, and that of silhouettes of objects
    drawn alone, where nothing else that has a mask may hide them.
    """
    start = (sums + 1e-3) / (sums + 1e-3).sum(dim=1, keepdim=True)
    logits, power = (2 * start.log()).requires_grad_(), torch.zeros(len(sums), requires_grad=opacity)
    groups = [{"params": [logits], "lr": 0.3}, *([{"params": [power], "lr": 0.15}] if opacity else [])]
    optimizer, random = torch.optim.Adam(groups, betas=(0.8, 0.95)), np.random.default_rng(0)
    for _ in range(epochs):
        for number in random.permutation(len(views)):
            optimizer.zero_grad()
            _loss(views[number], torch.softmax(logits, dim=1), power, random, draw).backward()
            optimizer.step()
            with torch.no_grad():
                power.clamp_(LEAST, MOST)
    return Labelling(logits.detach().argmax(dim=1), power.detach())


def _loss(view: Truth, belongs: Tensor, power: Tensor, random: np.random.Generator, draw: "Rasterizer") -> Tensor:
    seen, label = view.seen, view.label
    own, opacity = belongs[seen.row], opacities(seen, power)
    area = torch.bincount(label.flatten(), minlength=own.shape[1]).clamp(min=1).float()
    weight = area.rsqrt()[label]
    shown = shares(seen, own, opacity, draw).gather(-1, label[..., None])[..., 0].clamp(1e-3, 1)
    total = -(weight / weight.sum() * shown.log()).sum()
    for number in random.permutation([n for n in torch.unique(label).tolist() if n > 0])[:2]:
        inside = (label == number).float()
        chosen = own[:, number].detach() > 0.02
        covered = coverage(seen, chosen, opacity * own[:, number], draw)
        wrong = torch.nn.functional.binary_cross_entropy_with_logits(
            STEEP * (covered - SILHOUETTE), inside, reduction="none"
        )
        total = total + 0.3 * ((inside / area[number] + (label == 0) / area[number]) * wrong).sum()
    return total


@torch.no_grad()
def figures(views: Sequence[Truth], found: Labelling, draw: "Rasterizer") -> dict[str, dict[int, float]]:
    """Mean IoU of each object by each measure of ``semantic.metrics``, a click being a pixel of 2-D."""
    scores: dict[str, dict[int, list[float]]] = {"selection_3d": {}, "rendered_2d": {}, "whole_3d": {}}
    count = int(max(int(found.label.max()), *(int(view.label.max()) for view in views)))
    for view in views:
        own, opacity = found.label[view.seen.row], opacities(view.seen, found.power)
        belongs = torch.nn.functional.one_hot(own, count + 1).float()
        shown = shares(view.seen, belongs, opacity, draw).argmax(dim=-1)
        for number in (n for n in torch.unique(view.label).tolist() if n > 0):
            true, chosen = view.label == number, own == number
            silhouette = coverage(view.seen, chosen, opacity, draw) > SILHOUETTE
            scores["rendered_2d"].setdefault(number, []).append(iou(shown == number, true))
            scores["selection_3d"].setdefault(number, []).append(iou(silhouette, true))
            if number in view.whole:
                scores["whole_3d"].setdefault(number, []).append(iou(silhouette, view.whole[number]))
    return {name: {n: float(np.mean(values)) for n, values in own.items()} for name, own in scores.items()}


def measure(options: Options, unit: Unit) -> dict[str, object]:
    """All rows of one scene."""
    from csgaussian_ns.codec.decode import decode
    from csgaussian_ns.tools.views import open_views

    scene, draw = decode(options.file.read_bytes()), choose_rasterizer("auto", "cpu")
    sides = {}
    for side in ("eval", "train"):
        opened = open_views(options.data, scene.meta, side, None, options.scale, None)  # type: ignore[arg-type]
        sides[side] = [opened.true_view(view) for view in opened.annotated]
    names = list(dict.fromkeys(name for views in sides.values() for view in views for name in view.masks))
    measured = truths(scene, sides["eval"], names, unit)
    known = truths(scene, sides["train"][:: options.every], names, unit)
    of_measured, of_known = (votes(views, len(names), rows_of(scene, unit), draw) for views in (measured, known))
    start = of_measured + 0.1 * of_known
    rows = {
        "votes of training views": of_votes(of_known),
        "votes of measured views": of_votes(of_measured),
        "best labels": best(measured, start, draw, 4 * options.epochs, opacity=False),
        "best labels and opacities": best(measured, start, draw, 4 * options.epochs, opacity=True),
        "learned labels": best(known, of_known, draw, options.epochs, opacity=False),
        "learned labels and opacities": best(known, of_known, draw, options.epochs, opacity=True),
    }
    told = {name: figures(measured, labelling, draw) for name, labelling in rows.items()}
    if scene.semantics is not None:
        told["objects of the file"] = _of_file(scene, sides["eval"], names, draw)
    return {"rows": told, "names": names, "anchors": len(scene.position), "bytes": options.file.stat().st_size}


def _of_file(
    scene: "TensorScene", views: Sequence[TrueView], names: Sequence[str], draw: "Rasterizer"
) -> dict[str, dict[int, float]]:
    """What the objects in the file reach, matched to the true ones by overlap, in the form of ``figures``."""
    from csgaussian_ns.semantic.measure_objects import measure_objects

    report = measure_objects(scene, views, draw, "overlap").report()
    kinds = [kind for kind in ("selection_3d", "rendered_2d", "whole_3d") if kind in report]
    return {kind: {names.index(n) + 1: value for n, value in report[kind]["per_object"].items()} for kind in kinds}


def main(options: Options) -> None:
    """Measure, keep and tell."""
    for unit in options.units:
        record = {"scene": options.data.name, "scale": options.scale, "unit": unit, **measure(options, unit)}
        add_run(RESULTS / "ceiling.json", json.loads(json.dumps(record)), "csgaussian-lite")
        for name, row in record["rows"].items():  # type: ignore[attr-defined]
            means = {key: f"{np.mean([*values.values()]):.3f}" for key, values in row.items() if values}
            print(f"{options.data.name} {unit:9} {name:30} {means}", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options))
