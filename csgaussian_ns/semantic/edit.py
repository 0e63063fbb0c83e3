"""Scenes changed object by object. Every function returns something new; nothing that is passed in is altered.

An edited scene can be drawn, but not coded again as it is: a moved object no longer lies on the grid of voxels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool
from torch import Tensor

from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.types import Anchors, Gaussians
from csgaussian_ns.semantic.query import Selection

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""


@dataclass(frozen=True)
class Edited:
    """Anchors and their semantics, row by row."""

    anchors: Anchors
    semantics: SemanticLayer


def isolate(anchors: Anchors, layer: SemanticLayer, selection: Selection) -> Edited:
    """Only the selected objects."""
    return _kept(anchors, layer, selection.anchors)


def hide(anchors: Anchors, layer: SemanticLayer, selection: Selection) -> Edited:
    """Everything but the selected objects. What they hid was hardly seen in training, and shows it."""
    return _kept(anchors, layer, ~selection.anchors)


def translate(
    anchors: Anchors, layer: SemanticLayer, selection: Selection, shift: tuple[float, float, float]
) -> Edited:
    """The selected objects moved by ``shift``, in the training frame.

    Colours depend on the direction from which an anchor is seen, so reflections follow the new place.
    """
    moved = anchors.position + selection.anchors[:, None] * anchors.position.new_tensor(shift)
    chosen = {entry.id for entry in selection.objects}
    objects = tuple(_moved(entry, shift) if entry.id in chosen else entry for entry in layer.objects)
    return Edited(replace(anchors, position=moved), replace(layer, objects=objects))


def recolour(
    gaussians: Gaussians, chosen: Bool[Tensor, " N"], colour: tuple[float, float, float], strength: float = 0.7
) -> Gaussians:
    """Gaussians of one view with ``colour`` where ``chosen``, shaded as they were.

    Colours are decoded for each view, so this is done on Gaussians and not on anchors: spawn, recolour, draw.

    Args:
        gaussians: With RGB.
        chosen: Which to change.
        colour: RGB in [0, 1].
        strength: 0 changes nothing, 1 leaves nothing of the old hue.
    """
    target = gaussians.colors.new_tensor(colour)
    weights = gaussians.colors.new_tensor(LUMINANCE)
    shade = (gaussians.colors @ weights / (target @ weights).clamp_min(0.2))[:, None]
    mixed = (1 - strength) * gaussians.colors + strength * (target * shade).clamp(0, 1)
    return replace(gaussians, colors=torch.where(chosen[:, None], mixed, gaussians.colors))


def _kept(anchors: Anchors, layer: SemanticLayer, rows: Bool[Tensor, " A"]) -> Edited:
    index = torch.nonzero(rows)[:, 0]
    label = layer.label[index]
    left = set(torch.unique(label).tolist())
    objects = tuple(entry for entry in layer.objects if entry.id in left)
    return Edited(anchors.at(index), replace(layer, feature=layer.feature[index], label=label, objects=objects))


def _moved(entry: SceneObject, shift: Sequence[float]) -> SceneObject:
    centre, lowest, highest = (_add(place, shift) for place in (entry.centre, entry.lowest, entry.highest))
    return replace(entry, centre=centre, lowest=lowest, highest=highest)


def _add(place: Sequence[float], shift: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (a + b for a, b in zip(place, shift, strict=True))
    return x, y, z
