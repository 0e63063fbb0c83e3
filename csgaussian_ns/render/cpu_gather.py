"""Compiled gathering: splats and features into rows for blending, and sums per pair back into gradients."""

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.render.cpu_blending import GEOMETRY_FIELDS, GEOMETRY_SUMS
from csgaussian_ns.render.cpu_jit import ONE, TWO, ZERO, clear_between, f32, kernel, prefetch

# ln(alpha) = -ln(2) |r|^2 + const
_AHEAD = 24  # slots to ask the memory for in advance
_TWICE_LN2 = f32(2.0 * math.log(2.0))


class Sums(NamedTuple):
    """What the backward pass of blending left behind.

    Attributes:
        slots: First and end slot of each splat.
        slot_tile, slot_place: Tile of each slot, and place of it in the lists.
        drawn_end: First place of each tile that was not drawn; its rows in ``rows`` and beyond were never written.
        rows: Sums per place, see ``cpu_blending.GEOMETRY_SUMS``.
    """

    slots: NDArray[np.int32]
    slot_tile: NDArray[np.int32]
    slot_place: NDArray[np.int32]
    drawn_end: NDArray[np.int64]
    rows: NDArray[np.float32]


class Gradients(NamedTuple):
    """Where ``gather_gradients`` writes: by Gaussian, but ``planar`` by splat."""

    means2d: NDArray[np.float32]
    planar: NDArray[np.float32]
    opacities: NDArray[np.float32]
    colors: NDArray[np.float32]


@kernel
@no_type_check
def gather_rows(start, stop, ids, splats, colors, with_depth, rows):
    """Row by row: geometry, the Gaussian's colours, its depth if asked for, zeros up to whole groups of channels."""
    depth_at = GEOMETRY_FIELDS + colors.shape[1]
    for q in range(start, stop):
        for k in range(GEOMETRY_FIELDS):
            rows[q, k] = splats[q, k]
        for k in range(colors.shape[1]):
            rows[q, GEOMETRY_FIELDS + k] = colors[ids[q], k]
        for k in range(depth_at, rows.shape[1]):
            rows[q, k] = ZERO
        if with_depth:
            rows[q, depth_at] = splats[q, 6]


@kernel
@no_type_check
def gather_gradients(start, stop, ids, splats, opacities, sums, with_depth, grads, zeros):
    """Add the sums of each splat's pairs, in slot order, and turn them into gradients for rows [start, stop).

    With p = inverse(cov) d, d ln(alpha) = p d(mean) + 1/2 p p^T d(cov); p comes from the whitened offset, so no
    inverse is formed. The length of the tuple ``zeros`` says how many sums there are: a number that is known only at
    run time costs 1.3 times.
    """
    width = len(zeros)
    channels = grads.colors.shape[1]
    total = np.empty(width, np.float32)
    last = sums.slots[stop - 1, 1] - 1 if stop > start else 0
    clear_between(ids, start, stop, grads.means2d)
    clear_between(ids, start, stop, grads.colors)
    clear_between(ids, start, stop, grads.opacities.reshape(-1, 1))
    for q in range(start, stop):
        i = ids[q]
        if sums.slots[q, 0] == sums.slots[q, 1]:  # in no tile, and its whitening may be infinite
            grads.planar[q, :] = ZERO
            continue
        for k in range(width):
            total[k] = ZERO
        for slot in range(sums.slots[q, 0], sums.slots[q, 1]):
            place = sums.slot_place[slot]
            later = sums.slot_place[min(slot + _AHEAD, last)]
            prefetch(sums.rows, later, 0)  # pyright: ignore[reportCallIssue]
            prefetch(sums.rows, later, width - 1)  # pyright: ignore[reportCallIssue]
            if place < sums.drawn_end[sums.slot_tile[slot]]:
                for k in range(width):
                    total[k] += sums.rows[place, k]
        l1, l2, l3 = _TWICE_LN2 * splats[q, 2], _TWICE_LN2 * splats[q, 3], _TWICE_LN2 * splats[q, 4]
        g1, g2, g11, g12, g22 = total[1], total[2], total[3], total[4], total[5]
        grads.means2d[i, 0], grads.means2d[i, 1] = l1 * g1, l2 * g1 + l3 * g2
        grads.planar[q, 0] = l1 * l1 * g11 / TWO
        grads.planar[q, 1] = l1 * (l2 * g11 + l3 * g12)
        grads.planar[q, 2] = (l2 * l2 * g11 + TWO * l2 * l3 * g12 + l3 * l3 * g22) / TWO
        grads.planar[q, 3] = total[GEOMETRY_SUMS + channels] if with_depth else ZERO
        grads.opacities[i] = total[0] * (ONE / opacities[i])
        for k in range(channels):
            grads.colors[i, k] = total[GEOMETRY_SUMS + k]
