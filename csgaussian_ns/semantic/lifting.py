"""From masks in views to anchors: how much of what views see of an anchor lies under masks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from csgaussian_ns.core.types import Anchors, Camera
from csgaussian_ns.render.backend import Rasterizer
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.semantic.seen import Seen, see

CHANNELS = 3
"""As many as colour has: the renderer's kernels for it are compiled already."""


@dataclass(frozen=True)
class MaskedView:
    """A view and its masks: layers of label maps, 0 for none. What else the ids mean does not matter here."""

    camera: Camera
    labels: Int[Tensor, "L H W"]


def thinned(view: MaskedView, most_pixels: int) -> MaskedView:
    """A view with every n-th pixel in both directions, n chosen so that at most ``most_pixels`` are left."""
    height, width = view.labels.shape[1:]
    every = max(1, math.ceil(math.sqrt(height * width / most_pixels)))
    first = every // 2
    labels = view.labels[:, first::every, first::every]
    old = view.camera
    camera = replace(
        old,
        fx=old.fx / every,
        fy=old.fy / every,
        cx=(old.cx - first - 0.5) / every + 0.5,
        cy=(old.cy - first - 0.5) / every + 0.5,
        width=labels.shape[2],
        height=labels.shape[1],
    )
    return MaskedView(camera, labels)


def labelled_share(
    anchors: Anchors, decoders: Decoders, views: Iterable[MaskedView], rasterizer: Rasterizer
) -> Float[Tensor, " A"]:
    """Which share of what ``views`` see of each anchor, by blending weight, lies under a mask; 0 if they never see it.

    Losses of masks reach no other anchors, so the features of those mean nothing.
    """
    sums = anchors.position.new_zeros(len(anchors), 2)
    for view in views:
        labelled = (view.labels > 0).any(dim=0)
        pixels = torch.stack([torch.ones_like(labelled), labelled], dim=-1).to(sums)
        sums += pixel_sums(see(anchors, decoders, view.camera), pixels, len(anchors), rasterizer)
    seen, covered = sums.unbind(dim=1)
    return covered / seen.clamp(min=1e-6)


def pixel_sums(
    seen: Seen, pixels: Float[Tensor, "H W C"], anchors: int, rasterizer: Rasterizer
) -> Float[Tensor, "A C"]:
    """For each anchor the sum of ``pixels``, each weighted by how much of the pixel is the anchor's.

    Those weights are the gradient of a rendering with respect to its colours.

    Args:
        seen: The view.
        pixels: At most ``CHANNELS`` channels.
        anchors: Number of anchors of the scene.
        rasterizer: Passes gradients to colours.
    """
    wide = torch.nn.functional.pad(pixels, (0, CHANNELS - pixels.shape[2]))
    colours = wide.new_zeros(len(seen.anchor), CHANNELS).requires_grad_()
    with torch.enable_grad():
        image = rasterizer(replace(seen.gaussians, colors=colours), seen.camera).image
        (weights,) = torch.autograd.grad((image * wide).sum(), colours)
    return wide.new_zeros(anchors, pixels.shape[2]).index_add_(0, seen.anchor, weights[:, : pixels.shape[2]])
