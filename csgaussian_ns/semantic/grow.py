"""More or less than an object: its anchors ranked by how well they fit it, for when its border was drawn wrongly."""

from typing import Any

import numpy as np

from csgaussian_ns.core.arrays import ascending, median, namespace, places
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float

TINY = float(np.finfo(np.float32).tiny)


def resized(
    position: Float[Any, "A 3"],
    present: Bool[Any, " A"],
    layer: SemanticLayer,
    chosen: Bool[Any, " A"],
    percent: float | int,
) -> Bool[Any, " A"]:
    """A selection grown or shrunk.

    Growing adds the other anchors that fit best, shrinking takes away the own ones that fit worst. How badly an
    anchor fits is the distance of its feature from the selection's mean, in units of what is usual among the others,
    plus its distance from the selection's bounding box, in units of the box's diagonal.

    Args:
        position: Of the anchors.
        present: Which of them have a Gaussian; others are never added.
        layer: Their features.
        chosen: The selection; nothing becomes of nothing.
        percent: Anchors to add, or below 0 to take away (at least one stays), per cent of the selection's number.
    """
    own = chosen & present
    count = int(own.sum())
    if count == 0 or percent == 0:
        return chosen
    misfit = _misfit(position, layer.feature, own)
    result = chosen if percent > 0 else chosen & False
    candidates = places(~own & present) if percent > 0 else places(own)
    wanted = round(count * percent / 100) if percent > 0 else max(1, round(count * (1 + percent / 100)))
    result = result | False  # of its own
    result[candidates[ascending(misfit[candidates])[:wanted]]] = True
    return result


def _misfit(position: Float[Any, "A 3"], feature: Float[Any, "A D"], own: Bool[Any, " A"]) -> Float[Any, " A"]:
    library = namespace(position)
    norm = library.linalg.norm
    lowest, highest = library.amin(position[own], axis=0), library.amax(position[own], axis=0)
    outside = norm(library.maximum(lowest - position, position - highest).clip(min=0), axis=1)
    unlike = norm(feature - feature[own].mean(axis=0), axis=1)
    usual = max(float(median(unlike[~own])) if bool((~own).any()) else 1.0, TINY)
    return unlike / usual + outside / max(float(norm(highest - lowest)), TINY)
