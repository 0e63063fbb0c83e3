"""How well objects are found. Measures that must never be mixed, because one model scores very differently by them.

*3-D selection*: an object's Gaussians are chosen once, drawn without the rest, and the silhouette above 0.7 is compared
with the true mask in every view where the object is (the protocol of OpenGaussian, InstanceGaussian and CSGaussian on
LERF-OVS). It ignores occlusion: what another object hides of the selected one counts against it.

*3-D selection of whole objects*: the same silhouette against what the object would cover if nothing hid it, where a
data set knows that. Where objects hide each other much, only this tells how good a selection is.

*2-D rendering*: the map of what each pixel shows, occlusion included, is compared with the true masks.

All are means over pairs of a view and an object that is seen in it; an object that was not found counts as 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.core.types import Camera
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.scene.scene import Seen
from csgaussian_ns.semantic.query import QueryableScene, semantics_of
from csgaussian_ns.semantic.seen import label_map, solid

SILHOUETTE = 0.7
"""Coverage from which a pixel belongs to the silhouette of an object drawn alone."""
ACCURACIES = (0.25, 0.5)
"""IoU above which an object counts as found, for Acc@."""

Matching = Mapping[str, Sequence[int]]
"""Name of a true object to the ids of the scene's objects that stand for it; empty if none does."""


@dataclass(frozen=True)
class TrueView:
    """A view and the true masks of the objects that are seen in it, at the camera's size.

    Attributes:
        name: Of the view.
        camera: Where it was taken from.
        masks: Where each object is seen.
        whole: What each would cover if nothing hid it; empty if that is not known.
    """

    name: str
    camera: Camera
    masks: dict[str, Bool[Tensor, "H W"]]
    whole: dict[str, Bool[Tensor, "H W"]] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """How well one object was found in one view: intersection over union by each measure; ``None`` if unknown."""

    view: str
    name: str
    selection_3d: float
    rendered_2d: float
    whole_3d: float | None = None


def iou(found: Bool[Tensor, "H W"], true: Bool[Tensor, "H W"]) -> float:
    """Intersection over union; 0 where both are empty."""
    union = int((found | true).sum())
    return int((found & true).sum()) / union if union else 0.0


@torch.no_grad()
def silhouette(seen: Seen, chosen: Bool[Tensor, " A"], rasterizer: Rasterizer) -> Bool[Tensor, "H W"]:
    """Where the ``chosen`` anchors, drawn without all others, cover more than ``SILHOUETTE``."""
    alone = seen.only(chosen[seen.row])
    return rasterizer(alone.gaussians, seen.camera).alpha[..., 0] > SILHOUETTE


def match_by_name(layer: SemanticLayer, names: Sequence[str]) -> Matching:
    """All objects that are called like the true one; case is ignored."""
    return {name: [entry.id for entry in layer.objects if entry.name.casefold() == name.casefold()] for name in names}


def match_by_overlap(overlap: Float[Tensor, "G P"], names: Sequence[str], ids: Sequence[int]) -> Matching:
    """The one-to-one assignment with the largest sum of IoU; true objects left over get none.

    Args:
        overlap: IoU of every true object (row) with every object of the scene (column), over all views together.
        names: What rows stand for.
        ids: What columns stand for.
    """
    rows, columns = linear_sum_assignment(overlap.numpy(), maximize=True)
    chosen = {names[row]: [ids[column]] for row, column in zip(rows, columns, strict=True) if overlap[row, column] > 0}
    return {name: chosen.get(name, []) for name in names}


def overlap_in_views(
    views: Sequence[TrueView], maps: Sequence[Int[Tensor, "H W"]], names: Sequence[str], ids: Sequence[int]
) -> Float[Tensor, "G P"]:
    """IoU of true objects with objects of the scene, pixels of all views counted together.

    Args:
        views: With true masks.
        maps: For each view, which object each pixel shows.
        names: True objects, the rows of the result.
        ids: Objects of the scene, its columns.
    """
    both = np.zeros((len(names), len(ids)))
    true_area, found_area = np.zeros((len(names), 1)), np.zeros((1, len(ids)))
    column = np.full(max(ids, default=0) + 1, len(ids))
    column[list(ids)] = np.arange(len(ids))
    for view, found in zip(views, maps, strict=True):
        places = column[found.cpu().numpy()]
        found_area += np.bincount(places.ravel(), minlength=len(ids) + 1)[: len(ids)]
        for row, name in enumerate(names):
            mask = view.masks.get(name)
            if mask is not None:
                true_area[row] += int(mask.sum())
                both[row] += np.bincount(places[mask.cpu().numpy()], minlength=len(ids) + 1)[: len(ids)]
    return torch.from_numpy(both / np.maximum(true_area + found_area - both, 1))


def maps_of(scene: QueryableScene, views: Sequence[TrueView], rasterizer: Rasterizer) -> list[Int[Tensor, "H W"]]:
    """Which object each pixel shows, for each view."""
    layer = semantics_of(scene)
    return [label_map(solid(scene.seen(view.camera), layer), layer.label, rasterizer) for view in views]


def measure(
    scene: QueryableScene,
    view: TrueView,
    found: Int[Tensor, "H W"],
    matching: Matching,
    rasterizer: Rasterizer,
) -> list[Pair]:
    """All measures for every object that is seen in a view.

    Args:
        scene: With objects.
        view: With true masks.
        found: Which object each pixel shows.
        matching: Which objects stand for the true ones.
        rasterizer: Draws silhouettes.

    Raises:
        DataError: A mask is not of the camera's size.
    """
    layer = semantics_of(scene)
    label, seen = layer.label, solid(scene.seen(view.camera), layer)
    pairs = []
    for name, true in view.masks.items():
        if true.shape != found.shape:
            raise DataError(
                f"the mask of {name!r} in view {view.name} has {true.shape[1]} x {true.shape[0]} pixels, its image "
                f"{found.shape[1]} x {found.shape[0]}"
            )
        if true.any():
            ids = torch.tensor(list(matching.get(name, ())), dtype=label.dtype, device=label.device)
            shape = silhouette(seen, torch.isin(label, ids), rasterizer)
            whole = iou(shape, view.whole[name]) if name in view.whole else None
            pairs.append(Pair(view.name, name, iou(shape, true), iou(torch.isin(found, ids), true), whole))
    return pairs


def summary(pairs: Sequence[Pair], measure_name: str) -> dict[str, Any]:
    """Means of one measure, a field of ``Pair``: over all pairs that have it, per object and per view."""
    pairs = [pair for pair in pairs if getattr(pair, measure_name) is not None]
    values = np.array([getattr(pair, measure_name) for pair in pairs])
    result: dict[str, Any] = {"miou": _mean(values), "pairs": len(pairs)}
    if measure_name != "rendered_2d":
        result |= {f"acc_{threshold}": _mean(values > threshold) for threshold in ACCURACIES}
    for key, owners in (("per_object", [p.name for p in pairs]), ("per_view", [p.view for p in pairs])):
        result[key] = {owner: _mean(values[np.array(owners) == owner]) for owner in dict.fromkeys(owners)}
    return result


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else 0.0
