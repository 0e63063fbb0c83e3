"""Quality-aware weighting: anchors that colour coding treats as coarse say little about meaning (CSGaussian 4.3)."""

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.quant.steps import STEP_OFFSET

NARROWEST, WIDEST = STEP_OFFSET - 1, STEP_OFFSET + 1


@torch.no_grad()
def quality_weight(feature_step: Float[Tensor, " A"], threshold: float) -> Float[Tensor, " A"]:
    """Weight of each anchor's semantic feature (Eq. 3).

    The paper leaves its normalisation open; here what a step can be spans [0, 1], see ``quant.steps``. Were it the
    range that steps have in a scene, a few extreme ones would decide what all others count. A receiver finds the same
    weights: the steps come from the hyperprior in the file.

    Args:
        feature_step: Quantisation step of the colour feature in base steps.
        threshold: Anchors whose quality, 1 minus the normalised step, is at least this count fully.
    """
    quality = 1 - ((feature_step - NARROWEST) / (WIDEST - NARROWEST)).clamp(0, 1)
    return torch.where(quality >= threshold, 1.0, quality)
