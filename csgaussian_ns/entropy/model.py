"""The entropy model of the colour attributes: one prior for training, encoding and decoding."""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import Prior, per_channel
from csgaussian_ns.entropy.carm import Carm
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.entropy.hyperprior import Hyperprior
from csgaussian_ns.entropy.likelihood import gaussian_bits, laplacian_bits
from csgaussian_ns.entropy.registry import new_encoding
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.quant.steps import step_from_raw


class ColourEntropyModel(nn.Module):
    """Hyperprior from the position, plus channel-wise autoregression over the feature.

    ```
    voxel -> spatial encoding -> hyperprior -> mean, log scale, step ----------> bits
                                     feature slices before -> CARM -> corrections --^
    ```
    All values are in base steps (``AttributeLayout.base_steps``).
    """

    def __init__(
        self, layout: AttributeLayout, hidden_dim: int, carm_dim: int, encoding: SpatialEncoding | None = None
    ) -> None:
        """Build the networks.

        Args:
            layout: Channels and base steps.
            hidden_dim: Width of the hyperprior.
            carm_dim: Width of the autoregressive networks; 0 leaves them out.
            encoding: What the prior knows of the position, see ``entropy.registry``; ``inr`` by default.
        """
        super().__init__()
        self.layout = layout
        self.encoding = encoding or new_encoding("inr")
        self.hyperprior = Hyperprior(layout, self.encoding, hidden_dim)
        self.carm = Carm(layout.feature_dim, carm_dim) if carm_dim else None
        self.register_buffer("base_step", per_channel(layout, torch.tensor(layout.base_steps)), persistent=False)

    base_step: Float[Tensor, " D"]

    def resize(self, hidden_dim: int, carm_dim: int) -> None:
        """Give the networks other widths in place, before they are trained or a checkpoint is read into them."""
        self.hyperprior.resize(hidden_dim)
        if self.carm is not None:
            self.carm.resize(carm_dim)

    def resize_for(self, checkpoint: Mapping[str, Tensor]) -> None:
        """Take on the widths of the tensors of another model, by their names here."""
        head, first = checkpoint.get("hyperprior.head.weight"), checkpoint.get("carm.networks.0.0.weight")
        if head is not None:
            self.resize(head.shape[1], 1 if first is None else first.shape[0])

    def start(self, grid: Int[Tensor, "A 3"], anchors: Anchors) -> None:
        """Fit the position range and the first prior to a scene whose rate is about to be paid for."""
        self.encoding.fit(grid)
        self.hyperprior.set_statistics(self.values(anchors))

    def values(self, anchors: Anchors) -> Float[Tensor, "A D"]:
        """The channels of ``anchors`` in coding order, in base steps."""
        flat = torch.cat([anchors.feature, anchors.scaling, anchors.offset.flatten(1)], dim=-1)
        return flat / self.base_step

    def anchors(self, values: Float[Tensor, "A D"], like: Anchors) -> Anchors:
        """Anchors with the given channels (in base steps), positions and masks from ``like``."""
        feature, scaling, offset = (values * self.base_step).split(self.layout.sizes, dim=-1)
        return Anchors(like.position, feature, offset.reshape(like.offset.shape), scaling, like.mask)

    def steps(self, hidden: Float[Tensor, "A H"]) -> Float[Tensor, "A 3"]:
        """Steps of each attribute type, in base steps."""
        return step_from_raw(self.hyperprior.raw_step(hidden), 1.0)

    def bits(self, values: Float[Tensor, "A D"], prior: Prior, steps: Float[Tensor, "A 3"]) -> Float[Tensor, "A D"]:
        """Code length of quantised (or noisy) values, channel by channel.

        Args:
            values: In base steps.
            prior: From ``hyperprior``; CARM's corrections are added here.
            steps: In base steps.
        """
        mean, log_scale = self.corrected(prior, values)
        residual, scale = values - mean, torch.exp2(log_scale)
        step = per_channel(self.layout, steps)
        split = self.layout.channels - self.layout.sizes[2]
        return torch.cat(
            [
                gaussian_bits(residual[:, :split], scale[:, :split], step[:, :split]),
                laplacian_bits(residual[:, split:], scale[:, split:], step[:, split:]),
            ],
            dim=-1,
        )

    def corrected(
        self, prior: Prior, values: Float[Tensor, "A D"]
    ) -> tuple[Float[Tensor, "A D"], Float[Tensor, "A D"]]:
        """Mean and log scale of all channels once the features are known."""
        if self.carm is None:
            return prior.mean, prior.log_scale
        dim = self.layout.feature_dim
        mean, log_scale = self.carm(values[:, :dim])
        return (
            torch.cat([prior.mean[:, :dim] + mean, prior.mean[:, dim:]], dim=-1),
            torch.cat([prior.log_scale[:, :dim] + log_scale, prior.log_scale[:, dim:]], dim=-1),
        )

    @torch.no_grad()
    def quantised(
        self, values: Float[Tensor, "A D"], prior: Prior, steps: Float[Tensor, "A 3"]
    ) -> Float[Tensor, "A D"]:
        """Values rounded on the grid centred on their mean, slice by slice as the decoder will see them."""
        step = per_channel(self.layout, steps)
        mean = prior.mean.clone()
        result = mean + torch.round((values - mean) / step) * step
        if self.carm is not None:
            for number, channels in list(enumerate(self.carm.slices))[1:]:
                shift, _ = self.carm.correction(number, result[:, : channels.start])
                centre, width = mean[:, channels] + shift, step[:, channels]
                result[:, channels] = centre + torch.round((values[:, channels] - centre) / width) * width
        return result
