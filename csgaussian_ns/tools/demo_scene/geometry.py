"""Textured triangle meshes from four generators: patch, box, lathe and tube. Nothing here knows about light.

Lengths are metres, z is up. Every surface is tessellated to about ``EDGE``, because light is baked per vertex.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from csgaussian_ns.core.shapes import Float, Float32, Int32
from csgaussian_ns.tools.demo_scene.textures import Material, Number

EDGE = 0.006
"""Target edge length of the tessellation: about one pixel and a half of the default cameras at the table."""
CORNER = math.radians(35.0)
"""A lathe profile that turns by more than this has an edge there; below it is shaded smoothly."""


@dataclass(frozen=True)
class Surface:
    """One textured mesh.

    Attributes:
        vertices: Positions.
        normals: Unit shading normals, pointing out of the solid.
        uv: Texture coordinates in [0, 1], v upwards in the image.
        faces: Counter-clockwise vertex triples as seen from outside.
        material: What the surface is made of.
    """

    vertices: Float32[np.ndarray, "V 3"]
    normals: Float32[np.ndarray, "V 3"]
    uv: Float32[np.ndarray, "V 2"]
    faces: Int32[np.ndarray, "F 3"]
    material: Material


def transformed(
    surfaces: Sequence[Surface],
    offset: Sequence[Number] | Float[np.ndarray, "3"] = (0.0, 0.0, 0.0),
    yaw: Number = 0.0,
    pitch: Number = 0.0,
) -> list[Surface]:
    """Turn ``surfaces`` by ``pitch`` about x, then ``yaw`` about z (radians), then shift them by ``offset``."""
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    turn = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    turn = turn.astype(np.float32)
    shift = np.asarray(offset, dtype=np.float32)
    return [replace(s, vertices=s.vertices @ turn.T + shift, normals=s.normals @ turn.T) for s in surfaces]


def _grid(
    points: Float[np.ndarray, "R C 3"],
    normals: Float[np.ndarray, "R C 3"],
    uv: Float[np.ndarray, "R C 2"],
    material: Material,
) -> Surface:
    """Triangulate a grid whose column direction crossed with its row direction points outwards."""
    rows, cols = points.shape[:2]
    index = np.arange(rows * cols, dtype=np.int32).reshape(rows, cols)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2).reshape(-1, 3)
    flat = [np.ascontiguousarray(x.reshape(rows * cols, -1), dtype=np.float32) for x in (points, normals, uv)]
    return Surface(flat[0], flat[1], flat[2], faces, material)


def patch(
    corners: Sequence[Sequence[Number]] | Float[np.ndarray, "4 3"], material: Material, edge: Number = EDGE
) -> Surface:
    """Flat four-sided patch; ``corners`` run counter-clockwise from the texture's lower left corner."""
    c = np.asarray(corners, dtype=np.float64)
    cols = max(1, math.ceil(max(np.linalg.norm(c[1] - c[0]), np.linalg.norm(c[2] - c[3])) / edge)) + 1
    rows = max(1, math.ceil(max(np.linalg.norm(c[3] - c[0]), np.linalg.norm(c[2] - c[1])) / edge)) + 1
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, cols), indexing="ij")
    weights = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=-1)
    normal = np.cross(c[1] - c[0], c[3] - c[0])
    normal = np.broadcast_to(normal / np.linalg.norm(normal), (rows, cols, 3))
    # A triangle (two equal top corners) keeps its texture upright by squeezing u towards the middle.
    if np.allclose(c[2], c[3]):
        u = 0.5 + (u - 0.5) * (1 - v)
    return _grid(weights @ c, normal, np.stack([u, v], axis=-1), material)


def box(
    size: Sequence[Number],
    sides: Material,
    top: Material | None = None,
    front: Material | None = None,
    edge: Number = EDGE,
) -> list[Surface]:
    """Box standing on z = 0, centred in x and y.

    Args:
        size: Extent along x, y, z.
        sides: Material of every face that has no other one.
        top: Material of the upper face.
        front: Material of the two faces that look along -y and +y.
        edge: Tessellation length.

    Returns:
        Six patches: -y, +x, +y, -x, top, bottom.
    """
    x, y, z = size[0] / 2, size[1] / 2, size[2]
    base = [(-x, -y), (x, -y), (x, y), (-x, y)]
    walls = []
    for i in range(4):
        (x0, y0), (x1, y1) = base[i], base[(i + 1) % 4]
        corners = [(x0, y0, 0.0), (x1, y1, 0.0), (x1, y1, z), (x0, y0, z)]
        walls.append(patch(corners, front if front is not None and i % 2 == 0 else sides, edge))
    lid = patch([(px, py, z) for px, py in base], top or sides, edge)
    floor = patch([(px, py, 0.0) for px, py in (base[0], base[3], base[2], base[1])], sides, edge)
    return [*walls, lid, floor]


