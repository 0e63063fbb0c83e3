"""What every entropy model speaks of: attribute types, their steps, and the prior of a value."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class AttributeLayout:
    """Channels of an anchor in coding order: feature, scaling, offset.

    Attributes:
        feature_dim: Channels of the feature.
        num_offsets: Gaussians per anchor; each has three offset channels.
        base_steps: Quantisation step of each type before modulation: feature, scaling (log units), offset.
    """

    feature_dim: int
    num_offsets: int
    base_steps: tuple[float, float, float]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Channels of each type."""
        return self.feature_dim, 6, 3 * self.num_offsets

    @property
    def channels(self) -> int:
        """Channels of all types."""
        return sum(self.sizes)

    def base_step_per_channel(self) -> Float[Tensor, " D"]:
        """``base_steps``, one entry per channel."""
        return self.per_channel(torch.tensor(self.base_steps))

    def per_channel(self, per_type: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch D"]:
        """Repeat one value per type over the channels of the type."""
        parts = [per_type[..., i : i + 1].expand(*per_type.shape[:-1], size) for i, size in enumerate(self.sizes)]
        return torch.cat(parts, dim=-1)


class Prior(NamedTuple):
    """What is expected of an anchor's channels, before the features are known.

    Attributes:
        mean: Expected value, in base steps.
        log_scale: log2 of the spread, in base steps: standard deviation of a Gaussian (feature, scaling), mean
            absolute deviation of a Laplacian (offset: they have heavy tails).
        raw_step: Logit of each type's step, see ``quant.steps.step_from_raw``.
    """

    mean: Float[Tensor, "A D"]
    log_scale: Float[Tensor, "A D"]
    raw_step: Float[Tensor, "A 3"]
