"""Projection of 3-D Gaussians to the image plane in plain torch: the readable twin of ``cpu_projection``.

EWA splatting (Zwicker et al. 2001) with the clamped Jacobian of 3DGS (Kerbl et al. 2023), as in gsplat.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from csgaussian_ns.core.arrays import like
from csgaussian_ns.core.shapes import Bool, Float
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.render.contract import DILATION, MIN_ALPHA, NEAR


@dataclass(frozen=True)
class Projected:
    """Gaussians as the image plane sees them.

    Attributes:
        means2d: Centres in pixels; 0 where not ``visible``.
        covariances: Footprints in px^2, dilated.
        depths: z in camera axes.
        visible: In front of the near plane, and the bounding box of alpha >= 1/255 meets the image.
    """

    means2d: Float[Tensor, "N 2"]
    covariances: Float[Tensor, "N 2 2"]
    depths: Float[Tensor, " N"]
    visible: Bool[Tensor, " N"]


def rotations(quats: Float[Tensor, "N 4"]) -> Float[Tensor, "N 3 3"]:
    """Rotation matrices of quaternions ``wxyz`` of any non-zero length."""
    w, x, y, z = (quats / quats.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def jacobians(points: Float[Tensor, "N 3"], camera: Camera) -> Float[Tensor, "N 2 3"]:
    """Derivative of the pixel by the camera-space point, at slopes x/z and y/z clamped to 1.3 fields of view.

    Without the clamp a Gaussian far outside the view but close to the camera plane would smear over the image.
    """
    x, y, z = points.unbind(-1)
    margin_x, margin_y = 0.15 * camera.width / camera.fx, 0.15 * camera.height / camera.fy
    u = (x / z).clamp(-camera.cx / camera.fx - margin_x, (camera.width - camera.cx) / camera.fx + margin_x)
    v = (y / z).clamp(-camera.cy / camera.fy - margin_y, (camera.height - camera.cy) / camera.fy + margin_y)
    zero = torch.zeros_like(z)
    of_x = torch.stack([camera.fx / z, zero, -camera.fx * u / z], -1)
    of_y = torch.stack([zero, camera.fy / z, -camera.fy * v / z], -1)
    return torch.stack([of_x, of_y], -2)


def project(gaussians: Gaussians, camera: Camera) -> Projected:
    """Project ``gaussians`` in their own dtype, with autograd."""
    view = like(camera.world_to_camera, gaussians.means).detach()
    points = gaussians.means @ view[:3, :3].T + view[:3, 3]
    in_front = points[:, 2] >= NEAR
    # Points behind get some harmless place: a division by zero here would turn the gradients of all into NaN.
    points = torch.where(in_front[:, None], points, torch.ones_like(points))
    x, y, z = points.unbind(-1)
    means2d = torch.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], -1)
    half = jacobians(points, camera) @ view[:3, :3] @ rotations(gaussians.quats) @ torch.diag_embed(gaussians.scales)
    covariances = half @ half.mT + DILATION * torch.eye(2).to(half)
    visible = in_front & _meets_image(means2d, covariances, gaussians.opacities, camera)
    return Projected(torch.where(visible[:, None], means2d, torch.zeros_like(means2d)), covariances, z, visible)


@torch.no_grad()
def _meets_image(
    means2d: Float[Tensor, "N 2"], covariances: Float[Tensor, "N 2 2"], opacities: Float[Tensor, " N"], camera: Camera
) -> Bool[Tensor, " N"]:
    """Whether the bounding box of alpha >= 1/255 overlaps the image."""
    squared_radius = 2 * (opacities / MIN_ALPHA).clamp_min(1e-30).log()
    reach = (squared_radius.clamp_min(0)[:, None] * covariances.diagonal(dim1=-2, dim2=-1)).sqrt()
    size = torch.tensor([camera.width, camera.height]).to(means2d)
    return (squared_radius >= 0) & (means2d + reach > 0).all(-1) & (means2d - reach < size).all(-1)
