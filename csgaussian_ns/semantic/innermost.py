"""Masks that lie in one another as one label map: each pixel belongs to the smallest mask that holds it.

So a mask of a whole stands for what is in none of its parts, and nothing pulls parts together that other masks tell
apart. What is a part of what is told afterwards, by ``finding.wholes``.
"""

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Int


def innermost(labels: Int[Tensor, "L H W"]) -> Int[Tensor, "1 H W"]:
    """The smallest mask at each pixel, 0 for none; a single layer is returned as it is.

    Args:
        labels: Layers of masks that do not overlap within a layer, 0 for none, ids below 2**16, each of one mask.
    """
    if len(labels) == 1:
        return labels
    sizes = []
    for layer in labels:
        count = torch.bincount(layer.flatten().long())
        count[:1] = labels[0].numel() + 1  # no mask loses against all
        sizes.append(count[layer.long()])
    return labels.gather(0, torch.stack(sizes).argmin(dim=0, keepdim=True))
