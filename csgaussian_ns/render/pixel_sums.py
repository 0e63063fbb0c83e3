"""How much of a picture is whose: blending weights, summed by the rows of a scene."""

from dataclasses import replace

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.scene.scene import Seen

CHANNELS = (3, 6)
"""Drawn at once: as many as colour has, or a semantic feature. The renderer's kernels for both are compiled already."""


def pixel_sums(seen: Seen, pixels: Float[Tensor, "H W C"], rows: int, rasterizer: Rasterizer) -> Float[Tensor, "R C"]:
    """For each row of a scene the sum of ``pixels``, each weighted by how much of the pixel is the row's.

    Those weights are the gradient of a rendering with respect to its colours.

    Args:
        seen: The view.
        pixels: At most as many channels as the most of ``CHANNELS``.
        rows: Number of rows of the scene.
        rasterizer: Passes gradients to colours.
    """
    channels = next(count for count in CHANNELS if count >= pixels.shape[2])
    wide = torch.nn.functional.pad(pixels, (0, channels - pixels.shape[2]))
    colours = wide.new_zeros(len(seen.row), channels).requires_grad_()
    with torch.enable_grad():
        image = rasterizer(replace(seen.gaussians, colors=colours), seen.camera).image
        (weights,) = torch.autograd.grad((image * wide).sum(), colours)
    return wide.new_zeros(rows, pixels.shape[2]).index_add_(0, seen.row, weights[:, : pixels.shape[2]])
