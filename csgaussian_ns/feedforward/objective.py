"""What one scene costs a network that is trained on many: pictures of other views against bits."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

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


class Given(NamedTuple):
    """What a scene is made of, and what is known of it in training alone.

    Attributes:
        photos: Colours in [0, 1].
        views: Their cameras.
        depths: How far their pixels are away; 0 where nothing is known.
    """

    photos: Float[Tensor, "V 3 H W"]
    views: Views
    depths: Float[Tensor, "V H W"]


class Weights(NamedTuple):
    """Of a bit per pixel at level 0, and of the two parts of ``help_of``."""

    rate: float = RATE_WEIGHT
    colour: float = 0.0
    depth: float = 0.0


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
    given: Given,
    targets: Sequence[Target],
    level: int,
    rasterizer: Rasterizer,
    weights: Weights = Weights(),  # noqa: B008  # a tuple of numbers
) -> Cost:
    """Make a scene of photos as a decoder would, and compare it with other views of it; errors as of ``cost_of``.

    Args:
        network: In training.
        given: Photos of the scene.
        targets: At least one.
        level: Of the rate.
        rasterizer: Draws.
        weights: Of the parts.
    """
    arrays, bits = network(given.photos, given.views, level)
    return cost_of(arrays, bits, given, targets, level, rasterizer, weights)


def cost_of(
    arrays: GaussianArrays,
    bits: Float[Tensor, ""],
    given: Given,
    targets: Sequence[Target],
    level: int,
    rasterizer: Rasterizer,
    weights: Weights,
) -> Cost:
    """What a scene costs that takes so many bits.

    Args:
        arrays: The scene.
        bits: Of its file.
        given: What it was made of.
        targets: At least one.
        level: Of the rate.
        rasterizer: Draws.
        weights: Of the parts.

    Raises:
        ConfigError: There is no target.
    """
    if not targets:
        raise ConfigError("no view to compare the scene with; give one at least")
    drawn = [rasterizer(seen_by(arrays, camera), camera).image for _, camera in targets]
    mean = torch.stack([distortion(image, photo) for image, (photo, _) in zip(drawn, targets, strict=True)]).mean()
    with torch.no_grad():
        found = torch.stack([psnr(image, photo) for image, (photo, _) in zip(drawn, targets, strict=True)]).mean()
    bits = bits / (len(given.views) * given.views.width * given.views.height)
    loss = mean + rate_weight(level, weights.rate) * bits
    if weights.colour or weights.depth:
        help_ = help_of(arrays, given)
        loss = loss + weights.colour * help_.colour + weights.depth * help_.depth
    return Cost(loss, mean, bits, found)


class Help(NamedTuple):
    """Mean difference of colours, and that of inverse depths as a share of their range; 0 where no depth is known."""

    colour: Float[Tensor, ""]
    depth: Float[Tensor, ""]


def help_of(arrays: GaussianArrays, given: Given) -> Help:
    """How far Gaussians are from the colours of the photos at their places, and from depths that are known.

    Pictures alone teach a network at random nearly nothing: what it draws is a haze, in which nothing has a place. With
    this it has contents and places after some hundred steps, and then pictures say the rest.
    """
    views = given.views
    places = len(arrays.means) // len(views)
    side = math.isqrt(views.width * views.height // places)
    colours = nn.functional.avg_pool2d(given.photos, side).flatten(2).transpose(1, 2).reshape(-1, 3)
    difference = (arrays.harmonics[:, 0] * CONSTANT + 0.5 - colours).abs().mean()
    true = given.depths[:, side // 2 :: side, side // 2 :: side].reshape(len(views), -1)
    known = true > 0
    if not known.any():
        return Help(difference, torch.zeros_like(difference))
    axes = like(np.ascontiguousarray(views.world_to_camera[:, 2]), arrays.means)
    means = arrays.means.reshape(len(views), places, 3)
    depths = (means * axes[:, None, :3]).sum(2) + axes[:, 3:]
    span = 1 / views.near - 1 / views.far
    lowest, highest = 1 / views.far, 1 / views.near
    away = (1 / depths - (1 / true.clamp_min(1e-9)).clamp(lowest, highest)).abs() / span
    return Help(difference, away[known].mean())


def seen_by(arrays: GaussianArrays, camera: Camera) -> Gaussians:
    """The Gaussians in the colours that a camera sees; as ``scene.spherical_harmonics.colours``, with gradients."""
    ray = arrays.means - like(camera.position, arrays.means)
    x, y, z = (ray / ray.norm(dim=1, keepdim=True).clamp_min(1e-9)).unbind(1)
    basis = torch.stack([torch.full_like(x, CONSTANT), -_SLOPE * y, _SLOPE * z, -_SLOPE * x], 1)
    rgb = ((basis[:, :, None] * arrays.harmonics).sum(1) + 0.5).clamp_min(0)
    return Gaussians(arrays.means, arrays.quats, arrays.scales, arrays.opacities, rgb)
