"""What is coded of an anchor: types of attributes, their channels in coding order, and their quantisation steps."""

from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from jaxtyping import Bool, Float32, Int64, Num

VALUE_BITS = 16
"""Decoded values are in 1/2**16 base step."""


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

    @property
    def slices(self) -> tuple[slice, ...]:
        """Where the channels of each type are."""
        return tuple(slice(*ends) for ends in pairwise((0, *accumulate(self.sizes))))

    def real_values(self, values: Int64[np.ndarray, "A D"]) -> Float32[np.ndarray, "A D"]:
        """Decoded values in their own unit. int64 -> float64 -> float32: every machine rounds alike."""
        scale = np.repeat(np.array(self.base_steps, np.float64), self.sizes) / 2**VALUE_BITS
        return (values.astype(np.float64) * scale).astype(np.float32)


@dataclass(frozen=True, init=False)
class AttributeLayout(ChannelLayout):
    """The colour attributes: feature, scaling (log units), offset.

    Attributes:
        feature_dim: Channels of the feature.
        num_offsets: Gaussians per anchor; each has three offset channels.
    """

    NAMES = ("feature", "scaling", "offset")
    """Of the types, as ``core.types.Anchors`` has them."""

    feature_dim: int
    num_offsets: int

    def __init__(self, feature_dim: int, num_offsets: int, base_steps: tuple[float, float, float]) -> None:
        """Lay out the channels of an anchor."""
        object.__setattr__(self, "feature_dim", feature_dim)
        object.__setattr__(self, "num_offsets", num_offsets)
        object.__setattr__(self, "sizes", (feature_dim, 6, 3 * num_offsets))
        object.__setattr__(self, "base_steps", base_steps)

    def symbols(self, mask: Bool[np.ndarray, "A K"] | Num[np.ndarray, "A K"]) -> int:
        """Number of coded values of anchors that keep the offsets of ``mask``."""
        feature, scaling, _ = self.sizes
        return len(mask) * (feature + scaling) + 3 * int(np.count_nonzero(mask))
