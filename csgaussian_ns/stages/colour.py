"""Stage 1: attributes of the anchors in view, their masks, and what their bits cost."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import Context, EntropyModel, Place
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.quant.rounding import unit_noise
from csgaussian_ns.quant.steps import STEP_OFFSET
from csgaussian_ns.stages.padding import Chosen
from csgaussian_ns.stages.quantise import Preview, Treatment, preview, quantise_values
from csgaussian_ns.stages.schedule import Quantisation

TREATMENT = Treatment(fixed_step=STEP_OFFSET, share=0.3, least=400, twice=True)
"""CAT-3DGS estimates the bits of 5 % of the anchors in view; over fewer steps, the noise of so small a sample keeps
masks and values from following the rate (bonsai: 0.3 gives 4 % fewer bytes than 0.1)."""


class Rate(NamedTuple):
    """Estimated cost of what is in view.

    Attributes:
        per_parameter: Bits per parameter, masked offsets counting 0, differentiable. What the loss pays for: tables of
            the entropy model are shared out among all parameters of the scene.
        mask: Mean of the mask's sigmoid, differentiable.
        per_type: Mean bits per channel of feature, scaling and kept offsets, for people.
    """

    per_parameter: Float[Tensor, ""]
    mask: Float[Tensor, ""]
    per_type: Float[Tensor, "3"]


class Quantised(NamedTuple):
    """Attributes as the renderer shall see them, and their rate once it is paid for.

    Attributes:
        anchors: Those in view.
        rate: Of them.
        real: Which of them are in view at all; all where ``None``. Masks of the others are 0, so that they are neither
            drawn nor paid for.
    """

    anchors: Anchors
    rate: Rate | None
    real: Bool[Tensor, " A"] | None = None


class ScenePreview(NamedTuple):
    """All anchors as a decoder would see them.

    Attributes:
        anchors: Rounded and masked once the rate is paid for, as trained before.
        bits: Estimated bits of each anchor ``[A]``, 0 before the rate is paid for.
        feature_step: Quantisation step of each anchor's feature in base steps ``[A]``, 1 before.
    """

    anchors: Anchors
    bits: Float[Tensor, " A"]
    feature_step: Float[Tensor, " A"]

    @staticmethod
    def as_trained(anchors: Anchors) -> "ScenePreview":
        """Anchors whose rate is not paid for."""
        nothing = torch.zeros_like(anchors.position[:, 0])
        return ScenePreview(anchors, nothing, nothing + 1)


class InView(NamedTuple):
    """What a step treats.

    Attributes:
        anchors: Those in view; their mask is straight-through where it is trained.
        mask_logit: Of the same anchors, for the mask term of the rate.
        real: See ``Quantised``.
    """

    anchors: Anchors
    mask_logit: Float[Tensor, "A K"]
    real: Bool[Tensor, " A"] | None = None


class Draws(NamedTuple):
    """What is random of a step.

    Attributes:
        sample: Whose bits are estimated; ``None`` before bits are paid for.
        noise: See ``quant.rounding.unit_noise``; ``None`` where values are rounded.
    """

    sample: Chosen | None
    noise: Float[Tensor, "A D"] | None


def quantise_anchors(
    view: InView,
    layout: AttributeLayout,
    model: EntropyModel,
    context: Context,
    how: Quantisation,
    generator: torch.Generator,
    by: Callable[..., tuple[Anchors, Rate | None]] | None = None,
) -> Quantised:
    """Replace attributes by what a decoder would see of them, as far as the stage asks for it.

    Args:
        view: What is in view.
        layout: Of the anchors' attributes.
        model: The entropy model.
        context: Of the same anchors.
        how: See ``Quantisation``.
        generator: Of the noise and the sample; seeded by the step, so that a resumed run draws the same.
        by: Does what ``quantise_drawn`` does.
    """
    anchors, _, real = view
    if how == "none":
        return Quantised(anchors, None, real)
    count, device = len(anchors), anchors.feature.device
    draws = Draws(
        None if how == "fixed noise" else _sample(count, real, generator, device),
        None if how == "rounding" else unit_noise(anchors.feature.new_empty(count, layout.channels), generator),
    )
    place = None if how == "fixed noise" else model.place(context)
    shown, rate = (by or quantise_drawn)(view, layout, model, place, how, draws)
    if rate is not None:
        own = model.own_bits() / max(len(context.grid) * layout.channels, 1)
        rate = rate._replace(per_parameter=rate.per_parameter + own)
    return Quantised(shown, rate, real)


def quantise_drawn(
    view: InView,
    layout: AttributeLayout,
    model: EntropyModel,
    place: Place | None,
    how: Quantisation,
    draws: Draws,
) -> tuple[Anchors, Rate | None]:
    """All of ``quantise_anchors`` that is arithmetic; the rate without that of tables."""
    (anchors, mask_logit, real), (sample, noise) = view, draws
    values = model.values(layout.flat(anchors))
    shown = quantise_values(values, model, place, how, TREATMENT, noise, None if sample is None else sample.rows)
    quantised = anchors_of(shown.values, layout, model, anchors)
    if shown.bits is None or sample is None:
        return quantised, None
    mask, soft = anchors.mask.index_select(0, sample.rows), torch.sigmoid(mask_logit)
    if real is None or sample.real is None:
        return quantised, _rate(shown.bits, mask, soft.mean(), len(mask), layout)
    everywhere = (soft * real[:, None]).sum() / (real.sum().clamp(min=1) * layout.num_offsets)
    return quantised, _rate(shown.bits, mask * sample.real[:, None], everywhere, sample.real.sum(), layout)


def _sample(count: int, real: Bool[Tensor, " A"] | None, generator: torch.Generator, device: torch.device) -> Chosen:
    """Whose bits are estimated."""
    if real is None:
        return Chosen(TREATMENT.sample(count, generator, device))
    return TREATMENT.sample_of(real, generator)


def anchors_of(values: Float[Tensor, "A D"], layout: AttributeLayout, model: EntropyModel, like: Anchors) -> Anchors:
    """Anchors with the given channels (in base steps), positions and masks from ``like``."""
    return layout.anchors(like.position, model.real(values).split(layout.sizes, dim=-1), like.mask)


def decoded_view(
    anchors: Anchors, layout: AttributeLayout, model: EntropyModel, context: Context
) -> tuple[Anchors, Preview]:
    """Anchors rounded as a decoder will see them, and what is known of it; arguments as of ``scene_preview``."""
    seen = preview(model.values(layout.flat(anchors)), model, context)
    return anchors_of(seen.values, layout, model, anchors), seen


def scene_preview(anchors: Anchors, layout: AttributeLayout, model: EntropyModel, context: Context) -> ScenePreview:
    """All anchors rounded as a decoder will see them, which has those alone that keep an offset.

    Args:
        anchors: As trained, with the mask that decides what is kept.
        layout: Of their attributes.
        model: The entropy model.
        context: Of all of them.
    """
    kept = context._replace(kept=anchors.mask.amax(dim=-1) > 0)
    rounded, seen = decoded_view(anchors, layout, model, kept)
    feature, scaling, offset = masked_bits(seen.bits, anchors.mask, layout)
    return ScenePreview(rounded, feature + scaling + offset, seen.steps[:, 0])


def masked_bits(
    bits: Float[Tensor, "A D"], mask: Float[Tensor, "A K"], layout: AttributeLayout
) -> tuple[Float[Tensor, " A"], Float[Tensor, " A"], Float[Tensor, " A"]]:
    """Bits of feature, scaling and kept offsets of each anchor; an anchor without any kept offset costs nothing.

    The mask is straight-through in training: through it, dropping a slot or a whole anchor is paid for in bits.
    """
    feature, scaling, offset = bits.split(layout.sizes, dim=-1)
    whole = (mask.detach().amax(dim=-1) > 0).to(bits.dtype)
    whole = whole * (1 + mask.mean(dim=-1) - mask.mean(dim=-1).detach())
    per_slot = offset.reshape(len(bits), layout.num_offsets, 3).sum(dim=-1)
    return feature.sum(dim=-1) * whole, scaling.sum(dim=-1) * whole, (per_slot * mask).sum(dim=-1)


def _rate(
    bits: Float[Tensor, "S D"],
    mask: Float[Tensor, "S K"],
    everywhere: Float[Tensor, ""],
    count: int | Int[Tensor, ""],
    layout: AttributeLayout,
) -> Rate:
    """Of a sample of ``count`` anchors, where masks of all others are 0; ``everywhere`` is the mean mask in view."""
    feature, scaling, offset = masked_bits(bits, mask, layout)
    rows = max(count, 1) if isinstance(count, int) else count.clamp(min=1)
    total = (feature + scaling + offset).sum() / (rows * layout.channels)
    with torch.no_grad():
        first, second = layout.sizes[:2]
        per_type = [feature.sum() / (first * rows), scaling.sum() / (second * rows)]
        per_type = torch.stack([*per_type, offset.sum() / (3 * mask.sum()).clamp(min=1)])
    return Rate(total, everywhere, per_type)
