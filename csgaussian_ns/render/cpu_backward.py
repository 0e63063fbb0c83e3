"""The way back through ``cpu_forward``: gradients of its two steps, on arrays of numpy, without torch.

Gradients take the way through ``Splats.means2d`` and ``Splats.planar``.
"""

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.core.threads import run, split
from csgaussian_ns.render.cpu_blending import GEOMETRY_SUMS, blend_backward
from csgaussian_ns.render.cpu_forward import Blended, Candidates, DrawCall, divided, zeros
from csgaussian_ns.render.cpu_gather import Gradients, Sums, gather_gradients
from csgaussian_ns.render.cpu_projection import Places
from csgaussian_ns.render.cpu_projection_grad import project_backward


def projection_gradients(
    frame: DrawCall,
    projected: Candidates,
    points: Places,
    of_means2d: NDArray[np.float32],
    of_planar: NDArray[np.float32],
) -> Places:
    """Gradients by the points that were projected.

    Args:
        frame: As for ``project_points``.
        projected: What it made.
        points: Of what.
        of_means2d: Gradient by the splats' ``means2d``.
        of_planar: Gradient by their ``planar``.
    """
    grads = Places(*map(np.empty_like, points))
    fixed = (projected.ids, projected.splats.rows, points, frame.pose, of_means2d, of_planar, grads)
    run(project_backward, [(*chunk, *fixed) for chunk in split(len(projected.ids), frame.threads)], frame.threads)
    return grads


def blending_gradients(
    blended: Blended,
    opacities: NDArray[np.float32],
    of_image: NDArray[np.float32],
    of_alpha: NDArray[np.float32],
    of_depth: NDArray[np.float32] | None,
) -> Gradients:
    """Gradients by what was blended.

    Args:
        blended: What ``blend`` made.
        opacities: Of all Gaussians.
        of_image: Gradient by its image ``[H, W, C]``.
        of_alpha: By its coverage ``[H, W]``.
        of_depth: By its depth ``[H, W]``, if it has any.
    """
    sums = _pair_sums(blended, of_image, of_alpha, of_depth)
    count, ids, frame = len(opacities), blended.projected.ids, blended.frame
    grads = Gradients(
        np.empty((count, 2), np.float32),
        np.empty((len(ids), 4), np.float32),
        np.empty(count, np.float32),
        np.empty((count, blended.own_channels), np.float32),
    )
    splats, width = blended.projected.splats.rows, zeros(sums.rows.shape[1])
    shared = ids, splats, opacities, sums, frame.with_depth, grads, width
    run(gather_gradients, [(*chunk, *shared) for chunk in split(len(ids), frame.threads)], frame.threads)
    return grads


def _pair_sums(
    blended: Blended,
    of_image: NDArray[np.float32],
    of_alpha: NDArray[np.float32],
    of_depth: NDArray[np.float32] | None,
) -> Sums:
    """The backward pass over all tiles."""
    if of_depth is not None and blended.depth is not None:
        of_blended = divided(of_depth, blended.alpha)
        of_alpha = of_alpha - of_blended * blended.depth
        of_image = np.concatenate([of_image, of_blended[..., None]], -1)
    lists, groups = blended.lists, blended.groups
    drawn_end = np.empty(len(lists.tile_start) - 1, np.int64)
    rows = np.empty((len(lists.place_splat), GEOMETRY_SUMS + groups.padded), np.float32)
    shared = blended.background, blended.kept, of_image, of_alpha, drawn_end, rows, zeros(groups.size)
    for part in groups.parts():
        jobs = [(tiles, blended.drawing, *part, *shared) for tiles in lists.shares]
        run(blend_backward, jobs, blended.frame.threads)
    return Sums(lists.slots, lists.slot_tile, lists.slot_place, drawn_end, rows)
