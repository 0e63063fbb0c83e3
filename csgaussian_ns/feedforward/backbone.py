"""Where features come from: our own small network, or one of the user's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.feedforward.layers import Chain, Conv, Needed, Parameters, blocks
from csgaussian_ns.feedforward.refinement import Refinement
from csgaussian_ns.feedforward.settings import Settings
from csgaussian_ns.feedforward.views import Views


@runtime_checkable
class FeatureBackbone(Protocol):
    """Makes of photos the feature that is coded. Only who makes files needs it: a decoder knows none.

    One with weights of its own, such as a larger network, may ignore ``parameters`` and need none.
    """

    def needed(self) -> Iterator[Needed]:
        """Parameters that are trained, and kept, with the rest."""
        ...

    def __call__(self, parameters: Parameters, photos: Float[Any, "V 3 H W"], views: Views) -> Float[Any, "V C h w"]:
        """Features at a quarter of the photos' resolution, ``Settings.channels`` of them.

        Args:
            parameters: Of the whole network.
            photos: Colours in [0, 1], of the library of the parameters.
            views: Their cameras.
        """
        ...


@dataclass(frozen=True)
class PlainBackbone:
    """Convolutions view by view, then a plane sweep between the views and a refinement by its depth."""

    settings: Settings

    @property
    def _photos(self) -> Chain:
        channels, half = self.settings.channels, self.settings.channels // 2
        first = Conv("backbone/first", 3, half, stride=2)
        inner = blocks("backbone/half", half, 1)
        second = Conv("backbone/second", half, channels, stride=2)
        return Chain((first, *inner, second, *blocks("backbone/block", channels, self.settings.blocks)))

    @property
    def _refinement(self) -> Refinement:
        return Refinement("backbone/views", self.settings)

    def needed(self) -> Iterator[Needed]:
        """As of ``FeatureBackbone``."""
        yield from self._photos.needed()
        yield from self._refinement.needed()

    def __call__(self, parameters: Parameters, photos: Float[Any, "V 3 H W"], views: Views) -> Float[Any, "V C h w"]:
        """As of ``FeatureBackbone``."""
        features = self._photos(parameters, 2 * photos - 1)
        return self._refinement(parameters, features, views).features
