"""What masks teach features: the same inside a mask, different between masks (CSGaussian 3.2).

Everything is sums over pixels per mask, so memory does not grow with the number of masks.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float, Int

MIN_COVERAGE = 0.7
"""Pixels that the scene covers less than this are left out: their features are those of nothing (OpenGaussian)."""
LOWEST_RANK_WEIGHT = 0.1
"""Weight of the pair of masks that differs most; the pair that differs least has 1 (OpenGaussian)."""


class MaskLosses(NamedTuple):
    """Losses of one view, both 0 (with a gradient of 0) where no mask counts.

    Attributes:
        smoothing: Mean distance of a pixel to the mean of its mask: Eq. 1 per pixel, as a length.
        contrast: Mean closeness ``1 / (d^2 + 1)`` of two masks' means (Eq. 2, bounded), of the masks of one layer.
        masks: How many masks counted, in all layers.
    """

    smoothing: Float[Tensor, ""]
    contrast: Float[Tensor, ""]
    masks: int


class Members(NamedTuple):
    """Which pixels belong to the masks that count.

    Attributes:
        pixel: Indices into the flattened image.
        mask: Number of the mask of each of these pixels, from 0 on without gaps.
        size: Pixels of each mask.
    """

    pixel: Int[Tensor, " P"]
    mask: Int[Tensor, " P"]
    size: Int[Tensor, " M"]


def mask_losses(
    feature: Float[Tensor, "H W D"],
    coverage: Float[Tensor, "H W 1"],
    labels: Int[Tensor, "L H W"],
    min_pixels: int,
    rank_weights: bool = True,
    unlabelled: bool = True,
) -> MaskLosses:
    """Both losses of one view.

    The origin of feature space stands for "no object". In every layer it takes part in the contrast as if it were one
    more mask, and what no mask covers is smoothed towards it as if that were its mask. Without this, unlabelled
    surfaces would end up with somebody's feature: they get gradients too, small ones through the edges of masks, and
    Adam makes small ones large.

    Args:
        feature: Rendered features, not normalised.
        coverage: Rendered alpha.
        labels: Layers of masks that do not overlap within a layer; 0 is no mask, ids are below 2**16.
        min_pixels: Masks that show less are left out.
        rank_weights: Weight pairs by how close they are, see ``LOWEST_RANK_WEIGHT``.
        unlabelled: Whether pixels without any mask, in a view that has masks, belong to the origin.
    """
    flat, seen = feature.flatten(0, 1), coverage.detach().flatten() >= MIN_COVERAGE
    distance, closeness, masks = [], [], 0
    for layer in labels.flatten(1):
        members = members_of(layer, seen, min_pixels)
        if len(members.size) == 0:
            continue
        rows = flat.index_select(0, members.pixel)
        means = sum_by_mask(rows, members) / members.size[:, None]
        distance.append(_length(rows - means.index_select(0, members.mask)))
        closeness.append(contrast(torch.cat([means, means.new_zeros(1, means.shape[1])]), rank_weights))
        masks += len(means)
    if masks == 0:
        nothing = feature.sum() * 0
        return MaskLosses(nothing, nothing, 0)
    if unlabelled:
        without = torch.nonzero((labels == 0).all(dim=0).flatten() & seen)[:, 0]
        distance.append(_length(flat.index_select(0, without)))
    return MaskLosses(torch.cat(distance).mean(), torch.stack(closeness).mean(), masks)


def members_of(layer: Int[Tensor, " pixels"], seen: Tensor, min_pixels: int) -> Members:
    """The pixels of all masks of one layer that are ``seen`` and large enough."""
    pixel = torch.nonzero((layer > 0) & seen)[:, 0]
    label = layer.index_select(0, pixel).to(torch.int64)
    count = torch.bincount(label)
    counts = count >= max(min_pixels, 1)
    number = torch.cumsum(counts, 0) - 1
    kept = counts.index_select(0, label)
    return Members(pixel[kept], number.index_select(0, label[kept]), count[counts])


def contrast(means: Float[Tensor, "M D"], rank_weights: bool) -> Float[Tensor, ""]:
    """Mean of ``1 / (d^2 + 1)`` over all pairs of ``means``; 0 for fewer than two.

    The paper's ``1 / d^2`` has no limit where two means meet, and a single pair would decide the step.
    """
    first, second = torch.triu_indices(len(means), len(means), offset=1, device=means.device)
    if len(first) == 0:
        return means.sum() * 0
    closeness = 1 / ((means[first] - means[second]).square().sum(dim=-1) + 1)
    if not rank_weights:
        return closeness.mean()
    weight = torch.empty_like(closeness)
    weight[closeness.detach().argsort()] = torch.linspace(LOWEST_RANK_WEIGHT, 1, len(weight), device=weight.device)
    return (weight * closeness).mean()


def sum_by_mask(rows: Float[Tensor, "P C"], members: Members) -> Float[Tensor, "M C"]:
    """Sum over the pixels of each mask; ``rows`` are those of ``members.pixel``."""
    return rows.new_zeros(len(members.size), rows.shape[1]).index_add(0, members.mask, rows)


def _length(rows: Float[Tensor, "P D"]) -> Float[Tensor, " P"]:
    """Euclidean length with a gradient at 0."""
    return (rows.square().sum(dim=-1) + 1e-12).sqrt()
