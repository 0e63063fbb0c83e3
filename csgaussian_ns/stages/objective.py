"""What training minimises."""

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Bool, Float
from csgaussian_ns.render import ssim

SSIM_WEIGHT = 0.2
"""Share of 1 - SSIM in the distortion, the rest is L1 (3D Gaussian Splatting, Eq. 7)."""
VOLUME_WEIGHT = 0.01
"""Weight of the volume regulariser (Scaffold-GS, Eq. 10)."""


def volume(scales: Float[Tensor, "N 3"], real: Bool[Tensor, " N"] | None = None) -> Float[Tensor, ""]:
    """Mean product of the three scales of the drawn Gaussians, 0 where none is drawn: keeps them small and apart.

    Args:
        scales: Of the Gaussians.
        real: Which of them count; all where ``None``.
    """
    products = scales.prod(dim=-1)
    if real is None:
        return products.sum() / max(len(scales), 1)
    return torch.where(real, products, 0.0).sum() / real.sum().clamp(min=1)


def colour_distortion(image: Float[Tensor, "H W 3"], target: Float[Tensor, "H W 3"]) -> Float[Tensor, ""]:
    """Difference of two images: (1 - SSIM_WEIGHT) * L1 + SSIM_WEIGHT * (1 - SSIM)."""
    return ssim.distortion(image, target, SSIM_WEIGHT)
