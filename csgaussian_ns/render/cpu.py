"""The CPU renderer for tensors: autograd around ``cpu_forward`` and ``cpu_backward``.

Two autograd functions, projection and blending, each around a step that has already been taken; between them pass the
projected centres, because growth reads the gradient that arrives there.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera, Gaussians, Rendering
from csgaussian_ns.render.cpu_backward import blending_gradients, projection_gradients
from csgaussian_ns.render.cpu_forward import Blended, Candidates, DrawCall, blend, frame_of, project_points
from csgaussian_ns.render.cpu_projection import Places
from csgaussian_ns.render.inputs import check_inputs
from csgaussian_ns.render.rasterizer import PositionObserver, observe_positions


@dataclass(frozen=True)
class CpuRasterizer:
    """Renders on the CPU with float32 kernels; see ``render.rasterizer.Rasterizer`` for the contract.

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
        """Render ``gaussians`` as seen by ``camera``; see ``render.rasterizer.Rasterizer``."""
        check_inputs(gaussians, camera, background, "cpu", torch.float32)
        g, frame = gaussians, frame_of(camera, with_depth, self.threads)
        points, opacities = Places(_array(g.means), _array(g.quats), _array(g.scales)), _array(g.opacities)
        projected = project_points(frame, points, opacities)
        means2d, planar = _Project.apply(_Projection(frame, points, projected), g.means, g.quats, g.scales)
        observe_positions(means2d, torch.from_numpy(projected.splats.visible), observer)
        blended = blend(frame, projected, _array(g.colors), None if background is None else _array(background))
        drawn = _Blend.apply(_Blending(blended, opacities), means2d, planar, g.opacities, g.colors, background)
        return Rendering(*drawn)


class _Projection(NamedTuple):
    frame: DrawCall
    points: Places
    projected: Candidates


class _Blending(NamedTuple):
    blended: Blended
    opacities: NDArray[np.float32]


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().contiguous().numpy()


class _Project(Function):
    """From means, quats and scales to means2d and planar."""

    @staticmethod
    def forward(ctx: Any, done: _Projection, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        ctx.done = done
        splats = done.projected.splats
        return torch.from_numpy(splats.means2d), torch.from_numpy(splats.planar)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_means2d: Tensor, of_planar: Tensor) -> tuple[Tensor | None, ...]:
        frame, points, projected = ctx.done
        grads = projection_gradients(frame, projected, points, _array(of_means2d), _array(of_planar))
        return None, *map(torch.from_numpy, grads)


class _Blend(Function):
    """From means2d, planar, opacities, colours and background to image, coverage and, if asked for, expected depth."""

    @staticmethod
    def forward(ctx: Any, done: _Blending, *tensors: Tensor | None) -> tuple[Tensor | None, ...]:
        ctx.done = done
        image, alpha, depth = done.blended[:3]
        columns = image, alpha[..., None], None if depth is None else depth[..., None]
        return tuple(None if column is None else torch.from_numpy(column) for column in columns)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_image: Tensor, of_alpha: Tensor, of_depth: Tensor | None) -> tuple[Tensor | None, ...]:
        blended, opacities = ctx.done
        depth = None if of_depth is None else _array(of_depth)[..., 0]
        grads = blending_gradients(blended, opacities, _array(of_image), _array(of_alpha)[..., 0], depth)
        of_background = None
        if ctx.needs_input_grad[5]:
            of_background = (of_image * torch.from_numpy(1 - blended.alpha)[..., None]).sum((0, 1))
        return None, *map(torch.from_numpy, grads), of_background
