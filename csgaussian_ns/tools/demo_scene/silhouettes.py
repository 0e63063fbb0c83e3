"""What each object would cover if it stood alone: the truth for an object that is drawn without the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.shapes import Bool, Float32
from csgaussian_ns.tools.demo_scene.geometry import Surface
from csgaussian_ns.tools.demo_scene.mesh import Tracer, assemble
from csgaussian_ns.tools.demo_scene.rings import DemoView


@dataclass(frozen=True)
class Shape:
    """One object alone: ray queries, and its vertices."""

    tracer: Tracer
    vertices: Float32[np.ndarray, "V 3"]


def shape_of(surfaces: Sequence[Surface]) -> Shape:
    """The shape of an object made of ``surfaces``."""
    mesh = assemble(surfaces, [1] * len(surfaces))
    return Shape(Tracer(mesh), mesh.vertices)


def silhouette(shape: Shape, view: DemoView) -> Bool[np.ndarray, "H W"]:
    """The pixels whose centre's ray meets the shape."""
    mask = np.zeros((view.height, view.width), np.bool_)
    pixels, depth = view.project(shape.vertices)
    limits = np.array([view.width, view.height])
    if (depth <= 0).any():  # the box of its corners means nothing then
        low, high = np.zeros(2, int), limits
    else:
        low = np.clip(np.floor(pixels.min(axis=0)).astype(int), 0, limits)
        high = np.clip(np.ceil(pixels.max(axis=0)).astype(int), 0, limits)
    x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    rays = view.rays(np.stack([x.ravel(), y.ravel()], axis=-1) + 0.5)
    if len(rays):
        origins = np.broadcast_to(view.centre.astype(np.float32), rays.shape)
        mask[y.ravel(), x.ravel()] = shape.tracer.first(origins, rays).face >= 0
    return mask
