"""Quality-aware weighting: anchors that colour coding treats as coarse say little about meaning (CSGaussian 4.3)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@torch.no_grad()
def quality_weight(
    feature_step: Float[Tensor, " A"], present: Bool[Tensor, " A"], threshold: float
) -> Float[Tensor, " A"]:
    """Weight of each anchor's semantic feature (Eq. 3).

    The paper leaves its normalisation open; here the steps of the scene's anchors span [0, 1]. Where all steps are
    the same, as in a scene trained without rate, every weight is 1. A receiver finds the same weights: the steps
    come from the hyperprior in the file.

    Args:
        feature_step: Quantisation step of the colour feature, any unit.
        present: Anchors that are in the scene at all; the others have no part in the normalisation.
        threshold: Anchors whose quality, 1 minus the normalised step, is at least this count fully.
    """
    steps = feature_step[present]
    if len(steps) == 0:
        return torch.ones_like(feature_step)
    lowest, highest = steps.min(), steps.max()
    normalised = (feature_step - lowest) / (highest - lowest).clamp(min=1e-6)
    quality = 1 - normalised.clamp(0, 1)
    return torch.where(quality >= threshold, 1.0, quality)
