"""gsplat without a GPU: its interface and its habits, drawn by the oracle; and renderers that break the contract."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from csgaussian_ns.core.types import Camera, Gaussians, Rendering
from csgaussian_ns.render import gsplat_backend
from csgaussian_ns.render.gsplat_backend import GsplatRasterizer
from csgaussian_ns.render.projection import project
from csgaussian_ns.render.rasterizer import PositionObserver, observe_positions
from csgaussian_ns.render.reference import ReferenceRasterizer, drawing_order, expected_depth, pixel_weights


def rasterization(
    means: Tensor, quats: Tensor, scales: Tensor, opacities: Tensor, colors: Tensor, **options: Any
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """gsplat 1.4.0's ``rasterization`` for one camera.

    Centres and radii carry a camera axis, and where the radius is 0 centres are what memory happened to hold.
    """
    view, matrix = options["viewmats"][0], options["Ks"][0]
    fx, fy, cx, cy = float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 2]), float(matrix[1, 2])
    camera = Camera(view, fx, fy, cx, cy, options["width"], options["height"])
    model = Gaussians(means, quats, scales, opacities, colors)
    projected = project(model, camera)
    means2d = _Junk.apply(projected.means2d, projected.visible)[None]
    seen = replace(projected, means2d=means2d[0])
    order = drawing_order(projected)
    weights = pixel_weights(seen, opacities, order, camera)
    image = weights.blend @ colors[order]
    if options["backgrounds"] is not None:
        image = image + weights.left_over[:, None] * options["backgrounds"][0]
    if options["render_mode"] == "RGB+ED":
        image = torch.cat([image, expected_depth(weights, projected.depths[order])[:, None]], -1)
    shape = (1, camera.height, camera.width, -1)
    meta = {"means2d": means2d, "radii": 3 * projected.visible.int()[None]}
    return image.reshape(shape), (1 - weights.left_over).reshape(shape), meta


class _Junk(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, means2d: Tensor, visible: Tensor) -> Tensor:
        ctx.save_for_backward(visible)
        return torch.where(visible[:, None], means2d, torch.nan)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (visible,) = ctx.saved_tensors
        return torch.where(visible[:, None], gradient, 0.0), None


def gsplat_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> GsplatRasterizer:
    """Our gsplat backend as it is, above the module that this file stands for."""
    monkeypatch.setattr(gsplat_backend, "load_gsplat", lambda: SimpleNamespace(rasterization=rasterization))
    monkeypatch.setattr(gsplat_backend, "check_inputs", lambda *_: None)
    return GsplatRasterizer()


@dataclass(frozen=True)
class BrokenRasterizer:
    """Draws by the oracle and keeps the position gradients to itself.

    Attributes:
        copies: Observes a detached copy of the centres, as our gsplat backend once had; otherwise it observes nothing.
    """

    copies: bool
    name: str = "broken"

    def __call__(
        self,
        gaussians: Gaussians,
        camera: Camera,
        background: Tensor | None = None,
        with_depth: bool = False,
        observer: PositionObserver | None = None,
    ) -> Rendering:
        """Draw."""
        if self.copies:
            projected = project(gaussians, camera)
            observe_positions(projected.means2d.detach().requires_grad_(), projected.visible, observer)
        return ReferenceRasterizer()(gaussians, camera, background, with_depth)
