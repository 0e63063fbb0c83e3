"""The CPU renderer: autograd around the compiled kernels of the ``cpu_*`` files.

Two autograd functions, projection and blending, with the projected centres between them, because growth reads the
gradient that arrives there. All that blending needs of a projected Gaussian also travels in ``splats``, computed once
and numerically better than from ``planar``; gradients take the way through ``means2d`` and ``planar``.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from csgaussian_ns.core.types import Camera, Gaussians, Rendering
from csgaussian_ns.render import cpu_binning, cpu_blending, cpu_gather, cpu_projection
from csgaussian_ns.render.inputs import check_inputs
from csgaussian_ns.render.threads import available_cores, run, split

# Jobs per thread where their cost is uneven: enough to balance, few enough that starting them costs nothing.
_JOBS_PER_THREAD = 4


@dataclass(frozen=True)
class _Frame:
    """One camera as the kernels read it, and the number of threads to use."""

    camera: Camera
    threads: int

    @cached_property
    def view(self) -> NDArray[np.float32]:
        return self.camera.world_to_camera.detach().to("cpu", torch.float32).contiguous().numpy()

    @cached_property
    def lens(self) -> NDArray[np.float32]:
        c = self.camera
        return cpu_projection.lens_array(c.fx, c.fy, c.cx, c.cy, c.width, c.height)

    @property
    def columns(self) -> int:
        return -(-self.camera.width // cpu_binning.TILE_WIDTH)

    @property
    def tiles(self) -> int:
        return self.columns * -(-self.camera.height // cpu_binning.TILE_HEIGHT)


@dataclass(frozen=True)
class _Lists:
    """Which splats each tile draws; see cpu_binning for slots and places."""

    slots: NDArray[np.int32]
    slot_place: NDArray[np.int32]
    place_splat: NDArray[np.int32]
    tile_start: NDArray[np.int64]
    jobs: list[NDArray[np.int64]]


@dataclass(frozen=True)
class CpuRasterizer:
    """Renders on the CPU with float32 kernels; see ``render.backend.Rasterizer`` for the contract.

    The same inputs give the same bits, forward and backward, whatever ``threads`` is. May be called from several
    threads at once and from forked processes.

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
    ) -> Rendering:
        """Render ``gaussians`` as seen by ``camera``; see ``render.backend.Rasterizer``."""
        check_inputs(gaussians, camera, background, "cpu", torch.float32)
        frame = _Frame(camera, self.threads or available_cores())
        g = gaussians
        means2d, planar, splats, ids, visible = _Project.apply(g.means, g.quats, g.scales, g.opacities, frame)
        if means2d.requires_grad:
            means2d.retain_grad()
        image, alpha, depth = _Blend.apply(
            means2d, planar, g.opacities, g.colors, background, splats, ids, with_depth, frame
        )
        return Rendering(image, alpha, depth if with_depth else None, means2d, visible)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().contiguous().numpy()


