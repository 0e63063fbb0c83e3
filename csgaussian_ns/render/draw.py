"""Pictures of a scene in numpy, drawn on the CPU: what a receiver has, who has no torch."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.core.shapes import Float, Int64
from csgaussian_ns.core.types import Camera, Gaussians, Rendering
from csgaussian_ns.render.contract import MIN_ALPHA
from csgaussian_ns.render.cpu_forward import Candidates, DrawCall, blend, frame_of, project_points
from csgaussian_ns.render.cpu_projection import Places, ProjectedArrays
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


@dataclass(frozen=True)
class PixelHits:
    """What covers one pixel, projected once; ``blended`` may be asked for any colours.

    Attributes:
        index: Gaussians that reach the pixel, and perhaps a few more.
        alone: A frame of that pixel.
        reaching: These Gaussians as splats in it.
    """

    index: Int64[np.ndarray, " N"]
    alone: DrawCall
    reaching: Candidates

    def blended(self, colors: Float[np.ndarray, "N C"]) -> Rendering:
        """The pixel, before nothing, as an image of one: what ``draw_gaussians`` draws there.

        Args:
            colors: Of the Gaussians of ``index``.
        """
        blended = blend(self.alone, self.reaching, _plain(colors), None)
        return Rendering(blended.image, blended.alpha[..., None], None)


def pixel_hits(gaussians: Gaussians, camera: Camera, pixel: tuple[int, int]) -> PixelHits:
    """The Gaussians that reach a pixel: a handful of all, so that whatever is asked of them costs next to nothing.

    Args:
        gaussians: As of ``draw_gaussians``; colours are not looked at.
        camera: As there.
        pixel: Column and row.
    """
    frame = frame_of(camera, False, 1)
    points = Places(*map(_plain, (gaussians.means, gaussians.quats, gaussians.scales)))
    projected = project_points(frame, points, _plain(gaussians.opacities))
    rows = projected.splats.rows
    rows[:, :2] -= np.array(pixel, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not a number is left to blending
        away_x, away_y = 0.5 - rows[:, 0], 0.5 - rows[:, 1]
        fading = (rows[:, 2] * away_x + rows[:, 3] * away_y) ** 2 + (rows[:, 4] * away_y) ** 2
        reaching = np.flatnonzero(~(rows[:, 5] - fading < math.log2(MIN_ALPHA) - 1))
    splats = ProjectedArrays(
        rows[reaching], projected.splats.planar[reaching], projected.splats.means2d, projected.splats.visible
    )
    ids = projected.ids[reaching]
    alone = frame._replace(camera=replace(camera, width=1, height=1))
    return PixelHits(ids.astype(np.int64), alone, Candidates(np.arange(len(ids), dtype=np.int32), splats))


def _plain(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """In one piece and writable: kernels are compiled for such arrays, and would be compiled again for others."""
    return np.require(array, requirements=("C", "W"))
