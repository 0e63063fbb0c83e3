"""A trained entropy model on other base steps: what it says stays, in the unit of the attributes, but steps change."""

import copy

import torch

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.entropy.base import EntropyModel, per_channel
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.format.attributes import ChannelLayout


@torch.no_grad()
def on_base_steps(model: EntropyModel, layout: ChannelLayout) -> EntropyModel:
    """``model`` with steps as many times larger as the base steps of ``layout``: a copy but for the encoding.

    Everything that it codes is in base steps. So means are divided by the factor of their type, log scales lose its
    log2, and channel networks, which read what was decoded, multiply it; all are outputs or inputs of affine layers.
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
    for first, _, last in () if scaled.carm is None else scaled.carm.networks:  # type: ignore[misc]
        means = len(last.bias) // 2
        first.weight *= factors[0]
        last.weight[:means] /= factors[0]
        last.bias[:means] /= factors[0]
    return scaled
