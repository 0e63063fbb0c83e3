"""Sizes and steps of a trainable scene, and how wide its entropy model is."""

from dataclasses import dataclass, field
from typing import Literal

from csgaussian_ns.entropy.base import Widths
from csgaussian_ns.entropy.encoding import DEFAULT_SIZE
from csgaussian_ns.entropy.rate_steps import RateForm
from csgaussian_ns.entropy.registry import ModelName
from csgaussian_ns.scene.growth import GrowthSettings

WIDEST = 128
"""Widest networks of the entropy model: the most inputs that integer networks sum exactly."""
NARROWEST = 32
ANCHORS_PER_UNIT = 900
"""Anchors that pay for one more unit of width (docs/decisions/0016)."""


@dataclass
class SceneSettings:
    """Sizes and steps of a trainable scene."""

    hidden_dim: int = 50
    """Width of the hidden layer of each decoder."""
    feature_step: float = 1.0
    """Base quantisation step of the features."""
    scaling_step: float = 0.2
    """Base quantisation step of the scaling, in natural-log units: a relative precision, free of scene units."""
    offset_step: float = 0.2
    """Base quantisation step of the offsets, in units of the anchor's length."""
    hyperprior: ModelName = "inr"
    """Prior by position: inr of CSGaussian, triplane of CAT-3DGS, hashgrid of HAC; factorised: the same everywhere.
    Of HEMGS, all behind inr: progressive, whose scaling and offsets know the feature; spaced, which knows distances of
    anchors, too; neighbours, which looks at decoded ones."""
    hyperprior_size: int = DEFAULT_SIZE
    """log2 of the number of anchors that the tables of triplane and hashgrid are sized for."""
    hyperprior_dim: int = 0
    """Width of the hyperprior; 0 takes one that fits the number of anchors."""
    carm: bool = True
    """Channel-wise autoregression over the feature; its networks are three quarters as wide as the hyperprior."""
    rate_weights: tuple[float, ...] = ()
    """Lambdas of one run for many rates, one of them drawn in each step; then any between them can be asked for, and
    lambda_rate is the one that is. None: lambda_rate alone."""
    rate_form: RateForm = "gated"
    """How steps depend on lambda: gated scales the prior feature, concatenated is a channel of it as in HEMGS."""
    rate_masks: float = 0.0
    """How much more has to speak for a Gaussian (as a logit) at the greatest lambda of rate_weights than in the middle,
    and less at the least one; 0 gives files of all lambdas the same Gaussians."""
    network_bits: Literal[4, 5, 6, 7, 8, 16] = 6
    """Bits per weight of all networks in the file; 16 gives the decoders 16 and the others 8. The rounding stage trains
    with weights of 8 bits or fewer rounded."""
    offset_masks: bool = True
    """Learn which Gaussians to drop, and whole anchors with them; off keeps all."""
    dropout: float = 0.1
    """Share of the Gaussians left out of each training view, against overfitting; none once values are rounded."""
    growth: GrowthSettings = field(default_factory=GrowthSettings)
    """Thresholds of growth and pruning."""
    seed: int = 0
    """Seed of the random choices of training; with it and the step they repeat exactly."""

    def widths(self, anchors: int | None = None) -> Widths:
        """Widths of hyperprior and channel networks for a scene of so many anchors; the widest where it is not known.

        A wide one costs bytes that few anchors do not repay. 0 leaves channel networks out.
        """
        fitting = WIDEST if anchors is None else 16 * round(anchors / ANCHORS_PER_UNIT / 16)
        width = self.hyperprior_dim or min(max(fitting, NARROWEST), WIDEST)
        return Widths(width, max(1, 3 * width // 4) if self.carm else 0)
