"""What every entropy model speaks of: attribute types, their steps, and the prior of a value."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class ChannelLayout:
    """Channels of an anchor in coding order, grouped into attribute types.

    Attributes:
        sizes: Channels of each type.
        base_steps: Quantisation step of each type before modulation.
    """

    sizes: tuple[int, ...]
    base_steps: tuple[float, ...]

    @property
    def types(self) -> int:
        """Number of attribute types."""
        return len(self.sizes)

    @property
    def channels(self) -> int:
        """Channels of all types."""
        return sum(self.sizes)

    def base_step_per_channel(self) -> Float[Tensor, " D"]:
        """``base_steps``, one entry per channel."""
        return self.per_channel(torch.tensor(self.base_steps))

    def per_channel(self, per_type: Float[Tensor, "*batch T"]) -> Float[Tensor, "*batch D"]:
        """Repeat one value per type over the channels of the type."""
        parts = [per_type[..., i : i + 1].expand(*per_type.shape[:-1], size) for i, size in enumerate(self.sizes)]
        return torch.cat(parts, dim=-1)


@dataclass(frozen=True, init=False)
class AttributeLayout(ChannelLayout):
    """The colour attributes: feature, scaling (log units), offset.

    Attributes:
        feature_dim: Channels of the feature.
        num_offsets: Gaussians per anchor; each has three offset channels.
    """

    feature_dim: int
    num_offsets: int

    def __init__(self, feature_dim: int, num_offsets: int, base_steps: tuple[float, float, float]) -> None:
        """Lay out the channels of an anchor."""
        object.__setattr__(self, "feature_dim", feature_dim)
        object.__setattr__(self, "num_offsets", num_offsets)
        object.__setattr__(self, "sizes", (feature_dim, 6, 3 * num_offsets))
        object.__setattr__(self, "base_steps", base_steps)


class Prior(NamedTuple):
    """What is expected of an anchor's channels by the hyperprior alone.

    Attributes:
        mean: Expected value, in base steps.
        log_scale: log2 of the spread, in base steps: standard deviation of a Gaussian (feature, scaling), mean
            absolute deviation of a Laplacian (offset: they have heavy tails).
        raw_step: Logit of each type's step, see ``quant.steps.step_from_raw``.
    """

    mean: Float[Tensor, "A D"]
    log_scale: Float[Tensor, "A D"]
    raw_step: Float[Tensor, "A T"]
