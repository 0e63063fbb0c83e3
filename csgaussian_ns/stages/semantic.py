"""Stages 2 and 3: a semantic feature per anchor, learned on the frozen scene, then made cheap to code."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Float, Int
from csgaussian_ns.core.types import Gaussians
from csgaussian_ns.entropy.base import Context, Widths
from csgaussian_ns.entropy.registry import ModelName, new_model
from csgaussian_ns.format.attributes import semantic_layout
from csgaussian_ns.quant.rounding import unit_noise
from csgaussian_ns.scene.spawn import Spawned
from csgaussian_ns.semantic.weighting import quality_weight
from csgaussian_ns.stages.quantise import Treatment, preview, quantise_values
from csgaussian_ns.stages.schedule import SemanticState

TREATMENT = Treatment(fixed_step=1.0, share=0.25, least=1000, twice=False)
START_SPREAD = 0.3
"""Standard deviation of the features before training: far below a step, so that the origin means "no object"."""


@dataclass
class SemanticSettings:
    """Sizes, weights and switches of stages 2 and 3."""

    feature_dim: int = 6
    """Channels of the semantic feature."""
    qat_step: float = 1.0
    """Quantisation step whose noise is put on the features while they are learned (QAT); 0 trains without noise."""
    quality_weighting: bool = False
    """Weight each anchor's feature by how finely colour coding quantises the anchor (QWM); it gained nothing wherever
    it was measured (docs/decisions/0061)."""
    quality_threshold: float = 0.65
    """Anchors of at least this quality, 0 to 1, count fully."""
    smoothing_weight: float = 0.5
    """Weight of the intra-mask smoothing loss."""
    contrast_weight: float = 1.0
    """Weight of the inter-mask contrastive loss."""
    rank_weights: bool = True
    """Let pairs of masks count the more the closer their features are."""
    min_mask_pixels: int = 20
    """Masks that show fewer pixels in a view are left out there."""
    unlabelled_is_nothing: bool = True
    """Pull what no mask covers to the feature of no object; off where masks are missing at random."""
    lambda_feature_rate: float = 0.03
    """Weight of the rate of the features (bits per parameter) in stage 3."""
    hyperprior_dim: int = 16
    """Width of the features' own hyperprior; its weights are part of the file."""
    hyperprior: ModelName = "inr"
    """Prior by position of the features, as scene.hyperprior."""
    carm: bool = False
    """Channel-wise autoregression over the features; six channels do not repay its networks."""

    @property
    def base_step(self) -> float:
        """Step that the hyperprior modulates; learning without noise does not mean coding without rounding."""
        return self.qat_step if self.qat_step > 0 else 1.0


class DecodedSemantics(NamedTuple):
    """Features of all anchors as a decoder would see them.

    Attributes:
        feature: Rounded once the rate is paid for.
        bits: Estimated bits of each anchor, 0 before.
        quality: Weight of each anchor (Eq. 3), 1 without quality weighting.
    """

    feature: Float[Tensor, "A D"]
    bits: Float[Tensor, " A"]
    quality: Float[Tensor, " A"]


class SemanticParams(nn.Module):
    """What stages 2 and 3 train. Before stage 2 there are no rows: anchors still come and go.

    Attributes:
        feature: One row per anchor ``[A, D]``.
        entropy: Their own entropy model.
    """

    def __init__(self, settings: SemanticSettings) -> None:
        """No rows yet."""
        super().__init__()
        self.settings = settings
        self.feature = nn.Parameter(torch.zeros(0, settings.feature_dim))
        layout = semantic_layout(settings.feature_dim, settings.base_step)
        widths = Widths(settings.hyperprior_dim, settings.hyperprior_dim if settings.carm else 0)
        self.entropy = new_model(settings.hyperprior, layout, widths)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """One group for the features, one for their entropy model."""
        return {"semantic": [self.feature], "semantic_entropy": list(self.entropy.parameters())}

    def start(self, count: int, generator: torch.Generator) -> None:
        """Stage 2 begins: a small random feature for each of ``count`` anchors."""
        self.resize_for(count)
        noise = torch.randn(self.feature.shape, generator=generator) * (START_SPREAD * self.settings.base_step)
        self.feature.data.copy_(noise)

    def start_rate(self, grid: Int[Tensor, "A 3"]) -> None:
        """Stage 3 begins: the entropy model starts from the features' statistics."""
        self.entropy.start(grid, self.entropy.values(self.feature.detach()))

    def resize_for(self, count: int) -> None:
        """Make room for ``count`` anchors, keeping the Parameter object that the optimiser knows."""
        self.feature.data = self.feature.data.new_zeros(count, self.feature.shape[1])

    def in_training(
        self, index: Int[Tensor, " V"], grid: Int[Tensor, "A 3"], state: SemanticState, generator: torch.Generator
    ) -> tuple[Float[Tensor, "V D"], Float[Tensor, ""] | None]:
        """The features of the anchors in view as the stage renders them, and their bits per channel in stage 3.

        Args:
            index: Anchors in view.
            grid: Voxels of all anchors.
            state: What the plan says of this step.
            generator: Of noise and sample; seeded by the step.
        """
        model, how = self.entropy, state.quantisation
        values = model.values(self.feature.index_select(0, index))
        noise = unit_noise(values, generator) if how.endswith("noise") else None
        sample = TREATMENT.sample(len(index), generator, index.device) if state.rate else None
        place = model.place(self.context(grid, index)) if state.rate else None
        values, bits = quantise_values(values, model, place, how, TREATMENT, noise, sample)
        if bits is None:
            return model.real(values), None
        own = model.own_bits() / max(self.feature.numel(), 1)
        return model.real(values), bits.sum() / max(bits.numel(), 1) + own

    def context(self, grid: Int[Tensor, "A 3"], index: Int[Tensor, " V"] | None = None) -> Context:
        """What the entropy model may know of some anchors, or of all."""

        def values_of(rows: Int[Tensor, " n"]) -> Float[Tensor, "n D"]:
            return self.entropy.values(self.feature.index_select(0, rows))

        return Context(grid, self.settings.lambda_feature_rate, values_of, index)

    @torch.no_grad()
    def decoded(self, grid: Int[Tensor, "A 3"], rated: bool, quality: Float[Tensor, " A"]) -> DecodedSemantics:
        """All features as a decoder would see them; rounded if the rate is paid for (``rated``)."""
        if not rated:
            return DecodedSemantics(self.feature.detach().clone(), torch.zeros_like(quality), quality)
        seen = preview(self.entropy.values(self.feature), self.entropy, self.context(grid))
        return DecodedSemantics(self.entropy.real(seen.values), seen.bits.sum(dim=-1), quality)

    def quality(self, feature_step: Float[Tensor, " A"]) -> Float[Tensor, " A"]:
        """Weight of each anchor from the step of its colour feature, see ``semantic.weighting``."""
        if not self.settings.quality_weighting:
            return torch.ones_like(feature_step)
        return quality_weight(feature_step, self.settings.quality_threshold)


def with_features(spawned: Spawned, feature: Float[Tensor, "V D"]) -> Gaussians:
    """The Gaussians of a view in the colours of their anchors' features; geometry carries no gradient."""
    g = spawned.gaussians
    where = (g.means.detach(), g.quats.detach(), g.scales.detach(), g.opacities.detach())
    return Gaussians(*where, feature.index_select(0, spawned.owner))
