"""Light that passes through clear surfaces, and what mirrors show: rays that go on from where they hit."""

import numpy as np

from csgaussian_ns.core.shapes import Float32
from csgaussian_ns.tools.demo_scene.mesh import OFFSET, Hits, albedo, interpolate
from csgaussian_ns.tools.demo_scene.shading import Stage, shade, unit

DEEPEST = 10
"""Surfaces a ray goes on from; behind the last of them clear things are not seen."""
FAINT = 0.02
"""Rays that carry a smaller share of what a pixel shows end."""
STRAIGHT = 0.05
"""Share that clear surfaces reflect when one looks straight at them; more at an angle (Schlick, 1994)."""

Vectors = Float32[np.ndarray, "N 3"]


def radiance(stage: Stage, origins: Vectors, directions: Vectors) -> Vectors:
    """What rays bring: of what they hit, of what shines through it, and of what it reflects.

    Args:
        stage: The lit scene.
        origins: Where rays start.
        directions: Where they go, of any length.
    """
    return _along(stage, origins, directions, np.ones(len(origins), np.float32), 0)


def _along(
    stage: Stage, origins: Vectors, directions: Vectors, share: Float32[np.ndarray, " N"], depth: int
) -> Vectors:
    """The same; ``share`` is what a ray still counts after ``depth`` surfaces."""
    mesh = stage.mesh
    hits = (stage.tracer if depth < DEEPEST else stage.matt_tracer).first(origins, directions)
    total = shade(stage, hits, origins, directions)
    if mesh.plain:
        return total
    passing = mesh.passing[mesh.material[hits.face]]
    rows = np.nonzero((passing[:, :2] > 0).any(axis=1) & (depth < DEEPEST))[0]
    if len(rows) == 0:
        return total
    own = Hits(hits.face[rows], hits.weights[rows], hits.distance[rows])
    corners, (clear, mirror, bend) = mesh.faces[own.face], passing[rows].T
    values, rays = interpolate(stage.shiny, corners, own.weights), unit(directions[rows])
    places = origins[rows] + directions[rows] * own.distance[:, None]
    facing = np.einsum("nc,nc->n", rays, values[:, :3])
    normal = unit(values[:, :3]) * np.where(facing > 0, -1, 1).astype(np.float32)[:, None]
    cosine = np.clip(-np.einsum("nc,nc->n", rays, normal), 0, 1)
    reflected = np.where(clear > 0, (STRAIGHT + (1 - STRAIGHT) * (1 - cosine) ** 5) * (clear > 0), mirror)
    bounce = rays + 2 * cosine[:, None] * normal
    through = _bent(rays, normal, cosine, np.where(facing > 0, bend, 1 / bend), bounce)
    tint = albedo(mesh, mesh.material[own.face], interpolate(stage.matt, corners, own.weights)[:, :2])
    for way, weight in ((bounce, reflected), (through, clear * (1 - reflected))):
        on = np.nonzero(share[rows] * weight > FAINT)[0]
        if len(on):
            start = places[on] + OFFSET * way[on]
            found = _along(stage, start, way[on], (share[rows] * weight)[on], depth + 1)
            colour = tint[on] if way is through else np.where(clear[on, None] > 0, 1, tint[on]).astype(np.float32)
            total[rows[on]] += weight[on, None] * colour * found
    return total


def _bent(
    rays: Vectors,
    normal: Vectors,
    cosine: Float32[np.ndarray, " N"],
    ratio: Float32[np.ndarray, " N"],
    bounce: Vectors,
) -> Vectors:
    """Directions behind a surface (Snell); ``bounce`` where all is reflected. A ratio of 1 changes nothing."""
    squared = 1 - ratio**2 * (1 - cosine**2)
    along = (ratio * cosine - np.sqrt(np.maximum(squared, 0)))[:, None] * normal
    return np.where((squared >= 0)[:, None], unit(ratio[:, None] * rays + along), bounce).astype(np.float32)
