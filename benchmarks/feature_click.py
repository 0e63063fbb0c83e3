"""How well semantic features alone tell objects apart: a click on a rendered feature map, no objects, no clustering.

Objects in a file are found with the help of masks, which hides what rounding and weighting do to features. Here nothing
but the decoded features decides, as in the paper's own selection: click the innermost pixel of a true mask, take every
pixel whose rendered feature is near that of the clicked one.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from csgaussian_ns.codec.scene import TensorScene
    from csgaussian_ns.render.rasterizer import Rasterizer
    from csgaussian_ns.semantic.metrics import TrueView

THRESHOLDS = 64
"""Distances that are tried; the best one of all views and objects is taken, so that its unit does not matter."""


@torch.no_grad()
def click_miou(
    scene: "TensorScene", weights: torch.Tensor, views: "Sequence[TrueView]", rasterizer: "Rasterizer"
) -> float:
    """Mean IoU over all pairs of view and object.

    Args:
        scene: Decoded, with features.
        weights: Quality of each anchor ``[A]``.
        views: With true masks.
        rasterizer: Draws.
    """
    from scipy.ndimage import distance_transform_edt

    assert scene.semantics is not None
    weighted = scene.semantics.feature.float() * weights[:, None]
    near, true = [], []
    for view in views:
        seen = scene.seen(view.camera)
        feature = rasterizer(replace(seen.gaussians, colors=weighted[seen.row]), view.camera).image
        for mask in view.masks.values():
            depth = torch.from_numpy(distance_transform_edt(torch.nn.functional.pad(mask, (1, 1, 1, 1)).numpy()))
            place = int(depth[1:-1, 1:-1].argmax())
            clicked = feature.flatten(0, 1)[place]
            near.append((feature - clicked).square().sum(dim=-1).sqrt())
            true.append(mask)
    inside_all = torch.cat([distance[mask] for distance, mask in zip(near, true, strict=True)])
    thresholds = inside_all[:: len(inside_all) // 10**6 + 1].quantile(torch.linspace(0.02, 1, THRESHOLDS))
    scores = torch.zeros(THRESHOLDS)
    for distance, mask in zip(near, true, strict=True):
        inside, total = distance[mask].sort().values, distance.flatten().sort().values
        hits = torch.searchsorted(inside, thresholds, right=True)
        taken = torch.searchsorted(total, thresholds, right=True)
        scores += hits / (taken + len(inside) - hits)
    return float(scores.max()) / len(near)
