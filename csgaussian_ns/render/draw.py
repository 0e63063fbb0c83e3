"""Pictures of a scene in numpy, drawn on the CPU: what a receiver has, who has no torch."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera, Gaussians, Rendering
from csgaussian_ns.render.cpu_forward import blend, frame_of, project_points
from csgaussian_ns.render.cpu_projection import Places
from csgaussian_ns.render.inputs import check_inputs
from csgaussian_ns.scene.scene import Scene


def draw(
    scene: Scene, camera: Camera, background: Float[np.ndarray, "3"] | None = None, with_depth: bool = False
) -> Rendering:
    """What ``camera`` sees of ``scene``.

    Args:
        scene: In arrays of numpy.
        camera: From where.
        background: RGB as in photos behind it; the scene's own where ``None``.
        with_depth: Blend expected depth as well.
    """
    behind = scene.background if background is None else background
    return draw_gaussians(scene.seen(camera).gaussians, camera, behind, with_depth)


def draw_gaussians(
    gaussians: Gaussians,
    camera: Camera,
    background: Float[np.ndarray, " C"] | None = None,
    with_depth: bool = False,
    threads: int | None = None,
) -> Rendering:
    """What ``camera`` sees of ``gaussians``, bit for bit as ``render.cpu.CpuRasterizer`` draws it.

    Args:
        gaussians: float32 arrays of numpy; any number of channels.
        camera: From where.
        background: Channels behind it, 0 where ``None``.
        with_depth: Blend expected depth as well.
        threads: Cores to use; all that the process may use where ``None``. Never changes the result.

    Raises:
        ConfigError: Arrays of another library, type or shape.
    """
    check_inputs(gaussians, camera, background, None, np.float32)
    frame = frame_of(camera, with_depth, threads)
    points = Places(*map(_plain, (gaussians.means, gaussians.quats, gaussians.scales)))
    projected = project_points(frame, points, _plain(gaussians.opacities))
    blended = blend(frame, projected, _plain(gaussians.colors), background)
    depth = None if blended.depth is None else blended.depth[..., None]
    return Rendering(blended.image, blended.alpha[..., None], depth)


def draw_pixel(gaussians: Gaussians, camera: Camera, pixel: tuple[int, int]) -> Rendering:
    """One pixel of what ``draw_gaussians`` draws before nothing, as an image of one.

    Args:
        gaussians: As there.
        camera: As there.
        pixel: Column and row.
    """
    frame = frame_of(camera, False, 1)
    points = Places(*map(_plain, (gaussians.means, gaussians.quats, gaussians.scales)))
    projected = project_points(frame, points, _plain(gaussians.opacities))
    projected.splats.rows[:, :2] -= np.array(pixel, np.float32)
    alone = frame._replace(camera=replace(camera, width=1, height=1))
    blended = blend(alone, projected, _plain(gaussians.colors), None)
    return Rendering(blended.image, blended.alpha[..., None], None)


def _plain(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """In one piece and writable: kernels are compiled for such arrays, and would be compiled again for others."""
    return np.require(array, requirements=("C", "W"))
