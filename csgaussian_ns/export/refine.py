"""Plain Gaussians made to look, all together, as the scene does: gradient descent on pictures of it."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float32

from csgaussian_ns.core.arrays import sigmoid
from csgaussian_ns.core.cores import available_cores
from csgaussian_ns.export.fit import seen_along
from csgaussian_ns.export.views import View
from csgaussian_ns.render.cpu_backward import blending_gradients, projection_gradients
from csgaussian_ns.render.cpu_fitting import PARAMETERS, Descent, descend, view_colours
from csgaussian_ns.render.cpu_forward import blend, frame_of, project_points
from csgaussian_ns.render.cpu_projection import Points
from csgaussian_ns.render.threads import run, split
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import basis

RATES = (0.05, 0.01, 0.002, 0.005)
"""Of the logit of opacity, the logarithms of scales, the quaternion of unit length, and the coefficient of degree 0."""
LAST = 0.1
"""Share of the rates at the end; they decay over the second half of the steps."""
DECAYS = (0.9, 0.99)
"""Of the moments of Adam. A Gaussian is seen in some of the views only, so the second forgets sooner than usual."""
OPAQUE = 0.995
"""Opacities start no higher, from where they can still fall."""


def refined(
    scene: GaussianScene,
    views: Sequence[View],
    steps: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> GaussianScene:
    """Move opacities, shapes and constant colours so that pictures come closest to those of ``views``.

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
    descent, rest = _start(scene), np.ascontiguousarray(scene.harmonics[:, 1:])
    for step, view in enumerate(_drawn(views, steps)):
        decay = 1 - (1 - LAST) * max(0.0, 2 * step / steps - 1)
        _step(scene, descent, rest, view, np.array(RATES, np.float32) * np.float32(decay))
        progress(step + 1, steps)
    values = descent.values
    harmonics = np.concatenate([values[:, None, 8:], rest], axis=1)
    opacities = sigmoid(values[:, 0])
    return GaussianScene(scene.means, values[:, 4:8], np.exp(values[:, 1:4]), opacities, harmonics, scene.background)


def _start(scene: GaussianScene) -> Descent:
    opacity = scene.opacities.clip(1e-6, OPAQUE)
    quats = scene.quats / np.linalg.norm(scene.quats, axis=1, keepdims=True).clip(min=1e-12)
    columns = np.log(opacity / (1 - opacity))[:, None], np.log(scene.scales.clip(min=1e-12)), quats
    values = np.concatenate([*columns, scene.harmonics[:, 0]], axis=1).astype(np.float32)
    assert values.shape[1] == PARAMETERS
    return Descent(values, np.zeros_like(values), np.zeros_like(values), np.zeros(len(values), np.int32))


def _drawn(views: Sequence[View], steps: int) -> Iterator[View]:
    """Views in random order, the same in every call, each once before any comes again."""
    generator = np.random.default_rng(0)
    order: list[int] = []
    for _ in range(steps):
        if not order:
            order = generator.permutation(len(views)).tolist()
        yield views[order.pop()]


def _step(
    scene: GaussianScene,
    descent: Descent,
    rest: Float32[np.ndarray, "N R 3"],
    view: View,
    rates: Float32[np.ndarray, "4"],
) -> None:
    values, threads = descent.values, available_cores()
    frame = frame_of(view.camera, False, threads)
    points = Points(scene.means, np.ascontiguousarray(values[:, 4:8]), np.exp(values[:, 1:4]))
    opacities = sigmoid(values[:, 0])
    projected = project_points(frame, points, opacities)
    ids = projected.ids
    chunks = split(len(ids), 4 * threads) if len(ids) else []
    harmonics = basis(seen_along(scene.means[ids], view), scene.degree)
    colors = np.empty((len(values), 3), np.float32)
    run(view_colours, [(*chunk, ids, harmonics, values, rest, colors) for chunk in chunks], threads)
    blended = blend(frame, projected, colors, scene.background)
    of_image = 2 * (blended.image - view.picture * np.float32(1 / 255))
    by_blend = blending_gradients(blended, opacities, of_image, np.zeros_like(blended.alpha), None)
    by_shape = projection_gradients(frame, projected, points, by_blend.means2d, by_blend.planar)
    gradients = by_blend.opacities, by_shape.scales, by_shape.quats, by_blend.colors
    shared = ids, harmonics, *gradients, colors, rates, np.array(DECAYS, np.float32), descent
    run(descend, [(*chunk, *shared) for chunk in chunks], threads)
