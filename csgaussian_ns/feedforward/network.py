"""The whole network: photos to the latent that is coded, and back from it, with cameras alone, to Gaussians."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.feedforward.backbone import FeatureBackbone, PlainBackbone
from csgaussian_ns.feedforward.heads import GaussianArrays, GaussianHead
from csgaussian_ns.feedforward.layers import Chain, Conv, Finer, Needed, Parameters, blocks
from csgaussian_ns.feedforward.refinement import Refinement
from csgaussian_ns.feedforward.settings import FEATURE_CELL, Settings
from csgaussian_ns.feedforward.views import Views


@dataclass(frozen=True)
class Network:
    """What is done with parameters; it holds none.

    Attributes:
        settings: Sizes.
        own_backbone: Makes the features; ``PlainBackbone`` where ``None``.
    """

    settings: Settings
    own_backbone: FeatureBackbone | None = None

    @cached_property
    def backbone(self) -> FeatureBackbone:
        """Photos to features."""
        return PlainBackbone(self.settings) if self.own_backbone is None else self.own_backbone

    @cached_property
    def analysis(self) -> Chain:
        """Features to the latent, at a quarter of their resolution if a place of it is 16 pixels wide."""
        sizes = self.settings
        between = (Conv("analysis/coarser", sizes.channels, sizes.channels, stride=2),) * (sizes.latent_cell == 32)
        middle = Conv("analysis/first", sizes.channels, sizes.channels, stride=2)
        last = Conv("analysis/last", sizes.channels, sizes.latent, stride=1 if sizes.latent_cell == 8 else 2)
        return Chain((middle, *blocks("analysis/block", sizes.channels, sizes.blocks), *between, last))

    @cached_property
    def synthesis(self) -> Chain:
        """The latent to features."""
        sizes = self.settings
        kind = Conv if sizes.latent_cell == 8 else Finer
        first = kind("synthesis/first", sizes.latent, sizes.channels)
        between = (Finer("synthesis/finer", sizes.channels, sizes.channels),) * (sizes.latent_cell == 32)
        inner = blocks("synthesis/block", sizes.channels, sizes.blocks)
        return Chain((first, *between, *inner, Finer("synthesis/last", sizes.channels, sizes.channels)))

    @cached_property
    def refinement(self) -> Refinement:
        """Decoded features that know of each other, and depths."""
        return Refinement("refinement", self.settings)

    @cached_property
    def head(self) -> GaussianHead:
        """Refined features to Gaussians."""
        return GaussianHead(self.settings)

    def needed_to_decode(self) -> Iterator[Needed]:
        """Parameters that ``gaussians`` reads."""
        for part in (self.synthesis, self.refinement, self.head):
            yield from part.needed()

    def needed(self) -> Iterator[Needed]:
        """All parameters."""
        yield from self.backbone.needed()
        yield from self.analysis.needed()
        yield from self.needed_to_decode()

    def latent(self, parameters: Parameters, photos: Float[Any, "V 3 H W"], views: Views) -> Float[Any, "V L h w"]:
        """What is coded, before gains and rounding.

        Args:
            parameters: All.
            photos: Colours in [0, 1].
            views: Their cameras.
        """
        return self.analysis(parameters, self.backbone(parameters, photos, views))

    def gaussians(self, parameters: Parameters, latent: Float[Any, "V L h w"], views: Views) -> GaussianArrays:
        """The scene.

        Args:
            parameters: At least those of ``needed_to_decode``.
            latent: Decoded, after gains.
            views: Cameras.
        """
        rows, columns = views.height // FEATURE_CELL, views.width // FEATURE_CELL
        features = self.synthesis(parameters, latent)[:, :, :rows, :columns]  # of places that reach over the border
        return self.head(parameters, self.refinement(parameters, features, views), views)
