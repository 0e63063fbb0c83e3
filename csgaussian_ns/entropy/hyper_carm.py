"""The entropy model of CSGaussian (4.2): a hyperprior from the position, and channel-wise autoregression.

Behind one of several spatial encodings it is also those that the paper compares with, see ``registry``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float, Int
from csgaussian_ns.entropy.base import Context, EntropyModel, Expectation, Widths, per_channel
from csgaussian_ns.entropy.carm import Carm
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.entropy.hyperprior import Hyperprior, Prior
from csgaussian_ns.entropy.integer import integer_carm, integer_hyperprior
from csgaussian_ns.entropy.likelihood import code_length
from csgaussian_ns.entropy.rate_steps import RateForm, RateSteps
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.networks.hyper_carm import MIN_SLICED, IntegerHyperCarm
from csgaussian_ns.quant.steps import step_from_raw


@dataclass(frozen=True)
class EncodedPlace:
    """The encodings of some voxels, and lambda."""

    encoding: Float[Tensor, "V E"]
    rate_weight: float

    def at(self, rows: Int[Tensor, " n"]) -> "EncodedPlace":
        """Of some of them."""
        return EncodedPlace(self.encoding.index_select(0, rows), self.rate_weight)


@dataclass(frozen=True)
class HyperCarmExpectation(Expectation):
    """Hidden state of the hyperprior, and steps."""

    model: "HyperCarm"
    hidden: Float[Tensor, "V H"]
    steps: Float[Tensor, "V T"]

    def at(self, rows: Int[Tensor, " n"], steps: Float[Tensor, "n T"] | None = None) -> "HyperCarmExpectation":
        """As of ``Expectation``."""
        steps = self.steps.index_select(0, rows) if steps is None else steps
        return type(self)(self.model, self.hidden.index_select(0, rows), steps)

    def prior(self) -> Prior:
        """Of all channels, by the hyperprior alone."""
        return self.model.hyperprior.prior(self.hidden)

    def bits(self, values: Float[Tensor, "V D"]) -> Float[Tensor, "V D"]:
        """With corrections from the values themselves, which a decoder has slice by slice."""
        mean, log_scale = self.corrected(values)
        layout = self.model.layout
        return code_length(layout, values - mean, torch.exp2(log_scale), per_channel(layout, self.steps))

    def corrected(self, values: Float[Tensor, "V D"]) -> tuple[Float[Tensor, "V D"], Float[Tensor, "V D"]]:
        """Mean and log scale of all channels once the features are known."""
        prior, carm, dim = self.prior(), self.model.carm, self.model.layout.sizes[0]
        if carm is None:
            return prior.mean, prior.log_scale
        mean, log_scale = carm(values[:, :dim])
        return (
            torch.cat([prior.mean[:, :dim] + mean, prior.mean[:, dim:]], dim=-1),
            torch.cat([prior.log_scale[:, :dim] + log_scale, prior.log_scale[:, dim:]], dim=-1),
        )

    def quantised(self, values: Float[Tensor, "V D"]) -> Float[Tensor, "V D"]:
        """Values rounded on the grid centred on their mean, slice by slice as the decoder will see them."""
        with torch.no_grad():  # not a decorator, which torch.compile does not see through here
            step, mean, carm = per_channel(self.model.layout, self.steps), self.prior().mean, self.model.carm
            result = mean + torch.round((values - mean) / step) * step
            if carm is not None:
                for number, channels in list(enumerate(carm.slices))[1:]:
                    shift, _ = carm.correction(number, result[:, : channels.start])
                    centre, width = mean[:, channels] + shift, step[:, channels]
                    result[:, channels] = centre + torch.round((values[:, channels] - centre) / width) * width
            return result


class HyperCarm(EntropyModel):
    """Hyperprior, and corrections of the first attribute type, the feature.

    ```
    voxel -> spatial encoding -> hyperprior -> mean, log scale, step ----------> bits
                                     feature slices before -> CARM -> corrections --^
    ```
    """

    EXPECTATION: ClassVar[type[HyperCarmExpectation]] = HyperCarmExpectation

    def __init__(self, layout: ChannelLayout, widths: Widths, encoding: SpatialEncoding) -> None:
        """Build the networks behind an encoding; without a width of corrections there is no CARM.

        Raises:
            ConfigError: The feature has too few channels to be cut into slices.
        """
        super().__init__(layout)
        self.encoding = encoding
        self.hyperprior = Hyperprior(layout, encoding, widths.hidden, self.inputs_beside(layout))
        if widths.correction and layout.sizes[0] < MIN_SLICED:
            raise ConfigError(
                f"a feature of {layout.sizes[0]} channels has no slices for channel-wise autoregression, which takes "
                f"at least {MIN_SLICED}; switch it off (carm) or widen the feature (feature_dim)"
            )
        self.carm = Carm(layout.sizes[0], widths.correction) if widths.correction else None

    @classmethod
    def inputs_beside(cls, layout: ChannelLayout) -> int:
        """Inputs of the hyperprior behind the encoding."""
        return 0

    def beside(self, context: Context) -> Float[Tensor, "V n"] | None:
        """These inputs; ``None`` without any."""
        return None

    def vary_rate(self, weights: tuple[float, ...], form: RateForm) -> None:
        """As of ``EntropyModel``."""
        self.hyperprior.rate_steps = RateSteps(weights, form, self.hyperprior.head.in_features, self.layout.types)

    def resize(self, widths: Widths) -> None:
        """As of ``EntropyModel``."""
        self.hyperprior.resize(widths.hidden)
        if self.carm is not None:
            self.carm.resize(widths.correction)

    def resize_for(self, checkpoint: Mapping[str, Tensor]) -> None:
        """As of ``EntropyModel``."""
        head, first = checkpoint.get("hyperprior.head.weight"), checkpoint.get("carm.networks.0.0.weight")
        if head is not None:
            self.resize(Widths(head.shape[1], 1 if first is None else first.shape[0]))

    def start(self, grid: Int[Tensor, "A 3"], values: Float[Tensor, "A D"]) -> None:
        """Fit the position range and the first prior."""
        self.encoding.fit(grid)
        self.hyperprior.set_statistics(values)

    def tables(self) -> list[torch.nn.Parameter]:
        """Those of the encoding."""
        return list(self.encoding.parameters())

    def own_bits(self) -> Float[Tensor, ""]:
        """As of ``EntropyModel``."""
        return self.encoding.table_bits()

    def place(self, context: Context) -> EncodedPlace:
        """The encoding of the voxels, and what the hyperprior reads behind it."""
        encoding, beside = self.encoding(context.grid, context.index), self.beside(context)
        inputs = encoding if beside is None else torch.cat([encoding, beside], dim=-1)
        return EncodedPlace(inputs, context.rate_weight)

    def expect(self, place: EncodedPlace, steps: Float[Tensor, "V T"] | None = None) -> HyperCarmExpectation:  # type: ignore[override]
        """What the hyperprior says, up to its hidden state and the steps; the whole prior once it is asked for."""
        hidden = self.hyperprior.hidden(place.encoding)
        steps = step_from_raw(self.hyperprior.raw_step(hidden, place.rate_weight)) if steps is None else steps
        return self.EXPECTATION(self, hidden, steps)

    def freeze(self, context: Context, weight_bits: int = 8) -> IntegerHyperCarm:
        """As of ``EntropyModel``."""
        fixed = self.hyperprior.at_rate(context.rate_weight)
        hyperprior = integer_hyperprior(fixed, self.encoding, context.grid.numpy(), weight_bits, self.beside(context))
        if self.carm is None:
            return IntegerHyperCarm(self.layout, hyperprior)
        return IntegerHyperCarm(self.layout, hyperprior, *integer_carm(self.carm, context, weight_bits))
