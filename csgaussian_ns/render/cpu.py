"""The CPU renderer: autograd around the compiled kernels of the ``cpu_*`` files.

Two autograd functions, projection and blending, with the projected centres between them, because growth reads the
gradient that arrives there. All that blending needs of a projected Gaussian also travels in ``splats``, computed once
and numerically better than from ``planar``; gradients take the way through ``means2d`` and ``planar``.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from csgaussian_ns.core.cores import available_cores
from csgaussian_ns.core.types import Camera, Gaussians, Rendering
from csgaussian_ns.render.backend import PositionObserver, observe_positions
from csgaussian_ns.render.cpu_binning import TILE_PIXELS
from csgaussian_ns.render.cpu_blending import (
    GEOMETRY_FIELDS,
    GEOMETRY_SUMS,
    Drawing,
    Kept,
    blend_backward,
    blend_forward,
)
from csgaussian_ns.render.cpu_gather import Gradients, Sums, gather_gradients, gather_rows
from csgaussian_ns.render.cpu_lanes import MAX_GROUP
from csgaussian_ns.render.cpu_lists import DrawingLists, drawing_lists
from csgaussian_ns.render.cpu_projection import SPLAT_FIELDS, Points, Pose, Splats, cull, pose_of, project
from csgaussian_ns.render.cpu_projection_grad import project_backward
from csgaussian_ns.render.inputs import check_inputs
from csgaussian_ns.render.threads import run, split

_CACHE_LINE = 16  # floats


@dataclass(frozen=True)
class CpuRasterizer:
    """Renders on the CPU with float32 kernels; see ``render.backend.Rasterizer`` for the contract.

    The same inputs give the same bits, forward and backward, whatever ``threads`` is. May be called from several
    threads at once and from forked processes. Gaussians whose projected covariance has a determinant above 1e37 px^4
    are not drawn: float32 ends there.

    Attributes:
        threads: Cores to use; all that the process may use where ``None``.
    """

    threads: int | None = None
    name: str = "cpu"

    def __call__(
        self,
        gaussians: Gaussians,
        camera: Camera,
        background: Float[Tensor, " C"] | None = None,
        with_depth: bool = False,
        observer: PositionObserver | None = None,
    ) -> Rendering:
        """Render ``gaussians`` as seen by ``camera``; see ``render.backend.Rasterizer``."""
        check_inputs(gaussians, camera, background, "cpu", torch.float32)
        frame = _Frame(camera, pose_of(camera), self.threads or available_cores(), with_depth)
        g = gaussians
        means2d, planar, splats, ids, visible = _Project.apply(frame, g.means, g.quats, g.scales, g.opacities)
        observe_positions(means2d, visible, observer)
        fixed = _Fixed(frame, splats.numpy(), ids.numpy())
        image, alpha, depth = _Blend.apply(fixed, means2d, planar, g.opacities, g.colors, background)
        return Rendering(image, alpha, depth)


class _Frame(NamedTuple):
    camera: Camera
    pose: Pose
    threads: int
    with_depth: bool


class _Fixed(NamedTuple):
    """What blending takes from projection past autograd: rows of splats, and the Gaussian each one belongs to."""

    frame: _Frame
    splats: NDArray[np.float32]
    ids: NDArray[np.int32]


def _zeros(count: int) -> tuple[np.float32, ...]:
    """Tells the kernels a number as a type: they are compiled for each one."""
    return (np.float32(0),) * count


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().contiguous().numpy()


class _Project(Function):
    """Gaussians to splats; outputs means2d, planar, and without gradient rows, ids, visible."""

    @staticmethod
    def forward(ctx: Any, frame: _Frame, *tensors: Tensor) -> tuple[Tensor, ...]:
        *where, opacities = map(_array, tensors)
        points, count, threads = Points(*where), len(opacities), frame.threads
        candidates = np.empty(count, np.int32)
        chunks = split(count, threads)
        found = run(cull, [(*chunk, points, opacities, frame.pose, candidates) for chunk in chunks], threads)
        ids = np.concatenate([candidates[a : a + n] for (a, _), n in zip(chunks, found, strict=True)])
        splats = Splats(
            np.empty((len(ids), SPLAT_FIELDS), np.float32),
            np.empty((len(ids), 4), np.float32),
            np.empty((count, 2), np.float32),
            np.empty(count, np.bool_),
        )
        chunks = split(len(ids), threads)
        run(project, [(*chunk, ids, points, opacities, frame.pose, splats) for chunk in chunks], threads)
        ctx.saved = frame, points, ids, splats.rows
        outputs = (splats.means2d, splats.planar, splats.rows, ids, splats.visible)
        means2d, planar, *fixed = map(torch.from_numpy, outputs)
        ctx.mark_non_differentiable(*fixed)
        return means2d, planar, *fixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        frame, points, ids, rows = ctx.saved
        grads = Points(*map(np.empty_like, points))
        fixed = (ids, rows, points, frame.pose, _array(upstream[0]), _array(upstream[1]), grads)
        run(project_backward, [(*chunk, *fixed) for chunk in split(len(ids), frame.threads)], frame.threads)
        return None, *map(torch.from_numpy, grads), None


class _Groups(NamedTuple):
    """Channels cut into groups of one size, the last one padded, so that one compiled size does for all."""

    channels: int

    @property
    def size(self) -> int:
        return -(-self.channels // -(-self.channels // MAX_GROUP))

    @property
    def padded(self) -> int:
        return -(-self.channels // self.size) * self.size

    def parts(self) -> list[tuple[int, int]]:
        """First channel of each group, and how many of its channels are not padding."""
        return [(first, min(self.size, self.channels - first)) for first in range(0, self.channels, self.size)]


class _Blended(NamedTuple):
    """What the backward pass of blending needs of the forward pass."""

    fixed: _Fixed
    groups: _Groups
    lists: DrawingLists
    drawing: Drawing
    background: NDArray[np.float32]
    kept: Kept
    opacities: NDArray[np.float32]
    alpha: NDArray[np.float32]
    depth: NDArray[np.float32] | None
    own_channels: int


class _Blend(Function):
    """Splats to image, coverage and, if asked for, expected depth, which is blended as one more channel."""

    @staticmethod
    def forward(ctx: Any, fixed: _Fixed, *tensors: Tensor | None) -> tuple[Tensor | None, ...]:
        _, _, opacities, colors, background = (None if t is None else _array(t) for t in tensors)
        assert opacities is not None and colors is not None
        own, camera, threads = colors.shape[1], fixed.frame.camera, fixed.frame.threads
        groups = _Groups(own + fixed.frame.with_depth)
        lists = drawing_lists(fixed.splats, camera, threads)
        drawing = _drawing(fixed, lists, colors, groups)
        behind = np.zeros(groups.channels, np.float32)
        behind[:own] = 0 if background is None else background
        image = np.empty((camera.height, camera.width, groups.channels), np.float32)
        alpha = np.empty((camera.height, camera.width), np.float32)
        kept = Kept(*(np.empty((len(lists.tile_start) - 1, TILE_PIXELS), np.float32) for _ in range(2)))
        for part in groups.parts():
            jobs = [(tiles, drawing, *part, behind, image, alpha, kept, _zeros(groups.size)) for tiles in lists.shares]
            run(blend_forward, jobs, threads)
        depth = _divide(image[..., own], alpha) if fixed.frame.with_depth else None
        ctx.saved = _Blended(fixed, groups, lists, drawing, behind, kept, opacities, alpha, depth, own)
        outputs = np.ascontiguousarray(image[..., :own]), alpha[..., None], None if depth is None else depth[..., None]
        return tuple(None if output is None else torch.from_numpy(output) for output in outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_image: Tensor, of_alpha: Tensor, of_depth: Tensor | None) -> tuple[Tensor | None, ...]:
        saved: _Blended = ctx.saved
        fixed, threads, count = saved.fixed, saved.fixed.frame.threads, len(saved.opacities)
        sums = _pair_sums(saved, _array(of_image), _array(of_alpha), None if of_depth is None else _array(of_depth))
        grads = Gradients(
            np.empty((count, 2), np.float32),
            np.empty((len(fixed.ids), 4), np.float32),
            np.empty(count, np.float32),
            np.empty((count, saved.own_channels), np.float32),
        )
        shared = (
            fixed.ids,
            fixed.splats,
            saved.opacities,
            sums,
            fixed.frame.with_depth,
            grads,
            _zeros(sums.rows.shape[1]),
        )
        chunks = split(len(fixed.ids), threads)
        run(gather_gradients, [(*chunk, *shared) for chunk in chunks], threads)
        of_background = None
        if ctx.needs_input_grad[5]:
            of_background = (of_image * torch.from_numpy(1 - saved.alpha)[..., None]).sum((0, 1))
        return None, *map(torch.from_numpy, grads), of_background


def _drawing(fixed: _Fixed, lists: DrawingLists, colors: NDArray[np.float32], groups: _Groups) -> Drawing:
    """Rows on whole cache lines: blending meets them in random order, and each line costs it a miss."""
    width = GEOMETRY_FIELDS + groups.padded
    stride = -(-width // _CACHE_LINE) * _CACHE_LINE
    buffer = np.empty(len(fixed.ids) * stride + _CACHE_LINE, np.float32)
    skip = -(buffer.ctypes.data // 4) % _CACHE_LINE
    rows = buffer[skip : skip + len(fixed.ids) * stride].reshape(-1, stride)
    threads, camera = fixed.frame.threads, fixed.frame.camera
    shared = fixed.ids, fixed.splats, colors, fixed.frame.with_depth, rows
    run(gather_rows, [(*chunk, *shared) for chunk in split(len(rows), threads)], threads)
    return Drawing(lists.columns, camera.width, camera.height, lists.tile_start, lists.place_splat, rows)


def _pair_sums(
    saved: _Blended,
    grad_image: NDArray[np.float32],
    grad_alpha: NDArray[np.float32],
    grad_depth: NDArray[np.float32] | None,
) -> Sums:
    """The backward pass over all tiles."""
    grad_alpha = grad_alpha[..., 0]
    if grad_depth is not None and saved.depth is not None:
        of_blended = _divide(grad_depth[..., 0], saved.alpha)
        grad_alpha = grad_alpha - of_blended * saved.depth
        grad_image = np.concatenate([grad_image, of_blended[..., None]], -1)
    lists, groups, threads = saved.lists, saved.groups, saved.fixed.frame.threads
    drawn_end = np.empty(len(lists.tile_start) - 1, np.int64)
    rows = np.empty((len(lists.place_splat), GEOMETRY_SUMS + groups.padded), np.float32)
    shared = saved.background, saved.kept, grad_image, grad_alpha, drawn_end, rows, _zeros(groups.size)
    for part in groups.parts():
        jobs = [(tiles, saved.drawing, *part, *shared) for tiles in lists.shares]
        run(blend_backward, jobs, threads)
    return Sums(lists.slots, lists.slot_tile, lists.slot_place, drawn_end, rows)


def _divide(blended: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """``blended / alpha``, 0 where nothing was hit."""
    return np.divide(blended, alpha, out=np.zeros_like(alpha), where=alpha > 0)
