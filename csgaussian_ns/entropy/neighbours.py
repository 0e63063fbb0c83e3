"""The entropy model of HEMGS (3.2, 3.3) on top of ours: neighbours in waves, and details that know the feature."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.entropy.base import Context, Widths, per_channel
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.entropy.hyper_carm import EncodedPlace, HyperCarm, HyperCarmExpectation
from csgaussian_ns.entropy.integer import calibration_rows, requantiser_for, unit_of
from csgaussian_ns.entropy.surroundings import Surroundings, surroundings
from csgaussian_ns.entropy.told import integer_told, resize_told, round_channels, told, told_network
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.networks.hyper_carm import NO_REQUANTISER
from csgaussian_ns.format.networks.near import FACTS, Neighbourhood
from csgaussian_ns.format.networks.neighbours import IntegerNeighbours
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT


@dataclass(frozen=True)
class SeenPlace(EncodedPlace):
    """Encodings of some voxels, and what is seen from them.

    Attributes:
        seen: Means over neighbours as they are trained, and facts (``Surroundings.seen``).
        around: Of all anchors of the scene in order, to see neighbours as they are decoded; ``None`` of a part of them.
    """

    seen: Float[Tensor, "V inputs"]
    around: Surroundings | None = None

    def at(self, rows: Int[Tensor, " n"]) -> "SeenPlace":
        """As of ``Place``."""
        return SeenPlace(self.encoding[rows], self.rate_weight, self.seen[rows])


@dataclass(frozen=True)
class NeighboursExpectation(HyperCarmExpectation):
    """What the hyperprior says, and what is seen of neighbours."""

    model: "Neighbours"
    place: SeenPlace

    def at(self, rows: Int[Tensor, " n"], steps: Float[Tensor, "n T"] | None = None) -> "NeighboursExpectation":
        """As of ``Expectation``."""
        chosen = self.steps[rows] if steps is None else steps
        return NeighboursExpectation(self.model, self.hidden[rows], chosen, self.place.at(rows))

    def corrected(self, values: Float[Tensor, "V D"]) -> tuple[Float[Tensor, "V D"], Float[Tensor, "V D"]]:
        """Mean and log scale of all channels, each from what a decoder has before it."""
        around, channels = self.place.around, self.model.seen_channels
        seen = self.place.seen if around is None else around.seen(values[:, :channels])
        mean, log_scale = super().corrected(values)
        size = self.model.layout.sizes[0]
        first, others = self.model.seen_first(seen), self.model.seen_others(values[:, :size], seen)
        shift, widening = (torch.cat(parts, dim=-1) for parts in zip(first, others, strict=True))
        return mean + shift, log_scale + widening

    def quantised(self, values: Float[Tensor, "V D"]) -> Float[Tensor, "V D"]:
        """Values rounded on the grid centred on their mean; of a whole scene wave by wave, as a decoder sees them."""
        with torch.no_grad():  # not a decorator, which torch.compile does not see through here
            around = self.place.around
            mean, step = self.prior().mean, per_channel(self.model.layout, self.steps)
            if around is None:
                return self._rounded(values, mean, step, self.place.seen)
            result = torch.zeros_like(values)
            for wave in range(self.model.selection.waves):
                rows = torch.nonzero(around.wave == wave)[:, 0]
                seen = around.at(rows).seen(result[:, : self.model.seen_channels])
                result[rows] = self._rounded(values[rows], mean[rows], step[rows], seen)
            return result

    def _rounded(self, values: Tensor, mean: Tensor, step: Tensor, seen: Tensor) -> Tensor:
        """Feature slice by slice, then the other types."""
        model, size = self.model, self.model.layout.sizes[0]
        shift = torch.cat([model.seen_first(seen)[0], torch.zeros_like(mean[:, size:])], dim=-1)
        result = mean + shift
        slices = [slice(0, size)] if model.carm is None else list(model.carm.slices)
        for number, channels in enumerate(slices):
            if number > 0 and model.carm is not None:
                result[:, channels] += model.carm.correction(number, result[:, : channels.start])[0]
            round_channels(result, values, step, channels)
        others = slice(size, None)
        result[:, others] += model.seen_others(result[:, :size], seen)[0]
        round_channels(result, values, step, others)
        return result


class Neighbours(HyperCarm):
    """``HyperCarm``, and two networks more.

    ```
    neighbours' feature -- across --> corrections of the feature
    feature, neighbours' second type -- details --> corrections of all other types
    ```
    """

    def __init__(
        self,
        layout: ChannelLayout,
        widths: Widths,
        encoding: SpatialEncoding,
        selection: Neighbourhood | None = None,
        across: bool = True,
        details: bool = True,
    ) -> None:
        """Build the networks behind an encoding.

        Args:
            layout: Of the attributes.
            widths: Of the networks.
            encoding: Of the place.
            selection: Which neighbours count; the published ones by default.
            across: Whether the feature knows neighbours.
            details: Whether the other types know the feature and neighbours.
        """
        super().__init__(layout, widths, encoding)
        self.selection = selection or Neighbourhood()
        size, width = layout.sizes[0], widths.correction or widths.hidden
        second, others = sum(layout.sizes[1:2]), layout.channels - size
        self.seen_channels = size + second
        facts = [self.seen_channels + number for number in range(FACTS)]
        self._first, self._second = [*range(size), *facts], [*range(size, self.seen_channels), *facts]
        self.across = told_network(size + FACTS, width, 2 * size) if across else None
        self.details = told_network(size + second + FACTS, width, 2 * others) if details and others else None
        self._known: tuple[Tensor, Surroundings] | None = None

    def seen_first(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """What neighbours add to mean and log scale of the first type."""
        return told(self.across, seen[:, self._first], self.layout.sizes[0])

    def seen_others(self, first: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """What the decoded first type and neighbours add to mean and log scale of the others."""
        inputs = torch.cat([first, seen[:, self._second]], dim=-1)
        return told(self.details, inputs, self.layout.channels - self.layout.sizes[0])

    def resize(self, widths: Widths) -> None:
        """As of ``EntropyModel``."""
        super().resize(widths)
        self._resize_seeing(widths.correction or widths.hidden)

    def resize_for(self, checkpoint: Mapping[str, Tensor]) -> None:
        """As of ``EntropyModel``."""
        super().resize_for(checkpoint)
        for name in ("across.0.weight", "details.0.weight"):
            if name in checkpoint:
                self._resize_seeing(checkpoint[name].shape[0])

    def _resize_seeing(self, width: int) -> None:
        for network in (self.across, self.details):
            resize_told(network, width)

    def place(self, context: Context) -> SeenPlace:
        """The encoding of the voxels, and what is seen from them of neighbours as they are trained."""
        encoded = super().place(context)
        around = self.around(context.grid, context.kept)
        chosen = around if context.index is None else around.at(context.index)
        rows, among = chosen.members(len(context.grid))
        values = context.values_of(rows)[:, : self.seen_channels]
        return SeenPlace(
            encoded.encoding, encoded.rate_weight, among.seen(values), around if context.index is None else None
        )

    def around(self, grid: Int[Tensor, "A 3"], kept: Bool[Tensor, " A"] | None = None) -> Surroundings:
        """Neighbours of all anchors, among those that are ``kept``; remembered where all are, until another grid."""
        if kept is not None:
            return surroundings(grid, self.selection, kept)
        if self._known is None or self._known[0] is not grid:
            self._known = (grid, surroundings(grid, self.selection))
        return self._known[1]

    def expect(self, place: SeenPlace, steps: Float[Tensor, "V T"] | None = None) -> NeighboursExpectation:  # type: ignore[override]
        """As of ``EntropyModel``."""
        alone = super().expect(place, steps)
        return NeighboursExpectation(self, alone.hidden, alone.steps, place)

    def freeze(self, context: Context, weight_bits: int = 8) -> IntegerNeighbours:  # type: ignore[override]
        """As of ``EntropyModel``."""
        alone, size, second = super().freeze(context, weight_bits), self.layout.sizes[0], sum(self.layout.sizes[1:2])
        rows = torch.from_numpy(calibration_rows(len(context.grid)))
        values = np.zeros((1, self.seen_channels), np.float32)  # nothing to code: any network will do
        sight = np.zeros((1, self.seen_channels + FACTS), np.float32)
        if len(rows):
            values = context.values_of(rows)[:, : self.seen_channels].detach().numpy()
            sight = self.place(context._replace(index=rows)).seen.detach().numpy()
        by = requantiser_for(values[:, :size]), requantiser_for(values[:, size:]) if second else NO_REQUANTISER
        unit = np.repeat([unit_of(by[0]), unit_of(by[1]), 1 / INPUT_LIMIT], [size, second, FACTS])
        across = integer_told(self.across, sight[:, self._first], unit[self._first], weight_bits)
        inputs = np.concatenate([values[:, :size], sight[:, self._second]], axis=1)
        details = integer_told(self.details, inputs, np.append(unit[:size], unit[self._second]), weight_bits)
        return IntegerNeighbours(self.layout, alone, self.selection, by, across, details)
