"""The oracle: every Gaussian at every pixel, in plain torch with autograd, in the dtype of its inputs.

Slow on purpose and only for tests: memory and time are pixels times Gaussians.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Bool, Float
from csgaussian_ns.core.types import Camera, Gaussians, Rendering
from csgaussian_ns.render.contract import MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE
from csgaussian_ns.render.inputs import check_inputs
from csgaussian_ns.render.projection import Projected, project
from csgaussian_ns.render.rasterizer import PositionObserver, observe_positions


@dataclass(frozen=True)
class Weights:
    """What each Gaussian in drawing order adds to each pixel, and how narrowly that was decided.

    Attributes:
        blend: Factors of the colours, one row per pixel, row-major.
        left_over: Transmittance behind the last Gaussian.
        margin: Smallest relative distance of any decision of a pixel (alpha against 1/255, transmittance against
            1e-4) from its threshold. Where it is tiny, another renderer may rightly decide otherwise.
    """

    blend: Float[Tensor, "P N"]
    left_over: Float[Tensor, " P"]
    margin: Float[Tensor, " P"]


@dataclass(frozen=True)
class ReferenceRasterizer:
    """Renders densely in torch on any device, in float32 or float64; see ``render.rasterizer.Rasterizer``."""

    name: str = "reference"

    def __call__(
        self,
        gaussians: Gaussians,
        camera: Camera,
        background: Float[Tensor, " C"] | None = None,
        with_depth: bool = False,
        observer: PositionObserver | None = None,
    ) -> Rendering:
        """Render ``gaussians`` as seen by ``camera``; see ``render.rasterizer.Rasterizer``."""
        means = gaussians.means
        check_inputs(gaussians, camera, background, means.device.type, means.dtype)
        projected = project(gaussians, camera)
        observe_positions(projected.means2d, projected.visible, observer)
        order = drawing_order(projected)
        weights = pixel_weights(projected, gaussians.opacities, order, camera)
        shape = (camera.height, camera.width, -1)
        image = (weights.blend @ gaussians.colors[order]).reshape(shape)
        if background is not None:
            image = image + weights.left_over.reshape(shape) * background
        alpha = (1 - weights.left_over).reshape(shape)
        depth = expected_depth(weights, projected.depths[order]).reshape(shape) if with_depth else None
        return Rendering(image, alpha, depth)


def drawing_order(projected: Projected) -> Tensor:
    """Indices of the visible Gaussians, nearest first, equal depths by index."""
    visible = projected.visible.nonzero()[:, 0]
    return visible[projected.depths[visible].detach().argsort(stable=True)]


def pixel_weights(projected: Projected, opacities: Float[Tensor, " N"], order: Tensor, camera: Camera) -> Weights:
    """Front-to-back compositing weights; the formulas of ``render.rasterizer.Rasterizer``."""
    means2d, inverse = projected.means2d[order], torch.linalg.inv(projected.covariances[order])
    y, x = torch.meshgrid(torch.arange(camera.height), torch.arange(camera.width), indexing="ij")
    pixels = torch.stack([x, y], -1).reshape(-1, 1, 2).to(means2d) + 0.5
    offset = pixels - means2d
    sigma = 0.5 * torch.einsum("pni,nij,pnj->pn", offset, inverse, offset)
    uncapped = opacities[order] * torch.exp(-sigma)
    hit = uncapped >= MIN_ALPHA
    alpha = torch.where(hit, uncapped.clamp(max=MAX_ALPHA), torch.zeros_like(uncapped))
    drawn, margin = _drawn(alpha.detach(), uncapped.detach(), hit)
    alpha = torch.where(drawn, alpha, torch.zeros_like(alpha))
    behind = torch.cumprod(1 - alpha, 1)
    before = torch.cat([behind.new_ones(len(behind), 1), behind], 1)
    return Weights(alpha * before[:, :-1], before[:, -1], margin)


def _drawn(
    alpha: Float[Tensor, "P N"], uncapped: Float[Tensor, "P N"], hit: Bool[Tensor, "P N"]
) -> tuple[Bool[Tensor, "P N"], Float[Tensor, " P"]]:
    """Hits in front of the one that would take the transmittance to 1e-4, and the margins of ``Weights``."""
    behind = torch.cumprod(1 - alpha, 1)
    stops = hit & (behind <= MIN_TRANSMITTANCE)
    stopped = torch.cumsum(stops.int(), 1) > 0
    # Decisions about what lies behind the stop were never taken; that on the stop itself was.
    asked = torch.cumsum(stops.int(), 1) - stops.int() == 0
    margin = torch.minimum((uncapped / MIN_ALPHA - 1).abs(), (behind / MIN_TRANSMITTANCE - 1).abs())
    margin = torch.where(asked, margin, torch.inf)
    if margin.shape[1] == 0:
        return hit, margin.new_full(margin.shape[:1], torch.inf)
    return hit & ~stopped, margin.amin(1)


def expected_depth(weights: Weights, depths: Float[Tensor, " N"]) -> Float[Tensor, " P"]:
    """Blended depth divided by coverage; 0 where nothing was hit."""
    coverage = 1 - weights.left_over
    empty = coverage <= 0
    return torch.where(empty, torch.zeros_like(coverage), (weights.blend @ depths) / coverage.masked_fill(empty, 1))
