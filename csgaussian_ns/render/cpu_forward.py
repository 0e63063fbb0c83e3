"""From Gaussians to an image on the CPU: the compiled kernels put to work, on arrays of numpy, without torch.

In two steps with the projected centres between them, because growth reads the gradient that arrives there. All that
blending needs of a projected Gaussian travels in ``Splats.rows``, computed once and numerically better than from
``Splats.planar``.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.core.cores import available_cores
from csgaussian_ns.core.threads import run, split
from csgaussian_ns.core.types import Camera
from csgaussian_ns.render.cpu_binning import TILE_PIXELS
from csgaussian_ns.render.cpu_blending import GEOMETRY_FIELDS, Drawing, Kept, blend_forward
from csgaussian_ns.render.cpu_gather import gather_rows
from csgaussian_ns.render.cpu_lanes import MAX_GROUP
from csgaussian_ns.render.cpu_lists import DrawingLists, drawing_lists
from csgaussian_ns.render.cpu_projection import SPLAT_FIELDS, Places, Pose, ProjectedArrays, cull, pose_of, project

_CACHE_LINE = 16  # floats


class DrawCall(NamedTuple):
    """What is drawn from where, and how."""

    camera: Camera
    pose: Pose
    threads: int
    with_depth: bool


class Candidates(NamedTuple):
    """Gaussians that may be seen.

    Attributes:
        ids: Which Gaussian each candidate is.
        splats: What is known of the candidates, see ``cpu_projection``.
    """

    ids: NDArray[np.int32]
    splats: ProjectedArrays


class Groups(NamedTuple):
    """Channels cut into groups of one size, the last one padded, so that one compiled size does for all."""

    channels: int

    @property
    def size(self) -> int:
        """Channels of a group."""
        return -(-self.channels // -(-self.channels // MAX_GROUP))

    @property
    def padded(self) -> int:
        """Channels of all groups."""
        return -(-self.channels // self.size) * self.size

    def parts(self) -> list[tuple[int, int]]:
        """First channel of each group, and how many of its channels are not padding."""
        return [(first, min(self.size, self.channels - first)) for first in range(0, self.channels, self.size)]


class Blended(NamedTuple):
    """An image, and what the way back needs to know of how it came about.

    Attributes:
        image: Channels over the background.
        alpha: Coverage.
        depth: Expected depth, if it was asked for.
        frame, projected: What was drawn.
        groups, lists, drawing, background, kept: How.
    """

    image: NDArray[np.float32]
    alpha: NDArray[np.float32]
    depth: NDArray[np.float32] | None
    frame: DrawCall
    projected: Candidates
    groups: Groups
    lists: DrawingLists
    drawing: Drawing
    background: NDArray[np.float32]
    kept: Kept

    @property
    def own_channels(self) -> int:
        """Those that were asked for; depth is blended as one more."""
        return self.image.shape[-1]


def frame_of(camera: Camera, with_depth: bool, threads: int | None) -> DrawCall:
    """A frame; on all cores that the process may use where ``threads`` is ``None``."""
    return DrawCall(camera, pose_of(camera), threads or available_cores(), with_depth)


def project_points(frame: DrawCall, points: Places, opacities: NDArray[np.float32]) -> Candidates:
    """Gaussians to splats."""
    count, threads = len(opacities), frame.threads
    candidates = np.empty(count, np.int32)
    chunks = split(count, threads)
    found = run(cull, [(*chunk, points, opacities, frame.pose, candidates) for chunk in chunks], threads)
    ids = np.concatenate([candidates[a : a + n] for (a, _), n in zip(chunks, found, strict=True)])
    splats = ProjectedArrays(
        np.empty((len(ids), SPLAT_FIELDS), np.float32),
        np.empty((len(ids), 4), np.float32),
        np.empty((count, 2), np.float32),
        np.zeros(count, np.bool_),
    )
    chunks = split(len(ids), threads)
    run(project, [(*chunk, ids, points, opacities, frame.pose, splats) for chunk in chunks], threads)
    return Candidates(ids, splats)


def blend(
    frame: DrawCall, projected: Candidates, colors: NDArray[np.float32], background: NDArray[np.float32] | None
) -> Blended:
    """Splats to image, coverage and, if asked for, expected depth."""
    own, camera, threads = colors.shape[1], frame.camera, frame.threads
    groups = Groups(own + frame.with_depth)
    lists = drawing_lists(projected.splats.rows, camera, threads)
    drawing = _drawing(frame, projected, lists, colors, groups)
    behind = np.zeros(groups.channels, np.float32)
    behind[:own] = 0 if background is None else background
    image = np.empty((camera.height, camera.width, groups.channels), np.float32)
    alpha = np.empty((camera.height, camera.width), np.float32)
    kept = Kept(*(np.empty((len(lists.tile_start) - 1, TILE_PIXELS), np.float32) for _ in range(2)))
    for part in groups.parts():
        jobs = [(tiles, drawing, *part, behind, image, alpha, kept, zeros(groups.size)) for tiles in lists.shares]
        run(blend_forward, jobs, threads)
    depth = divided(image[..., own], alpha) if frame.with_depth else None
    image = np.ascontiguousarray(image[..., :own])
    return Blended(image, alpha, depth, frame, projected, groups, lists, drawing, behind, kept)


def zeros(count: int) -> tuple[np.float32, ...]:
    """Tells the kernels a number as a type: they are compiled for each one."""
    return (np.float32(0),) * count


def divided(blended: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """``blended / alpha``, 0 where nothing was hit."""
    return np.divide(blended, alpha, out=np.zeros_like(alpha), where=alpha > 0)


def _drawing(
    frame: DrawCall, projected: Candidates, lists: DrawingLists, colors: NDArray[np.float32], groups: Groups
) -> Drawing:
    """Rows on whole cache lines: blending meets them in random order, and each line costs it a miss."""
    width = GEOMETRY_FIELDS + groups.padded
    stride = -(-width // _CACHE_LINE) * _CACHE_LINE
    ids, splats = projected.ids, projected.splats.rows
    buffer = np.empty(len(ids) * stride + _CACHE_LINE, np.float32)
    skip = -(buffer.ctypes.data // 4) % _CACHE_LINE
    rows = buffer[skip : skip + len(ids) * stride].reshape(-1, stride)
    shared = ids, splats, colors, frame.with_depth, rows
    run(gather_rows, [(*chunk, *shared) for chunk in split(len(rows), frame.threads)], frame.threads)
    camera = frame.camera
    return Drawing(lists.columns, camera.width, camera.height, lists.tile_start, lists.place_splat, rows)
