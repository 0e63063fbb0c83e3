"""Draws one view: anti-aliased colour image and exact instance mask."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.shapes import Float, Float32, UInt8
from csgaussian_ns.tools.demo_scene.light import Light
from csgaussian_ns.tools.demo_scene.mesh import Hits, Mesh, Tracer, albedo, instance_of, interpolate
from csgaussian_ns.tools.demo_scene.rings import DemoView
from csgaussian_ns.tools.demo_scene.room import Lamp

EXPOSURE = 2.25
"""Scales radiance before the tone curve; chosen so that a white object in the light stays just below white."""


@dataclass(frozen=True)
class Stage:
    """Everything that a view needs to be drawn.

    Attributes:
        mesh: The scene.
        tracer: Ray queries on it.
        lamps: The lights.
        matt: Per vertex what every hit needs: texture coordinates and irradiance.
        shiny: Per vertex what only glossy hits need: normal and share of each lamp in sight.
    """

    mesh: Mesh
    tracer: Tracer
    lamps: Sequence[Lamp]
    matt: Float32[np.ndarray, "V 5"]
    shiny: Float32[np.ndarray, "V C"]


def lit_stage(mesh: Mesh, tracer: Tracer, lamps: Sequence[Lamp], light: Light) -> Stage:
    """Join a mesh with its baked light."""
    matt = np.concatenate([mesh.uv, light.irradiance], axis=1)
    return Stage(mesh, tracer, lamps, matt, np.concatenate([mesh.normals, light.seen], axis=1))


def tone(radiance: Float32[np.ndarray, "*N 3"]) -> Float32[np.ndarray, "*N 3"]:
    """Linear up to 0.6, then a soft shoulder towards 1, then sRGB."""
    x = np.minimum(radiance, 0.6) + 0.4 * (1 - np.exp(-np.maximum(radiance - 0.6, 0.0) / 0.4))
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055)


def shade(
    stage: Stage, hits: Hits, eye: Float[np.ndarray, "3"], directions: Float32[np.ndarray, "N 3"]
) -> Float32[np.ndarray, "N 3"]:
    """Radiance that reaches ``eye`` along ``directions``: diffuse, highlights of the lamps, and emission."""
    mesh = stage.mesh
    # The room is closed; should a ray slip out between two triangles (index -1), it borrows the last face.
    corners, material = mesh.faces[hits.face], mesh.material[hits.face]
    values = interpolate(stage.matt, corners, hits.weights)
    emission = mesh.finish[material, 2:]
    radiance = albedo(mesh, material, values[:, :2]) * (values[:, 2:] / np.float32(np.pi) + emission)
    shiny = np.nonzero(mesh.finish[material, 0] > 0)[0]
    finish, rays = mesh.finish[material[shiny]], directions[shiny]
    places = eye.astype(np.float32) + rays * hits.distance[shiny, None]
    radiance[shiny] += _highlights(
        stage, interpolate(stage.shiny, corners[shiny], hits.weights[shiny]), places, rays, finish
    )
    return radiance


def _unit(vectors: Float32[np.ndarray, "N 3"]) -> Float32[np.ndarray, "N 3"]:
    return vectors / np.sqrt(np.einsum("nc,nc->n", vectors, vectors))[:, None]


def _highlights(
    stage: Stage,
    values: Float32[np.ndarray, "N C"],
    places: Float32[np.ndarray, "N 3"],
    rays: Float32[np.ndarray, "N 3"],
    finish: Float32[np.ndarray, "N 3"],
) -> Float32[np.ndarray, "N 3"]:
    """Blinn's highlight of each lamp's middle, dimmed by the share of the lamp in sight."""
    normal, eye = _unit(values[:, :3]), -_unit(rays)
    total = np.zeros((len(values), 3), dtype=np.float32)
    for k, lamp in enumerate(stage.lamps):
        half = _unit(_unit(lamp.points.mean(axis=0).astype(np.float32) - places) + eye)
        lobe = np.maximum(np.einsum("nc,nc->n", normal, half), 0.0) ** finish[:, 1]
        total += (lobe * finish[:, 0] * values[:, 3 + k])[:, None] * (lamp.power / lamp.power.max()).astype(np.float32)
    return total


def pixel_centres(view: DemoView) -> Float[np.ndarray, "N 2"]:
    """Centres (x, y) of all pixels, row by row."""
    y, x = np.meshgrid(np.arange(view.height) + 0.5, np.arange(view.width) + 0.5, indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=-1)


def sample_pattern(count: int) -> Float[np.ndarray, "K 2"]:
    """``count`` evenly spread places in a pixel, relative to its centre (an additive sequence, by plastic number).

    Every pixel of every view uses the same ones: edges then look smooth, where random places would make them crumble.
    """
    plastic = 1.32471795724474602596
    steps = np.arange(1, count + 1)[:, None] * np.array([1 / plastic, 1 / plastic**2])
    return (0.5 + steps) % 1.0 - 0.5


def draw(stage: Stage, view: DemoView, samples: int) -> tuple[UInt8[np.ndarray, "H W 3"], UInt8[np.ndarray, "H W"]]:
    """Draw one view.

    Args:
        stage: The lit scene.
        view: The camera.
        samples: Colour samples per pixel.

    Returns:
        The sRGB image (the mean of the tone-mapped samples, as edges look smooth only that way) and the instance id
        that the ray through each pixel's centre hits.
    """
    centres = pixel_centres(view)
    eye = np.broadcast_to(view.centre.astype(np.float32), (len(centres), 3))
    total = np.zeros((len(centres), 3), dtype=np.float32)
    for shift in sample_pattern(samples):
        rays = view.rays(centres + shift).astype(np.float32)
        total += tone(EXPOSURE * shade(stage, stage.tracer.first(eye, rays), view.centre, rays))
    ids = instance_of(stage.mesh, stage.tracer.first(eye, view.rays(centres)).face)
    shape = (view.height, view.width)
    image = np.clip(np.rint(total / samples * 255.0), 0, 255).astype(np.uint8)
    return image.reshape(*shape, 3), ids.reshape(shape).astype(np.uint8)
