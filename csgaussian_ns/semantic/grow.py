"""More or less than an object: its anchors ranked by how well they fit it, for when its border was drawn wrongly."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.types import Anchors


def resized(
    anchors: Anchors, layer: SemanticLayer, chosen: Bool[Tensor, " A"], percent: float | int
) -> Bool[Tensor, " A"]:
    """A selection grown or shrunk.

    Growing adds the other anchors that fit best, shrinking takes away the own ones that fit worst. How badly an
    anchor fits is the distance of its feature from the selection's mean, in units of what is usual among the others,
    plus its distance from the selection's bounding box, in units of the box's diagonal.

    Args:
        anchors: Of the scene. Those without any kept Gaussian are never added.
        layer: Their features.
        chosen: The selection; nothing becomes of nothing.
        percent: Anchors to add, or below 0 to take away (at least one stays), per cent of the selection's number.
    """
    own = chosen & _present(anchors)
    count = int(own.sum())
    if count == 0 or percent == 0:
        return chosen
    misfit = _misfit(anchors.position, layer.feature, own)
    if percent > 0:
        others = torch.nonzero(~own & _present(anchors))[:, 0]
        best = others[misfit[others].argsort(stable=True)[: round(count * percent / 100)]]
        return chosen.index_fill(0, best, True)
    members = torch.nonzero(own)[:, 0]
    kept = members[misfit[members].argsort(stable=True)[: max(1, round(count * (1 + percent / 100)))]]
    return torch.zeros_like(chosen).index_fill(0, kept, True)


def _present(anchors: Anchors) -> Bool[Tensor, " A"]:
    return anchors.mask.amax(dim=1) > 0


def _misfit(position: Float[Tensor, "A 3"], feature: Float[Tensor, "A D"], own: Bool[Tensor, " A"]) -> Tensor:
    lowest, highest = position[own].amin(dim=0), position[own].amax(dim=0)
    outside = (torch.maximum(lowest - position, position - highest)).clamp_min(0).norm(dim=1)
    unlike = (feature - feature[own].mean(dim=0)).norm(dim=1)
    usual = unlike[~own].median() if bool((~own).any()) else unlike.new_ones(())
    tiny = torch.finfo(unlike.dtype).tiny
    return unlike / usual.clamp_min(tiny) + outside / (highest - lowest).norm().clamp_min(tiny)
