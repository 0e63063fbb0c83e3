"""Draws one view: anti-aliased colour image and exact instance mask."""

import numpy as np

from csgaussian_ns.core.shapes import Float, Float32, UInt8
from csgaussian_ns.tools.demo_scene.mesh import instance_of
from csgaussian_ns.tools.demo_scene.passing import radiance
from csgaussian_ns.tools.demo_scene.rings import DemoView
from csgaussian_ns.tools.demo_scene.shading import Stage

EXPOSURE = 2.25
"""Scales radiance before the tone curve; chosen so that a white object in the light stays just below white."""


def tone(radiance: Float32[np.ndarray, "*N 3"]) -> Float32[np.ndarray, "*N 3"]:
    """Linear up to 0.6, then a soft shoulder towards 1, then sRGB."""
    x = np.minimum(radiance, 0.6) + 0.4 * (1 - np.exp(-np.maximum(radiance - 0.6, 0.0) / 0.4))
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055)


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
        total += tone(EXPOSURE * radiance(stage, eye, rays))
    ids = instance_of(stage.mesh, stage.tracer.first(eye, view.rays(centres)).face)
    shape = (view.height, view.width)
    image = np.clip(np.rint(total / samples * 255.0), 0, 255).astype(np.uint8)
    return image.reshape(*shape, 3), ids.reshape(shape).astype(np.uint8)
