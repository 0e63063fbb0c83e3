"""Channel-wise autoregression over the feature: what earlier slices tell about later ones (CSGaussian 4.2)."""

import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.format.networks.hyper_carm import feature_slices
from csgaussian_ns.quant.coded_linear import CodedLinear


class Carm(nn.Module):
    """One small network per slice but the first; its outputs are added to the hyperprior's mean and log scale."""

    def __init__(self, feature_dim: int, hidden_dim: int) -> None:
        """Build the networks with one hidden layer of ``hidden_dim`` each."""
        super().__init__()
        self.slices = feature_slices(feature_dim)
        self.networks = nn.ModuleList(
            nn.Sequential(
                CodedLinear(s.start, hidden_dim), nn.ReLU(), quiet(CodedLinear(hidden_dim, 2 * (s.stop - s.start)))
            )
            for s in self.slices[1:]
        )

    def resize(self, hidden_dim: int) -> None:
        """Take on another width in place, see ``CodedLinear.resize``."""
        for first, _, last in self.networks:  # type: ignore[misc]
            first.resize(first.in_features, hidden_dim)
            last.resize(hidden_dim, last.out_features)

    def correction(self, number: int, known: Float[Tensor, "A P"]) -> tuple[Float[Tensor, "A S"], Float[Tensor, "A S"]]:
        """What slice ``number`` (>= 1) adds to mean and log scale, given all channels before it (in base steps)."""
        mean, log_scale = self.networks[number - 1](known).chunk(2, dim=-1)
        return mean, log_scale

    def forward(self, feature: Float[Tensor, "A F"]) -> tuple[Float[Tensor, "A F"], Float[Tensor, "A F"]]:
        """Corrections of all slices at once, for features that are known: training."""
        parts = [self.correction(i, feature[:, : s.start]) for i, s in enumerate(self.slices) if i > 0]
        first = torch.zeros_like(feature[:, self.slices[0]])
        means, log_scales = zip(*parts, strict=True)
        return torch.cat([first, *means], dim=-1), torch.cat([first, *log_scales], dim=-1)


@torch.no_grad()
def quiet(layer: CodedLinear) -> CodedLinear:
    """Start near zero: at first the hyperprior alone decides."""
    layer.weight.mul_(0.1)
    layer.bias.zero_()
    return layer