class _Project(Function):
    """Gaussians to splats. Outputs and their fields: cpu_projection."""

    @staticmethod
    def forward(ctx: Any, means: Tensor, quats: Tensor, scales: Tensor, opacities: Tensor, frame: _Frame) -> Any:
        m, q, s, o = map(_array, (means, quats, scales, opacities))
        candidates = np.empty(len(m), np.int32)
        chunks = split(len(m), frame.threads * _JOBS_PER_THREAD)
        jobs = [(a, b, m, s, o, frame.view, frame.lens, candidates) for a, b in chunks]
        found = run(cpu_projection.cull, jobs, frame.threads)
        ids = np.concatenate([candidates[a : a + n] for (a, _), n in zip(chunks, found, strict=True)])
        splats = np.empty((len(ids), cpu_projection.SPLAT_FIELDS), np.float32)
        planar = np.empty((len(ids), 4), np.float32)
        means2d, visible = np.zeros((len(m), 2), np.float32), np.zeros(len(m), np.bool_)
        outputs = (splats, planar, means2d, visible)
        chunks = split(len(ids), frame.threads)
        jobs = [(a, b, ids, m, q, s, o, frame.view, frame.lens, *outputs) for a, b in chunks]
        run(cpu_projection.project, jobs, frame.threads)
        ctx.saved = (m, q, s, ids, splats, frame)
        tensors = tuple(map(torch.from_numpy, (means2d, planar, splats, ids, visible)))
        ctx.mark_non_differentiable(*tensors[2:])
        return tensors

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_means2d: Tensor, grad_planar: Tensor, *_: Any) -> Any:
        m, q, s, ids, splats, frame = ctx.saved
        grads = np.zeros_like(m), np.zeros_like(q), np.zeros_like(s)
        incoming = _array(grad_means2d), _array(grad_planar)
        jobs = [
            (a, b, ids, splats, m, q, s, frame.view, frame.lens, *incoming, *grads)
            for a, b in split(len(ids), frame.threads)
        ]
        run(cpu_projection.project_backward, jobs, frame.threads)
        return *map(torch.from_numpy, grads), None, None


def _bin(splats: NDArray[np.float32], frame: _Frame) -> _Lists:
    """Drawing lists of all tiles."""
    width, height, threads = frame.camera.width, frame.camera.height, frame.threads
    chunks = split(len(splats), threads)
    boxes = np.empty((len(splats), 4), np.int32)
    room = run(cpu_binning.tile_boxes, [(a, b, splats, width, height, boxes) for a, b in chunks], threads)
    first = np.cumsum([0, *room])
    slot_tile, slot_splat = np.empty(first[-1], np.int32), np.empty(first[-1], np.int32)
    slots = np.empty((len(splats), 2), np.int32)
    counts = np.zeros((len(chunks), frame.tiles), np.int64)
    jobs = [
        (a, b, int(f), splats, boxes, width, height, frame.columns, slot_tile, slot_splat, slots, c)
        for (a, b), f, c in zip(chunks, first[:-1], counts, strict=True)
    ]
    ends = run(cpu_binning.list_pairs, jobs, threads)
    per_tile = counts.sum(0)
    tile_start = np.concatenate([[0], np.cumsum(per_tile)])
    cursors = tile_start[:-1] + np.cumsum(counts, 0) - counts
    keys = np.empty(tile_start[-1], np.uint64)
    jobs = [
        (int(f), end, slot_tile, slot_splat, splats.view(np.uint32), cursor, keys)
        for f, end, cursor in zip(first[:-1], ends, cursors, strict=True)
    ]
    run(cpu_binning.fill_lists, jobs, threads)
    # the longest lists first and dealt out in turn, so that no thread ends on a long one
    order = np.argsort(-per_tile, kind="stable")
    parts = 1 if threads == 1 else threads * _JOBS_PER_THREAD
    tiles = [np.ascontiguousarray(order[part::parts]) for part in range(min(parts, len(order)))]
    place_splat, slot_place = np.empty(len(keys), np.int32), np.empty(len(slot_splat), np.int32)
    run(cpu_binning.sort_lists, [(t, tile_start, keys, slot_splat, place_splat, slot_place) for t in tiles], threads)
    return _Lists(slots, slot_place, place_splat, tile_start, tiles)


