"""All surfaces of the scene in one set of arrays, and the embree scene that answers ray queries on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.core.shapes import Bool, Float, Float32, Int, Int32
from csgaussian_ns.tools.demo_scene.geometry import Surface

OFFSET = 5e-4
"""Rays leave a surface this far (metres) above it, so that they do not hit it again."""


@dataclass(frozen=True)
class Mesh:
    """The whole scene as one mesh; ``M`` materials share one texel array.

    Attributes:
        vertices: Positions, metres.
        normals: Unit shading normals.
        uv: Texture coordinates in [0, 1], v upwards.
        faces: Vertex triples.
        instance: Instance id per face, 0 = background.
        material: Material index per face.
        texels: Linear albedo of all textures, one after the other, each row by row from the top.
        texture: Per material: first texel, height, width.
        finish: Per material: gloss, sharpness, emission.
        passing: Per material: share of light that passes, share that is mirrored, refractive index.
    """

    vertices: Float32[np.ndarray, "V 3"]
    normals: Float32[np.ndarray, "V 3"]
    uv: Float32[np.ndarray, "V 2"]
    faces: Int32[np.ndarray, "F 3"]
    instance: Int32[np.ndarray, " F"]
    material: Int32[np.ndarray, " F"]
    texels: Float32[np.ndarray, "T 3"]
    texture: Int32[np.ndarray, "M 3"]
    finish: Float32[np.ndarray, "M 3"]
    passing: Float32[np.ndarray, "M 3"]

    @property
    def matt_faces(self) -> Bool[np.ndarray, " F"]:
        """Which faces stop light: all but clear ones."""
        return self.passing[self.material, 0] == 0

    @property
    def plain(self) -> bool:
        """Whether nothing lets light through or mirrors it."""
        return not self.passing[:, :2].any()


@dataclass(frozen=True)
class Hits:
    """First hits of rays.

    Attributes:
        face: Face index, -1 where nothing was hit.
        weights: Barycentric weights of the face's three vertices.
        distance: Ray parameter of the hit, in lengths of the ray's direction.
    """

    face: Int32[np.ndarray, " N"]
    weights: Float32[np.ndarray, "N 3"]
    distance: Float32[np.ndarray, " N"]


def assemble(surfaces: Sequence[Surface], instances: Sequence[int]) -> Mesh:
    """Join ``surfaces``; ``instances`` holds the instance id of each."""
    materials = list({id(s.material): s.material for s in surfaces}.values())
    slot = {id(m): i for i, m in enumerate(materials)}
    shift = np.cumsum([0, *(len(s.vertices) for s in surfaces)])
    texel = np.cumsum([0, *(m.albedo.shape[0] * m.albedo.shape[1] for m in materials)])
    sizes = [len(s.faces) for s in surfaces]
    return Mesh(
        vertices=np.concatenate([s.vertices for s in surfaces]),
        normals=np.concatenate([s.normals for s in surfaces]),
        uv=np.concatenate([s.uv for s in surfaces]),
        faces=np.concatenate([s.faces + k for s, k in zip(surfaces, shift[:-1], strict=True)]).astype(np.int32),
        instance=np.repeat(np.asarray(instances, dtype=np.int32), sizes),
        material=np.repeat(np.asarray([slot[id(s.material)] for s in surfaces], dtype=np.int32), sizes),
        texels=np.concatenate([m.albedo.reshape(-1, 3) for m in materials]),
        texture=np.asarray(
            [(k, *m.albedo.shape[:2]) for k, m in zip(texel[:-1], materials, strict=True)], dtype=np.int32
        ),
        finish=np.asarray([(m.gloss, m.sharpness, m.emission) for m in materials], dtype=np.float32),
        passing=np.asarray([(m.clear, m.mirror, m.bend) for m in materials], dtype=np.float32),
    )


def interpolate(
    values: Float32[np.ndarray, "V C"], corners: Int32[np.ndarray, "N 3"], weights: Float32[np.ndarray, "N 3"]
) -> Float32[np.ndarray, "N C"]:
    """Barycentric mean of vertex values."""
    result = values[corners[:, 0]] * weights[:, :1]
    result += values[corners[:, 1]] * weights[:, 1:2]
    result += values[corners[:, 2]] * weights[:, 2:]
    return result


def albedo(mesh: Mesh, material: Int32[np.ndarray, " N"], uv: Float32[np.ndarray, "N 2"]) -> Float32[np.ndarray, "N 3"]:
    """Bilinear texture lookup, clamped at the image border."""
    start, height, width = mesh.texture[material].T
    x = np.clip(uv[:, 0] * width - 0.5, 0, width - 1)
    y = np.clip((1 - uv[:, 1]) * height - 0.5, 0, height - 1)
    x0, y0 = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - x0).astype(np.float32)[:, None], (y - y0).astype(np.float32)[:, None]
    x1, low, high = np.minimum(x0 + 1, width - 1), start + y0 * width, start + np.minimum(y0 + 1, height - 1) * width
    t = mesh.texels
    return (t[low + x0] * (1 - fx) + t[low + x1] * fx) * (1 - fy) + (t[high + x0] * (1 - fx) + t[high + x1] * fx) * fy


def load_embree() -> tuple[Any, Any]:
    """Embree's scene and triangle mesh classes.

    Raises:
        BackendUnavailable: embreex is not installed.
    """
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError as error:
        raise BackendUnavailable(
            f"the demo scene is ray-traced with embree, which cannot be loaded ({error}); "
            "install it with: pip install 'csgaussian-ns[demo]'"
        ) from error
    return EmbreeScene, TriangleMesh


class Tracer:
    """Ray queries on a mesh. Thread-safe: embree releases the interpreter lock and only reads."""

    def __init__(self, mesh: Mesh, chosen: Bool[np.ndarray, " F"] | None = None) -> None:
        """Build the acceleration structure of the ``chosen`` faces, or of all; faces keep their numbers."""
        scene, shape = load_embree()
        # Robust mode: without it rays slip through the seams between faces, which shows as dark specks on edges.
        self._scene = scene(robust=True)
        # The scene keeps a pointer only: the wrapper must live as long as it.
        self._number = None if chosen is None or chosen.all() else np.append(np.nonzero(chosen)[0], -1).astype(np.int32)
        faces = mesh.faces if self._number is None else mesh.faces[self._number[:-1]]
        self._shape = shape(self._scene, mesh.vertices, faces)

    def first(self, origins: Float[np.ndarray, "N 3"], directions: Float[np.ndarray, "N 3"]) -> Hits:
        """Nearest hit of each ray."""
        result = self._scene.run(origins.astype(np.float32), directions.astype(np.float32), output=True)
        u, v = result["u"], result["v"]
        face = result["primID"] if self._number is None else self._number[result["primID"]]
        return Hits(face, np.stack([1 - u - v, u, v], axis=-1), result["tfar"])

    def blocked(
        self, origins: Float[np.ndarray, "N 3"], targets: Float[np.ndarray, "N 3"], share: float = 1.0
    ) -> Bool[np.ndarray, " N"]:
        """Whether something stands on the way from ``origins`` to ``targets``, looking along ``share`` of it."""
        origins = origins.astype(np.float32)
        reach = np.full(len(origins), share, dtype=np.float32)
        found = self._scene.run(origins, targets.astype(np.float32) - origins, dists=reach, query="OCCLUDED")
        return np.asarray(found) != -1


def instance_of(mesh: Mesh, face: Int[np.ndarray, "*N"]) -> Int[np.ndarray, "*N"]:
    """Instance id of each face index, 0 where the index is -1."""
    return np.where(face >= 0, mesh.instance[face], 0)
