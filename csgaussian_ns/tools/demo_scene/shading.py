"""What a lit surface looks like to a ray that hits it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.shapes import Float32
from csgaussian_ns.tools.demo_scene.light import Light
from csgaussian_ns.tools.demo_scene.mesh import Hits, Mesh, Tracer, albedo, interpolate
from csgaussian_ns.tools.demo_scene.room import Lamp


@dataclass(frozen=True)
class Stage:
    """Everything that a view needs to be drawn.

    Attributes:
        mesh: The scene.
        tracer: Ray queries on it.
        matt_tracer: The same on what stops light; clear things are not there.
        lamps: The lights.
        matt: Per vertex what every hit needs: texture coordinates and irradiance.
        shiny: Per vertex what only glossy hits need: normal and share of each lamp in sight.
    """

    mesh: Mesh
    tracer: Tracer
    matt_tracer: Tracer
    lamps: Sequence[Lamp]
    matt: Float32[np.ndarray, "V 5"]
    shiny: Float32[np.ndarray, "V C"]


def lit_stage(mesh: Mesh, tracer: Tracer, matt_tracer: Tracer, lamps: Sequence[Lamp], light: Light) -> Stage:
    """Join a mesh with its baked light."""
    matt = np.concatenate([mesh.uv, light.irradiance], axis=1)
    return Stage(mesh, tracer, matt_tracer, lamps, matt, np.concatenate([mesh.normals, light.seen], axis=1))


def shade(
    stage: Stage, hits: Hits, eyes: Float32[np.ndarray, "N 3"], directions: Float32[np.ndarray, "N 3"]
) -> Float32[np.ndarray, "N 3"]:
    """Radiance of what rays hit, towards ``eyes``: diffuse, highlights of the lamps, and emission.

    Nothing of what passes through, or is mirrored: that is ``passing``.
    """
    mesh = stage.mesh
    # The room is closed; should a ray slip out between two triangles (index -1), it borrows the last face.
    corners, material = mesh.faces[hits.face], mesh.material[hits.face]
    values = interpolate(stage.matt, corners, hits.weights)
    emission = mesh.finish[material, 2:]
    radiance = albedo(mesh, material, values[:, :2]) * (values[:, 2:] / np.float32(np.pi) + emission)
    radiance *= 1 - mesh.passing[material, :1] - mesh.passing[material, 1:2]
    shiny = np.nonzero(mesh.finish[material, 0] > 0)[0]
    finish, rays = mesh.finish[material[shiny]], directions[shiny]
    places = eyes[shiny] + rays * hits.distance[shiny, None]
    radiance[shiny] += _highlights(
        stage, interpolate(stage.shiny, corners[shiny], hits.weights[shiny]), places, rays, finish
    )
    return radiance


def unit(vectors: Float32[np.ndarray, "N 3"]) -> Float32[np.ndarray, "N 3"]:
    """The same directions, of length 1."""
    return vectors / np.sqrt(np.einsum("nc,nc->n", vectors, vectors))[:, None]


def _highlights(
    stage: Stage,
    values: Float32[np.ndarray, "N C"],
    places: Float32[np.ndarray, "N 3"],
    rays: Float32[np.ndarray, "N 3"],
    finish: Float32[np.ndarray, "N 3"],
) -> Float32[np.ndarray, "N 3"]:
    """Blinn's highlight of each lamp's middle, dimmed by the share of the lamp in sight."""
    normal, eye = unit(values[:, :3]), -unit(rays)
    total = np.zeros((len(values), 3), dtype=np.float32)
    for k, lamp in enumerate(stage.lamps):
        half = unit(unit(lamp.points.mean(axis=0).astype(np.float32) - places) + eye)
        lobe = np.maximum(np.einsum("nc,nc->n", normal, half), 0.0) ** finish[:, 1]
        total += (lobe * finish[:, 0] * values[:, 3 + k])[:, None] * (lamp.power / lamp.power.max()).astype(np.float32)
    return total