def _runs(profile: Float[np.ndarray, "P 2"]) -> list[tuple[int, int]]:
    """Split a profile into index ranges (first, last inclusive) between sharp corners."""
    step = np.diff(profile, axis=0)
    angle = np.arctan2(step[:, 1], step[:, 0])
    turn = np.abs((np.diff(angle) + math.pi) % (2 * math.pi) - math.pi)
    cuts = [0, *(int(i) + 1 for i in np.nonzero(turn > CORNER)[0]), len(profile) - 1]
    return list(itertools.pairwise(cuts))


def lathe(
    profile: Sequence[tuple[Number, Number]] | Float[np.ndarray, "P 2"], material: Material, edge: Number = EDGE
) -> list[Surface]:
    """Turn a profile of (radius, z) about the z axis; the solid lies to the left of the profile's direction.

    Going up the outside and down the inside makes a cup. Texture u runs around, v along the profile's arc length.
    """
    pts = np.asarray(profile, dtype=np.float64)
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(pts, axis=0), axis=1))])
    count = int(np.clip(math.ceil(2 * math.pi * pts[:, 0].max() / edge), 24, 140)) + 1
    theta = np.linspace(0, 2 * math.pi, count)
    around = np.stack([np.cos(theta), np.sin(theta)], axis=-1)
    surfaces = []
    for first, last in _runs(pts):
        rows = max(last - first, math.ceil((arc[last] - arc[first]) / edge)) + 1
        s = np.linspace(arc[first], arc[last], rows)
        radius, height = (np.interp(s, arc[first : last + 1], pts[first : last + 1, k]) for k in (0, 1))
        tangent = np.stack([np.gradient(radius, s), np.gradient(height, s)], axis=-1)
        tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
        flat_cap = np.broadcast_to(height[:, None, None], (rows, count, 1))
        points = np.concatenate([radius[:, None, None] * around, flat_cap], axis=-1)
        up = np.broadcast_to(-tangent[:, None, :1], (rows, count, 1))
        normals = np.concatenate([tangent[:, None, 1:] * around, up], axis=-1)
        v, u = np.meshgrid(s / arc[-1], theta / (2 * math.pi), indexing="ij")
        surfaces.append(_grid(points, normals, np.stack([u, v], axis=-1), material))
    return surfaces


def tube(
    path: Float[np.ndarray, "P 3"],
    radius: Number | Float[np.ndarray, " P"],
    material: Material,
    edge: Number = EDGE,
    sides: int = 12,
) -> list[Surface]:
    """Tube of at least so many sides along a planar or gently bending ``path``; its ends stay open: bury them."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent[0], (0.0, 0.0, 1.0))
    if np.linalg.norm(side) < 1e-3:
        side = np.cross(tangent[0], (0.0, 1.0, 0.0))
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(path),))
    count = int(np.clip(math.ceil(2 * math.pi * radii.max() / edge), sides, 60)) + 1
    theta = np.linspace(0, 2 * math.pi, count)
    normals = np.empty((len(path), count, 3))
    for i, direction in enumerate(tangent):
        side = side - direction * (side @ direction)
        side /= np.linalg.norm(side)
        other = np.cross(direction, side)
        normals[i] = np.cos(theta)[:, None] * side + np.sin(theta)[:, None] * other
    points = path[:, None, :] + radii[:, None, None] * normals
    v, u = np.meshgrid(np.linspace(0, 1, len(path)), theta / (2 * math.pi), indexing="ij")
    return [_grid(points, normals, np.stack([u, v], axis=-1), material)]


def arc_points(
    centre: Sequence[Number], radii: tuple[Number, Number], start: Number, stop: Number, count: int = 24
) -> Float[np.ndarray, "P 3"]:
    """Points of an ellipse arc in the xz plane, angles in degrees from +x towards +z."""
    t = np.radians(np.linspace(start, stop, count))
    x, y, z = centre
    return np.stack([x + radii[0] * np.cos(t), np.full(count, y), z + radii[1] * np.sin(t)], axis=-1)


def round_profile(
    radius: Number, centre_z: Number, start: Number = -90.0, stop: Number = 90.0, ring: Number = 0.0
) -> list[tuple[Number, Number]]:
    """Lathe profile of a circle arc (degrees, -90 = lowest point); ``ring`` > 0 moves it outwards into a torus."""
    t = np.radians(np.linspace(start, stop, max(8, round(abs(stop - start) / 5)) + 1))
    # cos(90 deg) is 6e-17, not 0: a pole must not get a negative radius.
    return [(max(0.0, ring + radius * math.cos(a)), centre_z + radius * math.sin(a)) for a in t]
