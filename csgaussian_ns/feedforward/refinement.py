"""Depth by comparing views, and features refined by what the other views have at that depth."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from csgaussian_ns.core.arrays import like, namespace
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.feedforward.layers import Chain, Conv, Needed, Parameters, blocks
from csgaussian_ns.feedforward.operations import softmax
from csgaussian_ns.feedforward.settings import FEATURE_CELL, Settings
from csgaussian_ns.feedforward.sweep import plane_sweep, seen_by_partners
from csgaussian_ns.feedforward.views import Views


class Refined(NamedTuple):
    """Features of views that know of each other, and how far their places are away.

    Attributes:
        features: At a quarter of the photos' resolution.
        inverse_depth: Of their places, from ``1 / far`` to ``1 / near``.
    """

    features: Float[Any, "V C H W"]
    inverse_depth: Float[Any, "V 1 H W"]


@dataclass(frozen=True)
class Refinement:
    """Cost volume, depth, and features refined by it. The encoder has one, the decoder another.

    Attributes:
        name: Of its parameters.
        settings: Sizes.
    """

    name: str
    settings: Settings

    @property
    def _compared(self) -> Conv:
        return Conv(f"{self.name}/compared", self.settings.channels, self.settings.matching, 1)

    @property
    def _depth(self) -> Chain:
        channels, planes = self.settings.channels, self.settings.planes
        first = Conv(f"{self.name}/depth/first", channels + planes, channels)
        inner = blocks(f"{self.name}/depth/block", channels, self.settings.blocks)
        return Chain((first, *inner, Conv(f"{self.name}/depth/last", channels, planes)))

    @property
    def _refined(self) -> Chain:
        channels = self.settings.channels
        first = Conv(f"{self.name}/refined/first", 2 * channels + 1, channels)
        inner = blocks(f"{self.name}/refined/block", channels, self.settings.blocks)
        return Chain((first, *inner, Conv(f"{self.name}/refined/last", channels, channels, start=0.2)))

    def needed(self) -> Iterator[Needed]:
        """Its parameters."""
        yield from self._compared.needed()
        yield from self._depth.needed()
        if self.settings.refined:
            yield from self._refined.needed()

    def __call__(self, parameters: Parameters, features: Float[Any, "V C H W"], views: Views) -> Refined:
        """Compare the views and refine their features."""
        library, sizes = namespace(features), self.settings
        compared = self._compared(parameters, features)
        alike = plane_sweep(compared, views, sizes.planes, sizes.partners, FEATURE_CELL)
        shares = softmax(self._depth(parameters, library.concatenate([features, alike], 1)))
        planes = like(views.inverse_depths(sizes.planes), features)[:, None, None]
        inverse_depth = (shares * planes).sum(1)[:, None]
        if not sizes.refined:
            return Refined(features, inverse_depth)
        seen = seen_by_partners(features, inverse_depth, views, sizes.partners, FEATURE_CELL)
        nearness = (inverse_depth - 1 / views.far) / (1 / views.near - 1 / views.far)
        known = library.concatenate([features, seen, nearness], 1)
        return Refined(features + self._refined(parameters, known), inverse_depth)
