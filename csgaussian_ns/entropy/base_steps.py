"""A trained entropy model on other base steps: what it says stays, in the unit of the attributes, but steps change."""

import copy

import torch
from torch import Tensor, nn

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.entropy.base import EntropyModel, per_channel
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.entropy.neighbours import Neighbours
from csgaussian_ns.entropy.progressive import Progressive
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.networks.near import FACTS
from csgaussian_ns.quant.coded_linear import CodedLinear


@torch.no_grad()
def on_base_steps(model: EntropyModel, layout: ChannelLayout) -> EntropyModel:
    """``model`` with steps as many times larger as the base steps of ``layout``: a copy but for the encoding.

    Everything that it codes is in base steps. So means are divided by the factor of their type, log scales lose its
    log2, and networks that read what was decoded, of the same anchor or of neighbours, multiply it; all are outputs or
    inputs of affine layers.
    Raw steps stay, and mean larger steps. Networks of integers are frozen from that as from any other model.

    Args:
        model: Trained.
        layout: That of the model but for its base steps.

    Raises:
        ConfigError: Such a model has no steps that could be changed after training.
    """
    if not isinstance(model, HyperCarm):
        raise ConfigError(
            f"the steps of the entropy model {type(model).__name__} cannot be scaled after training; train it for the "
            "rate that you want (--pipeline.model.lambda-rate)"
        )
    ratios = [new / old for new, old in zip(layout.base_steps, model.layout.base_steps, strict=True)]
    factors = torch.tensor(ratios, device=model.base_step.device)
    factor, channels = per_channel(layout, factors), layout.channels
    scaled = copy.deepcopy(model, {id(model.encoding): model.encoding})  # it may know the places of all anchors
    scaled.layout = scaled.hyperprior.layout = layout
    scaled.base_step = scaled.base_step * factor
    head = scaled.hyperprior.head
    head.weight[:channels] /= factor[:, None]
    head.bias[:channels] /= factor
    head.bias[channels : 2 * channels] -= torch.log2(factor)
    for network in () if scaled.carm is None else scaled.carm.networks:
        _scale(network, factors[:1], factors[:1])
    if isinstance(scaled, Neighbours):
        first, second, others = factor[: layout.sizes[0]], factor[layout.slices[1]], factor[layout.sizes[0] :]
        facts = torch.ones(FACTS, device=factor.device)  # how many neighbours there are, and how near
        if scaled.across is not None:
            _scale(scaled.across, torch.cat([first, facts]), first)
        if scaled.details is not None:
            _scale(scaled.details, torch.cat([first, second, facts]), others)
    if isinstance(scaled, Progressive) and scaled.details is not None:
        _scale(scaled.details, factor[: layout.sizes[0]], factor[layout.sizes[0] :])
    return scaled


def _scale(network: nn.Module, inputs: Float[Tensor, " inputs"], means: Float[Tensor, " S"]) -> None:
    """Let a network of corrections read values and give means in other units; its log scales stay."""
    first, last = (layer for layer in network.modules() if isinstance(layer, CodedLinear))
    half = len(last.bias) // 2
    first.weight *= inputs
    last.weight[:half] /= means[:, None]
    last.bias[:half] /= means
