"""Bakes diffuse light into the vertices: soft shadows of two lamps and three bounces between surfaces.

Baked once, it is the same from every view and free of noise, which is what a reconstruction should find. All vertices
use the same sample pattern, so what would be noise becomes steps of less than one percent.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.shapes import Float32, Int32
from csgaussian_ns.tools.demo_scene.mesh import OFFSET, Mesh, Tracer, albedo
from csgaussian_ns.tools.demo_scene.room import Lamp

DIRECTIONS = 64
"""Directions gathered per vertex for light that comes from other surfaces."""
BOUNCES = 3
CHUNK = 8192


@dataclass(frozen=True)
class Light:
    """Light that falls on the vertices.

    Attributes:
        irradiance: Diffuse irradiance, direct and indirect, linear RGB.
        seen: Share of each lamp that the vertex sees, for highlights.
    """

    irradiance: Float32[np.ndarray, "V 3"]
    seen: Float32[np.ndarray, "V L"]


def _hemisphere() -> Float32[np.ndarray, "D 3"]:
    """Cosine-weighted directions around +z from a golden-angle spiral."""
    k = np.arange(DIRECTIONS) + 0.5
    radius, turn = np.sqrt(k / DIRECTIONS), k * math.pi * (3 - math.sqrt(5))
    spiral = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.sqrt(1 - radius**2)], axis=-1)
    return spiral.astype(np.float32)


def _frames(normals: Float32[np.ndarray, "N 3"]) -> Float32[np.ndarray, "N 3 3"]:
    """Right-handed frames with the normal as third axis."""
    helper = np.where(np.abs(normals[:, 2:]) > 0.9, [[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]]).astype(np.float32)
    side = np.cross(helper, normals)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    return np.stack([side, np.cross(normals, side), normals], axis=1)


def _direct(
    origins: Float32[np.ndarray, "N 3"], normals: Float32[np.ndarray, "N 3"], lamp: Lamp, tracer: Tracer
) -> tuple[Float32[np.ndarray, "N 3"], Float32[np.ndarray, " N"]]:
    """Irradiance from one lamp, and the share of it that is in sight."""
    count = len(lamp.points)
    ray = lamp.points.astype(np.float32)[None] - origins[:, None]
    squared = (ray**2).sum(axis=-1)
    cosine = np.maximum(np.einsum("nlc,nc->nl", ray, normals), 0.0)
    cosine *= np.maximum(-(ray @ lamp.facing.astype(np.float32)), 0.0)
    row, point = np.nonzero(cosine > 0)
    seen = np.zeros((len(origins), count), dtype=np.float32)
    seen[row, point] = ~tracer.blocked(origins[row], lamp.points[point], 1 - 1e-3)
    amount = (seen * cosine / squared**2).mean(axis=1)
    return (amount[:, None] * lamp.power).astype(np.float32), seen.mean(axis=1)


def _face_albedo(mesh: Mesh) -> Float32[np.ndarray, "F 3"]:
    """Texture at the middle of each face; 0 for lights, whose light is counted by ``_direct``."""
    middle = mesh.uv[mesh.faces].mean(axis=1)
    lit = mesh.finish[mesh.material, 2:] == 0
    return albedo(mesh, mesh.material, middle) * lit


def bake(mesh: Mesh, tracer: Tracer, lamps: Sequence[Lamp], pool: Executor, step: Callable[[float], None]) -> Light:
    """Light every vertex.

    Args:
        mesh: The scene.
        tracer: Ray queries on it.
        lamps: The lights.
        pool: Threads to use.
        step: Called with the share of the work just done; the shares sum to 1.

    Returns:
        Irradiance and lamp visibility per vertex.
    """
    starts = range(0, len(mesh.vertices), CHUNK)
    pattern = _hemisphere()

    def work(start: int) -> tuple[Float32[np.ndarray, "N 3"], Float32[np.ndarray, "N L"], Int32[np.ndarray, "N D"]]:
        normals = mesh.normals[start : start + CHUNK]
        origins = mesh.vertices[start : start + CHUNK] + OFFSET * normals
        lit = [_direct(origins, normals, lamp, tracer) for lamp in lamps]
        rays = np.einsum("dk,nkc->ndc", pattern, _frames(normals)).reshape(-1, 3)
        seen_faces = tracer.first(np.repeat(origins, DIRECTIONS, axis=0), rays).face.reshape(-1, DIRECTIONS)
        step(0.9 / len(starts))
        return np.sum([e for e, _ in lit], axis=0), np.stack([v for _, v in lit], axis=-1), seen_faces

    parts = list(pool.map(work, starts))
    direct, seen, gathered = (np.concatenate([p[k] for p in parts]) for k in range(3))
    reflect = _face_albedo(mesh)
    total = direct
    for _ in range(BOUNCES):
        # One row more for rays that left the room: index -1 reads it.
        glow = np.concatenate([reflect * total[mesh.faces].mean(axis=1), np.zeros((1, 3), np.float32)])
        total = direct + glow[gathered].mean(axis=1)
    step(0.1)
    return Light(total.astype(np.float32), seen.astype(np.float32))
