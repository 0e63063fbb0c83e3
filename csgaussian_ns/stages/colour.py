"""Stage 1: attributes of the anchors in view, their masks, and what their bits cost."""

from typing import NamedTuple

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import Context, EntropyModel
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.quant.rounding import unit_noise
from csgaussian_ns.quant.steps import STEP_OFFSET
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
    """Attributes as the renderer shall see them, and their rate once it is paid for."""

    anchors: Anchors
    rate: Rate | None


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


def quantise_anchors(
    anchors: Anchors,
    layout: AttributeLayout,
    model: EntropyModel,
    context: Context,
    how: Quantisation,
    mask_logit: Float[Tensor, "A K"],
    generator: torch.Generator,
) -> Quantised:
    """Replace attributes by what a decoder would see of them, as far as the stage asks for it.

    Args:
        anchors: The anchors in view; their mask is straight-through where it is trained.
        layout: Of their attributes.
        model: The entropy model.
        context: Of the same anchors.
        how: See ``Quantisation``.
        mask_logit: Of the same anchors, for the mask term of the rate.
        generator: Of the noise and the sample; seeded by the step, so that a resumed run draws the same.
    """
    if how == "none":
        return Quantised(anchors, None)
    values = model.values(layout.flat(anchors))
    sample = None if how == "fixed noise" else TREATMENT.sample(len(anchors), generator, values.device)
    noise = None if how == "rounding" else unit_noise(values, generator)
    shown = quantise_values(values, model, context, how, TREATMENT, noise, sample)
    rate = None
    if shown.bits is not None:
        rate = _rate(shown.bits, anchors.mask[sample], mask_logit, layout)
        own = model.own_bits() / max(len(context.grid) * layout.channels, 1)
        rate = rate._replace(per_parameter=rate.per_parameter + own)
    return Quantised(anchors_of(shown.values, layout, model, anchors), rate)


def anchors_of(values: Float[Tensor, "A D"], layout: AttributeLayout, model: EntropyModel, like: Anchors) -> Anchors:
    """Anchors with the given channels (in base steps), positions and masks from ``like``."""
    return layout.anchors(like.position, model.real(values).split(layout.sizes, dim=-1), like.mask)


def decoded_view(
    anchors: Anchors, layout: AttributeLayout, model: EntropyModel, context: Context
) -> tuple[Anchors, Preview]:
    """Anchors rounded as a decoder will see them, and what is known of it; arguments as of ``quantise_anchors``."""
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
    bits: Float[Tensor, "S D"], mask: Float[Tensor, "S K"], mask_logit: Float[Tensor, "A K"], layout: AttributeLayout
) -> Rate:
    feature, scaling, offset = masked_bits(bits, mask, layout)
    total = (feature + scaling + offset).sum() / max(bits.numel(), 1)
    with torch.no_grad():
        counts = torch.tensor(layout.sizes[:2], dtype=bits.dtype) * max(len(bits), 1)
        per_type = torch.stack(
            [feature.sum() / counts[0], scaling.sum() / counts[1], offset.sum() / (3 * mask.sum()).clamp(min=1)]
        )
    return Rate(total, torch.sigmoid(mask_logit).mean(), per_type)
