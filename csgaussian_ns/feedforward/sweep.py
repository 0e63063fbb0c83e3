"""What views say of each other: how alike they are at each depth, and what others have at the depth of a view."""

from typing import Any

from csgaussian_ns.core.arrays import like, namespace
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.feedforward.operations import sampled
from csgaussian_ns.feedforward.views import Views, inside


def plane_sweep(
    features: Float[Any, "V C H W"], views: Views, planes: int, partners: int, cell: float | int
) -> Float[Any, "V D H W"]:
    """How alike each place of a view and what its partners have there are, if it lay at each depth.

    Args:
        features: What is compared.
        views: Their cameras.
        planes: Number of depths, ``views.inverse_depths``.
        partners: Most of the others that each view is compared with.
        cell: Pixels along the side of a place.

    Returns:
        Mean product of the channels, averaged over the partners that show the place; 0 where none does.
    """
    library = namespace(features)
    channels, height, width = features.shape[1:]
    depths = like(views.inverse_depths(planes), features)[:, None, None]
    tried = library.broadcast_to(depths, (planes, height, width))
    found = []
    for view, others in enumerate(views.partners(partners)):
        total, count = 0, 0
        for other in others:
            columns, rows = views.places_in(view, other, tried, cell)
            shown = like(inside(columns, rows, width, height), features)
            there = sampled(features[other], columns, rows)
            total = total + (features[view][:, None] * there).sum(0) * shown
            count = count + shown
        found.append(total / (library.maximum(count, library.ones_like(count)) * channels))
    return library.stack(found)


def seen_by_partners(
    features: Float[Any, "V C H W"],
    inverse_depth: Float[Any, "V 1 H W"],
    views: Views,
    partners: int,
    cell: float | int,
) -> Float[Any, "V C H W"]:
    """What the partners of each view have where its places lie, averaged over those that show them; else 0.

    Args:
        features: Of all views.
        inverse_depth: Of their places.
        views: Their cameras.
        partners: Most of the others that are asked.
        cell: Pixels along the side of a place.
    """
    library = namespace(features)
    height, width = features.shape[2:]
    found = []
    for view, others in enumerate(views.partners(partners)):
        total, count = 0, 0
        for other in others:
            columns, rows = views.places_in(view, other, inverse_depth[view, 0], cell)
            shown = like(inside(columns, rows, width, height), features)
            total = total + sampled(features[other], columns, rows) * shown
            count = count + shown
        found.append(total / library.maximum(count, library.ones_like(count)))
    return library.stack(found)
