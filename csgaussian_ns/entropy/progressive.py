"""Progressive coding of HEMGS (3.2) on top of ours: scaling and offsets know the decoded feature."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.entropy.base import Context, Widths, per_channel
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.entropy.hyper_carm import HyperCarm, HyperCarmExpectation
from csgaussian_ns.entropy.integer import calibration_rows, requantiser_for, unit_of
from csgaussian_ns.entropy.surroundings import chunks_of
from csgaussian_ns.entropy.told import integer_told, resize_told, round_channels, told, told_network
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.networks.progressive import IntegerProgressive
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT
from csgaussian_ns.format.networks.spacing import FARTHEST, SPACINGS, spacing

SHARE = 0.5
"""Width of the network, in widths of those of the channels: wider ones bring little more, and cost bytes."""


@dataclass(frozen=True)
class ProgressiveExpectation(HyperCarmExpectation):
    """What the hyperprior says; and of all types but the first, what the first tells of them."""

    model: "Progressive"

    def corrected(self, values: Float[Tensor, "V D"]) -> tuple[Float[Tensor, "V D"], Float[Tensor, "V D"]]:
        """Mean and log scale of all channels, each from what a decoder has before it."""
        (mean, log_scale), size = super().corrected(values), self.model.layout.sizes[0]
        shift, widening = self.model.of_others(values[:, :size])
        nothing = mean.new_zeros(len(mean), size)
        return mean + torch.cat([nothing, shift], dim=-1), log_scale + torch.cat([nothing, widening], dim=-1)

    def quantised(self, values: Float[Tensor, "V D"]) -> Float[Tensor, "V D"]:
        """Values rounded on the grid centred on their mean: those of the feature first, as a decoder has them."""
        result = super().quantised(values)
        with torch.no_grad():  # not a decorator, which torch.compile does not see through here
            size = self.model.layout.sizes[0]
            others, step = slice(size, None), per_channel(self.model.layout, self.steps)
            result[:, others] = self.prior().mean[:, others] + self.model.of_others(result[:, :size])[0]
            round_channels(result, values, step, others)
            return result


class Progressive(HyperCarm):
    """``HyperCarm``, and one network more. No anchor looks at another one.

    ```
    decoded feature -- details --> corrections of all other types
    ```
    """

    EXPECTATION = ProgressiveExpectation

    def __init__(self, layout: ChannelLayout, widths: Widths, encoding: SpatialEncoding) -> None:
        """Build the networks behind an encoding."""
        super().__init__(layout, widths, encoding)
        size, others = layout.sizes[0], layout.channels - layout.sizes[0]
        self.details = told_network(size, _width(widths), 2 * others) if others else None

    def of_others(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """What the decoded first type adds to mean and log scale of the others."""
        return told(self.details, first, self.layout.channels - self.layout.sizes[0])

    def resize(self, widths: Widths) -> None:
        """As of ``EntropyModel``."""
        super().resize(widths)
        resize_told(self.details, _width(widths))

    def resize_for(self, checkpoint: Mapping[str, Tensor]) -> None:
        """As of ``EntropyModel``."""
        super().resize_for(checkpoint)
        if "details.0.weight" in checkpoint:
            resize_told(self.details, checkpoint["details.0.weight"].shape[0])

    def freeze(self, context: Context, weight_bits: int = 8) -> IntegerProgressive:  # type: ignore[override]
        """As of ``EntropyModel``."""
        alone, size = super().freeze(context, weight_bits), self.layout.sizes[0]
        rows = torch.from_numpy(calibration_rows(len(context.grid)))
        values = np.zeros((1, size), np.float32)  # nothing to code: any network will do
        if len(rows):
            values = context.values_of(rows)[:, :size].detach().numpy()
        by = requantiser_for(values)
        details = integer_told(self.details, values, np.full(size, unit_of(by)), weight_bits)
        return IntegerProgressive(self.layout, alone, by, details)


class Spaced(Progressive):
    """``Progressive`` whose hyperprior knows how far the anchors around are, which tells of an anchor's size."""

    def __init__(self, layout: ChannelLayout, widths: Widths, encoding: SpatialEncoding) -> None:
        """Build the networks behind an encoding."""
        super().__init__(layout, widths, encoding)
        self._known: tuple[Tensor, Tensor] | None = None

    @classmethod
    def inputs_beside(cls, layout: ChannelLayout) -> int:
        """Distances, where there are sizes that they could tell of."""
        return SPACINGS if layout.types > 1 else 0

    def beside(self, context: Context) -> Float[Tensor, "V n"] | None:
        """Distances to other anchors of the same chunk, of 1; remembered where all are kept, until another grid."""
        if not self.hyperprior.beside:
            return None
        if context.kept is not None:
            found = _spacing(context.grid, context.kept)
        else:
            if self._known is None or self._known[0] is not context.grid:
                self._known = (context.grid, _spacing(context.grid))
            found = self._known[1]
        return found if context.index is None else found.index_select(0, context.index)


def _spacing(grid: Int[Tensor, "A 3"], kept: Bool[Tensor, " A"] | None = None) -> Float[Tensor, "A n"]:
    """Distances once the anchors are in a file, chunk by chunk; of anchors that it will not hold the farthest."""
    voxels = grid.cpu().numpy()
    found = np.full((len(voxels), SPACINGS), FARTHEST, np.float32)
    for chunk in chunks_of(voxels, None if kept is None else kept.cpu().numpy()):
        found[chunk] = spacing(voxels[chunk])
    return torch.from_numpy(found / np.float32(INPUT_LIMIT)).to(grid.device)


def _width(widths: Widths) -> int:
    return max(1, round(SHARE * (widths.correction or widths.hidden)))
