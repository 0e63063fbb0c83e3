"""Gaussians that are missing from a training view, so that none can be relied on alone."""

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float


def dropout(shape: tuple[int, ...], share: float, generator: torch.Generator) -> Float[Tensor, "A K"]:
    """Factors of opacity that leave out a ``share`` of all slots in one view and strengthen the others to match.

    What one training view needs must then be spread over Gaussians that other views check too (DropGaussian, Park et
    al. 2025).

    Args:
        shape: Anchors and slots.
        share: In [0, 1).
        generator: Source of the random choice; its device is that of the result.
    """
    stays = torch.rand(shape, generator=generator, device=generator.device) >= share
    return stays / (1 - share)
