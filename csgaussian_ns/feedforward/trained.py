"""The network as torch trains it: its parameters, and what a batch costs."""

import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.entropy.likelihood import gaussian_bits
from csgaussian_ns.feedforward.backbone import FeatureBackbone
from csgaussian_ns.feedforward.heads import GaussianArrays
from csgaussian_ns.feedforward.layers import Parameters
from csgaussian_ns.feedforward.likely import OCTAVES, Expected, LatentModel
from csgaussian_ns.feedforward.network import Network
from csgaussian_ns.feedforward.settings import Settings
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.quant.rounding import clamp_inward, noisy, straight_through, unit_noise

_CONVOLUTION = 4
"""Dimensions of its weights."""
_EXACT = "likely/"
"""Of how likely latents are: there a decoder must follow, and little is to be saved."""


class TrainedNetwork(nn.Module):
    """Parameters of a ``Network`` and of its ``LatentModel``, by their names.

    Attributes:
        network: What is done with them.
        likely: How likely latents are.
        half_convolutions: Whether they are computed in bfloat16: in two thirds of the time, where processors can.
    """

    def __init__(self, settings: Settings, backbone: FeatureBackbone | None = None) -> None:
        """Begin with random parameters.

        Args:
            settings: Sizes.
            backbone: Makes features; our own where ``None``.
        """
        super().__init__()
        self.half_convolutions = False
        self.network, self.likely = Network(settings, backbone), LatentModel(settings)
        for part in (*self.network.needed(), *self.likely.needed()):
            self.register_parameter(part.name, nn.Parameter(torch.randn(part.shape) * part.spread))

    @property
    def values(self) -> dict[str, nn.Parameter]:
        """All parameters by name."""
        return dict(self.named_parameters())

    def forward(
        self, photos: Float[Tensor, "V 3 H W"], views: Views, level: int
    ) -> tuple[GaussianArrays, Float[Tensor, ""]]:
        """The scene as a decoder would have it, and the bits that its file would take.

        Rounding passes gradients on; the bits are those of values with noise in place of rounding.

        Args:
            photos: Colours in [0, 1].
            views: Their cameras.
            level: Of the rate, 0 for the fewest bits.
        """
        values: dict[str, Tensor] = dict(self.values)
        if self.half_convolutions:
            weights = {name: value for name, value in values.items() if value.ndim == _CONVOLUTION}
            values |= {name: value.bfloat16() for name, value in weights.items() if not name.startswith(_EXACT)}
        scaled = self.network.latent(values, photos, views) * self.likely.gains(values, level)
        return coded(self.network, self.likely, values, scaled, views, level)


def coded(
    network: Network,
    likely: LatentModel,
    values: Parameters,
    scaled: Float[Tensor, "V L h w"],
    views: Views,
    level: int,
) -> tuple[GaussianArrays, Float[Tensor, ""]]:
    """Scene and bits of a latent, as of ``TrainedNetwork.forward``.

    Args:
        network: Makes the scene.
        likely: Says how likely the latent is.
        values: Parameters of both.
        scaled: The latent in steps.
        views: Cameras.
        level: Of the rate.
    """
    walked = likely.walk(values, scaled, level, _rounded)
    hyper = likely.hyper_analysis(values, scaled)
    bits = _bits(hyper, walked.hyper) + _bits(scaled, walked.latent)
    return network.gaussians(values, walked.values / likely.gains(values, level), views), bits


def _rounded(values: Tensor, mean: Tensor) -> Tensor:
    return straight_through(values, mean + torch.round(values - mean))


def _bits(values: Tensor, expected: Expected) -> Tensor:
    """Of values with noise in place of rounding."""
    shown = noisy(values, 1.0, unit_noise(values))
    scale = torch.exp2(clamp_inward(expected.log_scale, *OCTAVES))
    return gaussian_bits(shown - expected.mean, scale, torch.ones_like(scale)).sum()
