"""MLPs that turn an anchor's feature, seen from a camera, into the attributes of its Gaussians (Scaffold-GS, 3.2)."""

import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.format.render_networks import VIEW_CHANNELS
from csgaussian_ns.quant.coded_linear import CodedLinear
from csgaussian_ns.scene.render_networks import Decoded


class Decoders(nn.Module):
    """Three MLPs with one hidden layer each; their input is (feature, unit view direction, distance)."""

    def __init__(self, feature_dim: int, num_offsets: int, hidden_dim: int) -> None:
        """Build the MLPs.

        Args:
            feature_dim: Feature channels per anchor, ``F``.
            num_offsets: Gaussians per anchor, ``K``.
            hidden_dim: Width of each hidden layer.
        """
        super().__init__()
        self.num_offsets = num_offsets
        self.opacity = _mlp(feature_dim + VIEW_CHANNELS, hidden_dim, num_offsets)
        self.covariance = _mlp(feature_dim + VIEW_CHANNELS, hidden_dim, 7 * num_offsets)
        self.color = _mlp(feature_dim + VIEW_CHANNELS, hidden_dim, 3 * num_offsets)

    def forward(
        self, feature: Float[Tensor, "A F"], direction: Float[Tensor, "A 3"], distance: Float[Tensor, "A 1"]
    ) -> Decoded:
        """Decode all Gaussian slots of the given anchors; see ``render_networks.AttributeDecoder``."""
        seen = torch.cat([feature, direction, distance], dim=-1)
        count = len(feature)
        return Decoded(
            opacity=torch.tanh(self.opacity(seen)),
            shape=self.covariance(seen).view(count, self.num_offsets, 7),
            color=torch.sigmoid(self.color(seen)).view(count, self.num_offsets, 3),
        )


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(CodedLinear(inputs, hidden), nn.ReLU(), CodedLinear(hidden, outputs))
