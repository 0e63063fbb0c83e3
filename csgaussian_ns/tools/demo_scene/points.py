"""The two point clouds: SfM-like points to start training from, and surface points that know their object."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.shapes import Bool, Float, Float32, Int, UInt8
from csgaussian_ns.tools.demo_scene.mesh import Hits, Mesh, Tracer
from csgaussian_ns.tools.demo_scene.rings import DemoView
from csgaussian_ns.tools.demo_scene.shading import Stage

NOISE = 0.35
"""Standard deviation of a sparse point across its viewing ray, in pixels: what SfM reaches on such images."""
DEPTH_NOISE = 2.5
"""The same along the ray, as a multiple: triangulation is worse in depth."""
TRACK = 3
"""Views that must see a sparse point."""
OVERSAMPLING = 3
ON_GLASS = 0.1
"""Share of the keypoints on clear surfaces that are of the surface; the others are of what shines through."""
EDGE_CLEARANCE = 2e-3
"""A ray to a point may stop this share of its length before it."""


@dataclass(frozen=True)
class Cloud:
    """Points with one small integer payload: RGB for sparse points, the instance id for surface points."""

    xyz: Float[np.ndarray, "N 3"]
    payload: UInt8[np.ndarray, "N K"]


def sees(
    view: DemoView, tracer: Tracer, points: Float[np.ndarray, "N 3"]
) -> tuple[Bool[np.ndarray, " N"], Int[np.ndarray, "N 2"]]:
    """Which points one view sees, and the pixel (column, row) of each; clipped where not seen."""
    place, depth = view.project(points)
    size = np.array([view.width, view.height])
    inside = (depth > 0.05) & (place >= 0).all(axis=1) & (place < size).all(axis=1)
    chosen = np.nonzero(inside)[0]
    eye = np.broadcast_to(view.centre, (len(chosen), 3))
    inside[chosen] = ~tracer.blocked(eye, points[chosen], 1 - EDGE_CLEARANCE)
    return inside, np.clip(np.floor(place), 0, size - 1).astype(np.int64)


def _corners(image: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, " P"]:
    """Chance of each pixel to give a keypoint: its contrast in both directions, plus a little everywhere."""
    grey = image.astype(np.float64).mean(axis=-1)
    dy, dx = np.gradient(grey)
    weight = np.sqrt(np.abs(dx) * np.abs(dy)) + 0.3 * np.hypot(dx, dy) + 0.3
    return (weight / weight.sum()).ravel()


def _candidates(
    stage: Stage, view: DemoView, image: UInt8[np.ndarray, "H W 3"], count: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"]]:
    """Surface points under well-textured pixels of one view, and the error that a triangulation would make there."""
    pixel = rng.choice(view.width * view.height, size=count, p=_corners(image))
    place = np.stack([pixel % view.width, pixel // view.width], axis=-1) + rng.random((count, 2))
    rays = view.rays(place)
    hits = stage.tracer.first(np.broadcast_to(view.centre, rays.shape), rays)
    distance, real = hits.distance, np.ones(count, np.bool_)
    if not stage.mesh.plain:
        distance, real = _as_matched(stage, view, rays, hits, rng)
    depth = distance[:, None].astype(np.float64)
    across = rng.normal(size=(count, 2)) * NOISE / view.focal
    error = across @ view.pose[:3, :2].T + rays * rng.normal(size=(count, 1)) * NOISE * DEPTH_NOISE / view.focal
    return (view.centre + rays * depth)[real], (error * depth)[real]


def _as_matched(
    stage: Stage, view: DemoView, rays: Float[np.ndarray, "N 3"], hits: Hits, rng: np.random.Generator
) -> tuple[Float32[np.ndarray, " N"], Bool[np.ndarray, " N"]]:
    """How far away matching finds what rays see, and whether it finds anything: what mirrors show moves."""
    clear, mirror, _ = stage.mesh.passing[stage.mesh.material[hits.face]].T
    behind = stage.matt_tracer.first(np.broadcast_to(view.centre, rays.shape), rays)
    through = (clear > 0) & (rng.random(len(rays)) > ON_GLASS)
    mirrored = np.where(through, stage.mesh.passing[stage.mesh.material[behind.face], 1], mirror)
    return np.where(through, behind.distance, hits.distance), mirrored == 0


def sparse_points(
    stage: Stage,
    views: Sequence[DemoView],
    images: Sequence[UInt8[np.ndarray, "H W 3"]],
    count: int,
    rng: np.random.Generator,
) -> Cloud:
    """Points as structure from motion would find them.

    Args:
        stage: The scene.
        views: All cameras.
        images: What they saw.
        count: Number wanted; fewer come back when too few candidates are seen by ``TRACK`` views.
        rng: Choice of points and their errors.

    Returns:
        Noisy positions and the mean colour of the pixels that see them.
    """
    share = -(-OVERSAMPLING * count // len(views))
    found = [_candidates(stage, view, image, share, rng) for view, image in zip(views, images, strict=True)]
    exact, error = (np.concatenate([pair[k] for pair in found]) for k in (0, 1))
    track = np.zeros(len(exact), dtype=np.int64)
    color = np.zeros((len(exact), 3))
    for view, image in zip(views, images, strict=True):
        seen, pixel = sees(view, stage.matt_tracer, exact)
        track += seen
        color[seen] += image[pixel[seen, 1], pixel[seen, 0]]
    kept = rng.permutation(np.nonzero(track >= TRACK)[0])[:count]
    rgb = np.rint(color[kept] / track[kept, None]).astype(np.uint8)
    return Cloud(exact[kept] + error[kept], rgb)


def _on_surface(
    mesh: Mesh, faces: Int[np.ndarray, " F"], count: int, rng: np.random.Generator
) -> Float[np.ndarray, "N 3"]:
    """Points spread evenly over ``faces``."""
    corners = mesh.vertices[mesh.faces[faces]].astype(np.float64)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = corners[rng.choice(len(faces), size=count, p=area / area.sum())]
    a, b = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return (1 - a) * chosen[:, 0] + a * (1 - b) * chosen[:, 1] + a * b * chosen[:, 2]


def instance_points(
    stage: Stage, views: Sequence[DemoView], objects: int, per_object: int, rng: np.random.Generator
) -> Cloud:
    """Exact surface points of every object that at least one view sees, up to ``per_object`` each, with its id."""
    clouds, owners = [], []
    for owner in range(1, objects + 1):
        faces = np.nonzero(stage.mesh.instance == owner)[0]
        points = _on_surface(stage.mesh, faces, OVERSAMPLING * per_object, rng)
        seen = np.any([sees(view, stage.tracer, points)[0] for view in views], axis=0)
        points = points[seen][:per_object]
        clouds.append(points)
        owners.append(np.full((len(points), 1), owner, dtype=np.uint8))
    return Cloud(np.concatenate(clouds), np.concatenate(owners))
