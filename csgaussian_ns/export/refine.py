"""Plain Gaussians made to look, all together, as the scene does: gradient descent on pictures of it."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from csgaussian_ns.core.arrays import sigmoid
from csgaussian_ns.core.cores import available_cores
from csgaussian_ns.core.shapes import Float32
from csgaussian_ns.core.threads import run, split
from csgaussian_ns.export.fit import seen_along
from csgaussian_ns.export.views import ExportView
from csgaussian_ns.render.cpu_backward import blending_gradients, projection_gradients
from csgaussian_ns.render.cpu_fitting import PARAMETERS, Descent, Slopes, descend, view_colours
from csgaussian_ns.render.cpu_forward import blend, frame_of, project_points
from csgaussian_ns.render.cpu_projection import Places
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import basis

RATES = (0.1, 0.02, 0.004, 0.01, 0.01, 0.002)
"""Of the logit of opacity, the logarithms of scales, the quaternion of unit length, the coefficient of degree 0, the
centre in standard deviations, and the other coefficients."""
LAST = 0.1
"""Share of the rates at the end; they decay over the second half of the steps."""
DECAYS = (0.9, 0.99)
"""Of the moments of Adam. A Gaussian is seen in some of the views only, so the second forgets sooner than usual."""
OPAQUE = 0.995
"""Opacities start no higher, from where they can still fall."""


def refined(
    scene: GaussianScene,
    views: Sequence[ExportView],
    steps: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> GaussianScene:
    """Move all that a Gaussian has so that pictures come closest to those of ``views``.

    Each Gaussian by itself is fitted already. What is lost is that views draw different ones of those that lie close to
    each other, which no plain Gaussian can; only together can they make up for it.

    Args:
        scene: To begin with.
        views: Pictures, one a step.
        steps: How many.
        progress: Called with steps done and in all.
    """
    if not len(scene.means) or not steps:
        return scene
    descent = _start(scene)
    for step, view in enumerate(_drawn(views, steps)):
        decay = 1 - (1 - LAST) * max(0.0, 2 * step / steps - 1)
        _step(scene, descent, view, np.array(RATES, np.float32) * np.float32(decay))
        progress(step + 1, steps)
    values = descent.values
    harmonics = np.concatenate([values[:, None, 8:11], descent.rest], axis=1)
    shape = values[:, 11:].copy(), values[:, 4:8].copy(), np.exp(values[:, 1:4])
    return GaussianScene(*shape, sigmoid(values[:, 0]), harmonics, scene.background)


def _start(scene: GaussianScene) -> Descent:
    opacity = scene.opacities.clip(1e-6, OPAQUE)
    quats = scene.quats / np.linalg.norm(scene.quats, axis=1, keepdims=True).clip(min=1e-12)
    columns = np.log(opacity / (1 - opacity))[:, None], np.log(scene.scales.clip(min=1e-12)), quats
    values = np.concatenate([*columns, scene.harmonics[:, 0], scene.means], axis=1).astype(np.float32)
    assert values.shape[1] == PARAMETERS
    rest, second = scene.harmonics[:, 1:].copy(), np.zeros((len(values), 3), np.float32)
    return Descent(values, np.zeros_like(values), np.zeros_like(values), rest, second, np.zeros(len(values), np.int32))


def _drawn(views: Sequence[ExportView], steps: int) -> Iterator[ExportView]:
    """Views in random order, the same in every call, each once before any comes again."""
    generator = np.random.default_rng(0)
    order: list[int] = []
    for _ in range(steps):
        if not order:
            order = generator.permutation(len(views)).tolist()
        yield views[order.pop()]


def _step(scene: GaussianScene, descent: Descent, view: ExportView, rates: Float32[np.ndarray, " P"]) -> None:
    values, threads = descent.values, available_cores()
    frame = frame_of(view.camera, False, threads)
    means, quats = values[:, 11:].copy(), values[:, 4:8].copy()
    points, opacities = Places(means, quats, np.exp(values[:, 1:4])), sigmoid(values[:, 0])
    projected = project_points(frame, points, opacities)
    ids = projected.ids
    chunks = split(len(ids), 4 * threads) if len(ids) else []
    harmonics = basis(seen_along(means[ids], view), scene.degree)
    colors = np.empty((len(values), 3), np.float32)
    run(view_colours, [(*chunk, ids, harmonics, values, descent.rest, colors) for chunk in chunks], threads)
    blended = blend(frame, projected, colors, scene.background)
    of_image = 2 * (blended.image - view.picture * np.float32(1 / 255))
    blent = blending_gradients(blended, opacities, of_image, np.zeros_like(blended.alpha), None)
    placed = projection_gradients(frame, projected, points, blent.means2d, blent.planar)
    slopes = Slopes(blent.opacities, placed.means, placed.scales, placed.quats, blent.colors, harmonics)
    shared = ids, colors, slopes, rates, np.array(DECAYS, np.float32), descent
    run(descend, [(*chunk, *shared) for chunk in chunks], threads)
