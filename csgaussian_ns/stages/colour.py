"""Stage 1: what happens to the attributes of the anchors in view between the parameters and the renderer."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import per_channel
from csgaussian_ns.entropy.model import ColourEntropyModel
from csgaussian_ns.quant.rounding import noisy
from csgaussian_ns.quant.steps import STEP_OFFSET
from csgaussian_ns.stages.schedule import Quantisation

RATE_SAMPLE = 0.3
"""Share of the anchors in view whose bits are estimated in a step. CAT-3DGS takes 5 %; over fewer steps, the noise of
so small a sample keeps masks and values from following the rate (bonsai: 0.3 gives 4 % fewer bytes than 0.1)."""
MIN_SAMPLE = 400


class Rate(NamedTuple):
    """Estimated cost of what is in view.

    Attributes:
        per_parameter: Bits per parameter, masked offsets counting 0, differentiable. What the loss pays for.
        mask: Mean of the mask's sigmoid, differentiable.
        per_type: Mean bits per channel of feature, scaling and kept offsets, for people.
    """

    per_parameter: Float[Tensor, ""]
    mask: Float[Tensor, ""]
    per_type: Float[Tensor, "3"]


class Quantised(NamedTuple):
    """Attributes as the renderer shall see them, and their rate once it is paid for."""

    anchors: Anchors
    rate: Rate | None


def quantise(
    anchors: Anchors,
    encoding: Float[Tensor, "A E"] | None,
    model: ColourEntropyModel,
    how: Quantisation,
    mask_logit: Float[Tensor, "A K"],
    generator: torch.Generator,
) -> Quantised:
    """Replace attributes by what a decoder would see of them, as far as the stage asks for it.

    Args:
        anchors: The anchors in view; their mask is straight-through where it is trained.
        encoding: Their positional encoding; needed once steps are learned.
        model: The entropy model.
        how: See ``Quantisation``.
        mask_logit: Of the same anchors, for the mask term of the rate.
        generator: Of the noise and the sample; seeded by the step, so that a resumed run draws the same.
    """
    if how == "none":
        return Quantised(anchors, None)
    values = model.values(anchors)
    if how == "fixed noise":
        step = torch.full_like(values, STEP_OFFSET)
        return Quantised(model.anchors(noisy(values, step, generator), anchors), None)
    assert encoding is not None
    size = max(MIN_SAMPLE, int(RATE_SAMPLE * len(anchors)))
    sample = torch.randperm(len(anchors), generator=generator, device=values.device)[:size]
    if how == "rounding":  # only the sample's bits have a gradient to the hyperprior
        with torch.no_grad():
            everywhere = model.hyperprior.hidden(encoding)
            steps = model.steps(everywhere)
            rounded = model.quantised(values, model.hyperprior.prior(everywhere), steps)
        values = values + (rounded - values).detach()
        paid, hidden = values[sample], model.hyperprior.hidden(encoding[sample])
    else:
        hidden = model.hyperprior.hidden(encoding)
        steps = model.steps(hidden)
        step = per_channel(model.layout, steps)
        drawn = noisy(values, step, generator)
        paid = drawn[sample]
        values = drawn if how == "learned noise" else _rounded(values, step, hidden, steps, model)
        hidden = hidden[sample]
    bits = model.bits(paid, model.hyperprior.prior(hidden), steps[sample])
    rate = _rate(bits, anchors.mask[sample], mask_logit, model)
    return Quantised(model.anchors(values, anchors), rate)


def _rounded(
    values: Float[Tensor, "A D"],
    step: Float[Tensor, "A D"],
    hidden: Float[Tensor, "A H"],
    steps: Float[Tensor, "A 3"],
    model: ColourEntropyModel,
) -> Float[Tensor, "A D"]:
    """Values as decoded; gradient 1 to the value and, to the step, the error of rounding in units of the step."""
    with torch.no_grad():
        error = (model.quantised(values, model.hyperprior.prior(hidden), steps) - values) / step
    return values + step * error


@torch.no_grad()
def decoded_view(
    anchors: Anchors, encoding: Float[Tensor, "A E"], model: ColourEntropyModel
) -> tuple[Anchors, Float[Tensor, "A D"], Float[Tensor, "A 3"]]:
    """All anchors rounded as a decoder will see them, the bits of each channel, and the steps (in base steps)."""
    hidden = model.hyperprior.hidden(encoding)
    steps, prior = model.steps(hidden), model.hyperprior.prior(hidden)
    values = model.quantised(model.values(anchors), prior, steps)
    return model.anchors(values, anchors), model.bits(values, prior, steps), steps


def masked_bits(
    bits: Float[Tensor, "A D"], mask: Float[Tensor, "A K"], model: ColourEntropyModel
) -> tuple[Float[Tensor, " A"], Float[Tensor, " A"], Float[Tensor, " A"]]:
    """Bits of feature, scaling and kept offsets of each anchor; an anchor without any kept offset costs nothing.

    The mask is straight-through in training: through it, dropping a slot or a whole anchor is paid for in bits.
    """
    feature, scaling, offset = bits.split(model.layout.sizes, dim=-1)
    whole = (mask.detach().amax(dim=-1) > 0).to(bits.dtype)
    whole = whole * (1 + mask.mean(dim=-1) - mask.mean(dim=-1).detach())
    per_slot = offset.reshape(len(bits), model.layout.num_offsets, 3).sum(dim=-1)
    return feature.sum(dim=-1) * whole, scaling.sum(dim=-1) * whole, (per_slot * mask).sum(dim=-1)


def _rate(
    bits: Float[Tensor, "S D"], mask: Float[Tensor, "S K"], mask_logit: Float[Tensor, "A K"], model: ColourEntropyModel
) -> Rate:
    feature, scaling, offset = masked_bits(bits, mask, model)
    total = (feature + scaling + offset).sum() / max(bits.numel(), 1)
    with torch.no_grad():
        counts = torch.tensor(model.layout.sizes[:2], dtype=bits.dtype) * max(len(bits), 1)
        per_type = torch.stack(
            [feature.sum() / counts[0], scaling.sum() / counts[1], offset.sum() / (3 * mask.sum()).clamp(min=1)]
        )
    return Rate(total, torch.sigmoid(mask_logit).mean(), per_type)
