"""Compiled gathering: features into rows per splat, and per-pair sums back into gradients per Gaussian."""

import math
from typing import no_type_check

import numpy as np

from csgaussian_ns.render.cpu_blending import GEOMETRY_SUMS
from csgaussian_ns.render.cpu_jit import ONE, TWO, ZERO, f32, kernel

# ln(alpha) = -ln(2) |r|^2 + const
_LN2 = f32(math.log(2.0))


@kernel
@no_type_check
def gather_features(start, stop, ids, colors, splats, with_depth, features):
    """Row by row: the splat's colours, then its depth if asked for, then zeros up to whole groups of channels."""
    channels = colors.shape[1]
    for q in range(start, stop):
        for k in range(channels):
            features[q, k] = colors[ids[q], k]
        for k in range(channels, features.shape[1]):
            features[q, k] = ZERO
        if with_depth:
            features[q, channels] = splats[q, 6]


@kernel
@no_type_check
def gather_gradients(
    start, stop, ids, splats, opacities, slots, slot_place, sums, with_depth, grad_means2d, grad_planar,
    grad_opacities, grad_colors,
):
    """Add the sums of each splat's pairs, in slot order, and turn them into gradients for rows [start, stop).

    Rows of Gaussians that are no candidates stay as they are: the caller hands over zeros. With r = L^T d / s (s the
    whitening scale) and p = inverse(cov) d, d ln(alpha) = p d(mean) + 1/2 p p^T d(cov); no inverse is formed.
    """
    channels = grad_colors.shape[1]
    total = np.empty(sums.shape[1], np.float32)
    for q in range(start, stop):
        i = ids[q]
        total[:] = ZERO
        for slot in range(slots[q, 0], slots[q, 1]):
            place = slot_place[slot]
            for k in range(len(total)):
                total[k] += sums[place, k]
        twice = TWO * _LN2
        l1, l2, l3 = twice * splats[q, 2], twice * splats[q, 3], twice * splats[q, 4]
        g1, g2, g11, g12, g22 = total[1], total[2], total[3], total[4], total[5]
        grad_means2d[i, 0], grad_means2d[i, 1] = l1 * g1, l2 * g1 + l3 * g2
        grad_planar[q, 0] = l1 * l1 * g11 / TWO
        grad_planar[q, 1] = l1 * (l2 * g11 + l3 * g12)
        grad_planar[q, 2] = (l2 * l2 * g11 + TWO * l2 * l3 * g12 + l3 * l3 * g22) / TWO
        grad_planar[q, 3] = total[GEOMETRY_SUMS + channels] if with_depth else ZERO
        grad_opacities[i] = total[0] * (ONE / opacities[i])
        for k in range(channels):
            grad_colors[i, k] = total[GEOMETRY_SUMS + k]
