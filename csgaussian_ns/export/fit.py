"""Plain Gaussians for those of a scene that every view sees anew: each by itself, by least squares over the views."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from csgaussian_ns.core.arrays import lengths
from csgaussian_ns.core.cores import available_cores
from csgaussian_ns.core.shapes import Float32, Int64
from csgaussian_ns.core.threads import each, run, split
from csgaussian_ns.export.views import ExportView, Found, match
from csgaussian_ns.render.contract import DILATION
from csgaussian_ns.render.cpu_fitting import SHAPE_SUMS, Samples, add_view, solve_harmonics, sums_of
from csgaussian_ns.scene.frustum import NEAR_PLANE
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS, basis

BLOCK = 1 << 16
"""Gaussians fitted at a time, at most, if a row has no more; their sums take 0.8 kB each."""
RIDGE = 0.005
"""Added to the normal equations of harmonics above degree 0: where few views see a Gaussian they tend to 0."""
MOST_VIEWS = 24
"""Taken of those given, evenly; more make little difference to each Gaussian by itself."""
BEHIND = 0.03
"""Share of the distance of what one sees at a pixel, by which what lies behind it loses a factor e of its weight."""
LEAST = 1e-3
"""Share of its area that a drawn Gaussian counts at least."""


def fitted(scene: Scene, views: Sequence[ExportView], found: Found, degree: int) -> Iterator[GaussianScene]:
    """Fit block by block, in the order of ``found``.

    Harmonics to the colours that views see; one opacity to theirs, with 0 where a view does not draw it; one shape to
    the means of the logarithms of its scales and of its quaternions. Samples count as much as they show in the view: by
    the area of the footprint, how little hides it, and for all but opacity how opaque it is.

    Args:
        scene: In arrays of numpy.
        views: What cameras see of it.
        found: The Gaussians.
        degree: Of the harmonics.
    """
    views = some_of(views)
    blocks = list(_blocks(found, len(scene.position)))
    for first in range(0, len(blocks), available_cores()):
        together = blocks[first : first + available_cores()]
        yield from each(_fit, [(scene, views, found, block, COEFFICIENTS[degree]) for block in together])


View = TypeVar("View")


def some_of(views: Sequence[View]) -> Sequence[View]:
    """As many as are fitted to, evenly spread."""
    return views[:: -(-len(views) // MOST_VIEWS)]


def _blocks(found: Found, rows: int) -> Iterator[tuple[int, int]]:
    """Runs of rows that together hold ``BLOCK`` Gaussians at most."""
    ends, low = np.cumsum(np.bincount(found.row, minlength=rows)), 0
    while low < rows:
        before = ends[low - 1] if low else 0
        high = max(low + 1, int(np.searchsorted(ends, before + BLOCK, side="right")))
        yield low, high
        low = high


def _fit(
    scene: Scene, views: Sequence[ExportView], found: Found, limits: tuple[int, int], coefficients: int
) -> GaussianScene:
    """Those of ``found`` whose rows lie within ``limits``."""
    threads, rows = available_cores(), np.zeros(len(scene.position), np.bool_)
    rows[slice(*limits)] = True
    block = found.within(*limits)
    sums, shown = np.zeros((len(block), sums_of(coefficients)), np.float32), np.zeros(len(block), np.float32)
    for view in views:
        seen = scene.seen(view.camera, rows)
        who, drawn = match(block, seen)
        g, weight = seen.only(drawn).gaussians, weights(block, view, who)
        shown += weight
        harmonics = basis(seen_along(g.means, view), COEFFICIENTS.index(coefficients))
        plain = map(np.ascontiguousarray, (g.quats, g.scales, g.opacities, g.colors))
        samples = Samples(who, weight[who], harmonics, *plain)
        run(add_view, [(*chunk, samples, sums) for chunk in _chunks(len(who), threads)], threads)
    harmonics, chunks = np.zeros((len(block), coefficients, 3), np.float32), _chunks(len(block), threads)
    run(solve_harmonics, [(*c, coefficients, np.float32(RIDGE), sums, harmonics) for c in chunks], threads)
    shape = sums[:, -SHAPE_SUMS:]
    weight = shape[:, :1].clip(min=1e-30)
    return GaussianScene(
        block.means,
        shape[:, 4:] / weight,
        np.exp(shape[:, 1:4] / weight),
        shape[:, 0] / shown.clip(min=1e-30),
        harmonics,
        scene.background,
    )


def _chunks(count: int, threads: int) -> list[tuple[int, int]]:
    return split(count, 4 * threads) if count else []


def seen_along(means: Float32[np.ndarray, "N 3"], view: ExportView) -> Float32[np.ndarray, "N 3"]:
    """Unit vectors from the camera to each place."""
    ray = means - np.asarray(view.camera.position, np.float32)
    return ray / lengths(ray).clip(min=1e-12)


def weights(found: Found, view: ExportView, drawn: Int64[np.ndarray, " M"]) -> Float32[np.ndarray, " N"]:
    """How much of each Gaussian shows: square pixels of its footprint, less what lies before it.

    One whose centre is outside the image counts next to nothing, and only if it is among those that are ``drawn``.
    """
    camera = view.camera
    matrix = np.asarray(camera.world_to_camera, np.float32)
    x, y, z = (found.means @ matrix[:3, :3].T + matrix[:3, 3]).T
    ahead = z > NEAR_PLANE
    z = np.where(ahead, z, 1)
    column, row = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
    inside = ahead & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    front = view.depth[np.where(inside, row, 0).astype(np.int64), np.where(inside, column, 0).astype(np.int64)]
    front = np.where(front > 0, front, z)
    hidden = np.exp(-np.maximum(z / front - 1, 0) / BEHIND)
    least = np.where(inside, LEAST, 0)
    least[drawn] = LEAST
    area = np.minimum((found.size * camera.fx / z) ** 2 + DILATION, camera.width * camera.height)
    return (area * np.maximum(np.where(inside, hidden, 0), least)).astype(np.float32)
