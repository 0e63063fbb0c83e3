"""What one scene costs a network that is trained on many: pictures of other views against bits."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from csgaussian_ns.core.arrays import like
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.feedforward.heads import GaussianArrays
from csgaussian_ns.feedforward.likely import GAIN_OCTAVES
from csgaussian_ns.feedforward.trained import TrainedNetwork
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.render.ssim import distortion, psnr
from csgaussian_ns.scene.spherical_harmonics import CONSTANT

RATE_WEIGHT = 0.05
"""Of a bit per pixel of the photos, at level 0."""
_SLOPE = math.sqrt(3 / (4 * math.pi))


class Target(NamedTuple):
    """A view that the scene shall look like: one of the photos, one between them, or one beside them."""

    photo: Float[Tensor, "H W 3"]
    camera: Camera


class Cost(NamedTuple):
    """What a scene costs.

    Attributes:
        loss: To be made small.
        distortion: Its part for pictures, averaged over the targets.
        bits_per_pixel: Of the photos.
        psnr: Of the targets, on average, in dB; without gradient.
    """

    loss: Float[Tensor, ""]
    distortion: Float[Tensor, ""]
    bits_per_pixel: Float[Tensor, ""]
    psnr: Float[Tensor, ""]


def rate_weight(level: int, lowest: float = RATE_WEIGHT) -> float:
    """Weight of a bit per pixel at a level.

    The error of rounding falls with the square of the gain, so the weight does where gains are as before training.
    """
    return lowest * 2 ** (-2 * GAIN_OCTAVES * level)


def cost(
    network: TrainedNetwork,
    photos: Float[Tensor, "V 3 H W"],
    views: Views,
    targets: Sequence[Target],
    level: int,
    rasterizer: Rasterizer,
    lowest: float = RATE_WEIGHT,
) -> Cost:
    """Make a scene of photos as a decoder would, and compare it with other views of it.

    Args:
        network: In training.
        photos: Colours in [0, 1].
        views: Their cameras.
        targets: At least one.
        level: Of the rate.
        rasterizer: Draws.
        lowest: As of ``rate_weight``.

    Raises:
        ConfigError: There is no target.
    """
    if not targets:
        raise ConfigError("no view to compare the scene with; give one at least")
    arrays, bits = network(photos, views, level)
    drawn = [rasterizer(seen_by(arrays, camera), camera).image for _, camera in targets]
    mean = torch.stack([distortion(image, photo) for image, (photo, _) in zip(drawn, targets, strict=True)]).mean()
    with torch.no_grad():
        found = torch.stack([psnr(image, photo) for image, (photo, _) in zip(drawn, targets, strict=True)]).mean()
    bits = bits / (len(views) * views.width * views.height)
    return Cost(mean + rate_weight(level, lowest) * bits, mean, bits, found)


def seen_by(arrays: GaussianArrays, camera: Camera) -> Gaussians:
    """The Gaussians in the colours that a camera sees; as ``scene.spherical_harmonics.colours``, with gradients."""
    ray = arrays.means - like(camera.position, arrays.means)
    x, y, z = (ray / ray.norm(dim=1, keepdim=True).clamp_min(1e-9)).unbind(1)
    basis = torch.stack([torch.full_like(x, CONSTANT), -_SLOPE * y, _SLOPE * z, -_SLOPE * x], 1)
    rgb = ((basis[:, :, None] * arrays.harmonics).sum(1) + 0.5).clamp_min(0)
    return Gaussians(arrays.means, arrays.quats, arrays.scales, arrays.opacities, rgb)