@dataclass(frozen=True)
class _Groups:
    """Channels cut into groups of one size, the last one padded, so that one compiled size does for all."""

    channels: int

    @property
    def size(self) -> int:
        return -(-self.channels // -(-self.channels // cpu_blending.MAX_GROUP))

    @property
    def padded(self) -> int:
        return -(-self.channels // self.size) * self.size

    def parts(self) -> list[tuple[int, int]]:
        """First channel, and number of channels that are not padding, of each group."""
        return [(first, min(self.size, self.channels - first)) for first in range(0, self.channels, self.size)]


def _expected_depth(blended: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blended depth divided by coverage; 0 where nothing was hit."""
    return np.divide(blended, alpha, out=np.zeros_like(alpha), where=alpha > 0)


class _Blend(Function):
    """Splats to pixels: image, coverage and, if asked for, expected depth, which is blended as one more channel."""

    @staticmethod
    def forward(
        ctx: Any,
        means2d: Tensor,
        planar: Tensor,
        opacities: Tensor,
        colors: Tensor,
        background: Tensor | None,
        splats: Tensor,
        ids: Tensor,
        with_depth: bool,
        frame: _Frame,
    ) -> Any:
        width, height = frame.camera.width, frame.camera.height
        color, splat, rows = _array(colors), splats.numpy(), ids.numpy()
        own = color.shape[1]
        groups = _Groups(own + with_depth)
        lists = _bin(splat, frame)
        features = np.empty((len(splat), groups.padded), np.float32)
        jobs = [(a, b, rows, color, splat, with_depth, features) for a, b in split(len(splat), frame.threads)]
        run(cpu_gather.gather_features, jobs, frame.threads)
        behind = np.zeros(groups.channels, np.float32)
        if background is not None:
            behind[:own] = _array(background)
        blended = np.empty((height, width, groups.channels), np.float32)
        alpha = np.empty((height, width), np.float32)
        left_over = np.empty((frame.tiles, cpu_binning.TILE_PIXELS), np.float32)
        last_drawn = np.empty_like(left_over)
        tables = (frame.columns, width, height, lists.tile_start, lists.place_splat, splat, features)
        for first, used in groups.parts():
            part = (*tables, first, used, behind)
            jobs = [(tiles, *part, blended, alpha, left_over, last_drawn) for tiles in lists.jobs]
            run(cpu_blending.blend_forward(groups.size), jobs, frame.threads)
        depth = _expected_depth(blended[..., own], alpha) if with_depth else None
        image = np.ascontiguousarray(blended[..., :own])
        ctx.saved = (lists, groups, tables, behind, left_over, last_drawn, alpha, depth, rows, _array(opacities), frame)
        ctx.own_channels, ctx.count = own, len(color)
        shaped = None if depth is None else torch.from_numpy(depth[..., None])
        return torch.from_numpy(image), torch.from_numpy(alpha[..., None]), shaped

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_image: Tensor, grad_alpha: Tensor, grad_depth: Tensor | None) -> Any:
        lists, groups, tables, behind, left_over, last_drawn, alpha, depth, rows, opacities, frame = ctx.saved
        splat, own = tables[5], ctx.own_channels
        v_image, v_alpha = _array(grad_image), _array(grad_alpha)[..., 0]
        if depth is not None and grad_depth is not None:
            v_blended = _expected_depth(_array(grad_depth)[..., 0], alpha)
            v_alpha = v_alpha - v_blended * depth
            v_image = np.concatenate([v_image, v_blended[..., None]], -1)
        sums = np.empty((len(lists.place_splat), cpu_blending.GEOMETRY_SUMS + groups.padded), np.float32)
        for first, used in groups.parts():
            part = (*tables, first, used, behind, left_over, last_drawn, v_image, v_alpha, sums)
            run(cpu_blending.blend_backward(groups.size), [(tiles, *part) for tiles in lists.jobs], frame.threads)
        grads = (
            np.zeros((ctx.count, 2), np.float32),
            np.empty((len(splat), 4), np.float32),
            np.zeros(ctx.count, np.float32),
            np.zeros((ctx.count, own), np.float32),
        )
        jobs = [
            (a, b, rows, splat, opacities, lists.slots, lists.slot_place, sums, depth is not None, *grads)
            for a, b in split(len(splat), frame.threads)
        ]
        run(cpu_gather.gather_gradients, jobs, frame.threads)
        grad_background = (grad_image * (1 - torch.from_numpy(alpha))[..., None]).sum((0, 1))
        return *map(torch.from_numpy, grads), grad_background if ctx.needs_input_grad[4] else None, None, None, None, None
