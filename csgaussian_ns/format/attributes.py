"""What is coded of an anchor: types of attributes, their channels in coding order, and their quantisation steps.

Colour and semantics are two layouts: whatever trains, codes or checks attributes takes either.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from csgaussian_ns.core.arrays import namespace
from csgaussian_ns.core.shapes import Bool, Float, Float32, Int64
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.format.streams.symbol_tables import GAUSSIAN, LAPLACE

VALUE_BITS = 16
"""Decoded values are in 1/2**16 base step."""


@dataclass(frozen=True)
class ChannelLayout:
    """Channels of an anchor in order, grouped into attribute types.

    Attributes:
        names: Of the types.
        sizes: Channels of each type.
        base_steps: Quantisation step of each type before modulation.
        families: First probability table of each type: ``symbol_tables.GAUSSIAN`` or ``LAPLACE`` (heavy tails).
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    base_steps: tuple[float, ...]
    families: tuple[int, ...]

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

    @property
    def runs(self) -> list[tuple[slice, int]]:
        """Where channels of one family follow each other, and which family."""
        runs: list[tuple[slice, int]] = []
        for channels, family in zip(self.slices, self.families, strict=True):
            start = runs.pop()[0].start if runs and runs[-1][1] == family else channels.start
            runs.append((slice(start, channels.stop), family))
        return runs

    def real_values(self, values: Int64[np.ndarray, "A D"]) -> Float32[np.ndarray, "A D"]:
        """Decoded values in their own unit. int64 -> float64 -> float32: every machine rounds alike."""
        scale = np.repeat(np.array(self.base_steps, np.float64), self.sizes) / 2**VALUE_BITS
        return (values.astype(np.float64) * scale).astype(np.float32)


def semantic_layout(feature_dim: int, base_step: float) -> ChannelLayout:
    """Channels of a semantic feature: one attribute type, so one step per anchor (CSGaussian 4.2)."""
    return ChannelLayout(("feature",), (feature_dim,), (base_step,), (GAUSSIAN,))


@dataclass(frozen=True, init=False)
class AttributeLayout(ChannelLayout):
    """The colour attributes, named as in ``core.types.Anchors``: feature, scaling (log units), offset.

    Attributes:
        num_offsets: Gaussians per anchor; each has three offset channels.
    """

    num_offsets: int

    def __init__(self, feature_dim: int, num_offsets: int, base_steps: tuple[float, float, float]) -> None:
        """Lay out the channels of an anchor."""
        names, families = ("feature", "scaling", "offset"), (GAUSSIAN, GAUSSIAN, LAPLACE)
        super().__init__(names, (feature_dim, 6, 3 * num_offsets), base_steps, families)
        object.__setattr__(self, "num_offsets", num_offsets)

    @property
    def feature_dim(self) -> int:
        """Channels of the feature."""
        return self.sizes[0]

    def coded(self, mask: Bool[np.ndarray, "A K"]) -> Bool[np.ndarray, "A D"]:
        """Which channels are coded of anchors that keep the offsets of ``mask``."""
        coded = np.ones((len(mask), self.channels), bool)
        coded[:, self.slices[2]] = np.repeat(mask, 3, axis=1)
        return coded

    def flat(self, anchors: Anchors) -> Float[Any, "A D"]:
        """All channels of ``anchors`` in their own unit, of torch as of numpy."""
        sized = zip(self.names, self.sizes, strict=True)
        parts = [getattr(anchors, name).reshape(len(anchors), size) for name, size in sized]
        return namespace(parts[0]).concatenate(parts, axis=-1)

    def anchors(self, position: Float[Any, "A 3"], parts: Iterable[Any], mask: Float[Any, "A K"]) -> Anchors:
        """Anchors of an array ``[A, size]`` for each type."""
        named = dict(zip(self.names, parts, strict=True))
        named["offset"] = named["offset"].reshape(len(position), self.num_offsets, 3)
        return Anchors(position, mask=mask, **named)
