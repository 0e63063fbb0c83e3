"""What happens to attributes, of colour and of meaning alike, between the parameters and the renderer."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.entropy.base import Context, EntropyModel, Expectation, Place, per_channel
from csgaussian_ns.quant.rounding import noisy, straight_through
from csgaussian_ns.stages.padding import Chosen
from csgaussian_ns.stages.schedule import Quantisation


@dataclass(frozen=True)
class Treatment:
    """How attributes of one layout are treated.

    Attributes:
        fixed_step: Step of the noise before steps are learned, in base steps.
        share: Share of the anchors in view whose bits are estimated in a step.
        least: Number of anchors whose bits are estimated at least.
        twice: Once steps stay, the networks are asked without gradients for all, and with gradients for that share
            alone; otherwise once with gradients for all.
    """

    fixed_step: float
    share: float
    least: int
    twice: bool

    def sample(self, count: int, generator: torch.Generator, device: torch.device) -> Int[Tensor, " S"]:
        """Whose bits are estimated in a step, out of ``count`` anchors in view."""
        return torch.randperm(count, generator=generator, device=device)[: max(self.least, int(self.share * count))]

    def sample_of(self, real: Bool[Tensor, " B"], generator: torch.Generator) -> Chosen:
        """The same out of the anchors of a buffer that are ``real``, without waiting to hear how many there are.

        Takes nothing from ``generator`` but its seed: what it gives next must not depend on the size of the buffer.
        """
        own = torch.Generator(generator.device).manual_seed(generator.initial_seed() + (4 << 40))
        drawn = torch.rand(real.shape, generator=own, device=real.device)
        size = min(max(self.least, int(self.share * len(real))), len(real))
        rows, count = torch.where(real, drawn, 2.0).argsort()[:size], real.sum()
        wanted = torch.minimum((self.share * count).floor().clamp(min=self.least), count)
        return Chosen(rows, torch.arange(size, device=real.device) < wanted)


class QuantisedValues(NamedTuple):
    """Values as the renderer shall see them, and the bits of the anchors of the sample where bits are paid for."""

    values: Float[Tensor, "V D"]
    bits: Float[Tensor, "S D"] | None


def quantise_values(
    values: Float[Tensor, "V D"],
    model: EntropyModel,
    place: Place | None,
    how: Quantisation,
    treatment: Treatment,
    noise: Float[Tensor, "V D"] | None,
    sample: Int[Tensor, " S"] | None,
) -> QuantisedValues:
    """Replace values by what a decoder would see of them, as far as the stage asks for it.

    Args:
        values: In base steps, of the anchors in view.
        model: The entropy model.
        place: Of these anchors; ``None`` before steps are learned.
        how: See ``Quantisation``.
        treatment: See there.
        noise: See ``quant.rounding.unit_noise``; only noise needs it.
        sample: See ``Treatment``; ``None`` before bits are paid for.
    """
    if how == "none":
        return QuantisedValues(values, None)
    if how == "fixed noise":
        assert noise is not None
        return QuantisedValues(noisy(values, torch.full_like(values, treatment.fixed_step), noise), None)
    assert sample is not None and place is not None
    if how == "rounding":
        with torch.set_grad_enabled(torch.is_grad_enabled() and not treatment.twice):
            everywhere = model.expect(place)
        values, steps = straight_through(values, everywhere.quantised(values)), everywhere.steps.detach()[sample]
        paid = model.expect(place.at(sample), steps) if treatment.twice else everywhere.at(sample, steps)
        return QuantisedValues(values, paid.bits(values[sample]))
    assert noise is not None
    everywhere = model.expect(place)
    step = per_channel(model.layout, everywhere.steps)
    drawn = noisy(values, step, noise)
    bits = everywhere.at(sample).bits(drawn[sample])
    return QuantisedValues(drawn if how == "learned noise" else _rounded(values, step, everywhere), bits)


def _rounded(values: Float[Tensor, "V D"], step: Float[Tensor, "V D"], expected: Expectation) -> Float[Tensor, "V D"]:
    """Values as decoded; gradient 1 to the value and, to the step, the error of rounding in units of the step."""
    with torch.no_grad():
        error = (expected.quantised(values) - values) / step
    return values + step * error


class Preview(NamedTuple):
    """What a decoder will see.

    Attributes:
        values: Rounded, in base steps.
        bits: Of each of them.
        steps: In base steps.
    """

    values: Float[Tensor, "V D"]
    bits: Float[Tensor, "V D"]
    steps: Float[Tensor, "V T"]


@torch.no_grad()
def preview(values: Float[Tensor, "V D"], model: EntropyModel, context: Context) -> Preview:
    """The values of some anchors as a decoder will see them."""
    expected = model.expect(model.place(context))
    rounded = expected.quantised(values)
    return Preview(rounded, expected.bits(rounded), expected.steps)
