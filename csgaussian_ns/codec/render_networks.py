"""The render networks of a file and the decoders of training: each made of the other."""

import torch
from torch import nn

from csgaussian_ns.format.render_networks import VIEW_CHANNELS, RenderLayer, RenderNetworks
from csgaussian_ns.scene.decoders import Decoders

NAMES = ("opacity", "covariance", "color")


def networks_of(decoders: Decoders) -> RenderNetworks:
    """Arrays of what was trained."""

    def layers(name: str) -> tuple[RenderLayer, ...]:
        arrays = ((layer.weight.detach().cpu(), layer.bias.detach().cpu()) for layer in _linear(decoders, name))
        return tuple(RenderLayer(weight.float().numpy(), bias.float().numpy()) for weight, bias in arrays)

    return RenderNetworks(*map(layers, NAMES))


def decoders_of(networks: RenderNetworks) -> Decoders:
    """Decoders of what was read, frozen."""
    (hidden, inputs), (num_offsets, _) = (layer.weight.shape for layer in networks.opacity)
    decoders = Decoders(inputs - VIEW_CHANNELS, num_offsets, hidden)
    for name in NAMES:
        for target, layer in zip(_linear(decoders, name), getattr(networks, name), strict=True):
            target.weight.data, target.bias.data = torch.from_numpy(layer.weight), torch.from_numpy(layer.bias)
    return decoders.requires_grad_(False)


def _linear(decoders: Decoders, name: str) -> list[nn.Linear]:
    return [layer for layer in getattr(decoders, name) if isinstance(layer, nn.Linear)]
