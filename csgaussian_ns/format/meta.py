"""Facts about a scene of anchors: META, its writer and reader. Knows no numpy, so that they are told at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.facts import VoxelFacts, parse_facts

if TYPE_CHECKING:
    from csgaussian_ns.format.attributes import AttributeLayout


@dataclass(frozen=True)
class SceneMeta(VoxelFacts):
    """Facts about a scene of anchors, stored as JSON.

    Attributes:
        feature_dim, num_offsets: Channels of the feature, Gaussians per anchor.
        base_steps: Quantisation steps of feature, scaling (log), offset before modulation.
    """

    STEPS: ClassVar[Mapping[str, int]] = {"base_steps": 3}
    WHOLE: ClassVar[Mapping[str, range]] = {"feature_dim": range(1, 1025), "num_offsets": range(1, 33)}

    feature_dim: int
    num_offsets: int
    base_steps: tuple[float, float, float]

    @property
    def layout(self) -> "AttributeLayout":
        """Of the colour attributes."""
        from csgaussian_ns.format.attributes import AttributeLayout  # loads numpy

        return AttributeLayout(self.feature_dim, self.num_offsets, self.base_steps)


def meta_of(container: Container) -> SceneMeta:
    """The facts of an open file of anchors; errors as of ``facts.parse_facts``."""
    return parse_facts(content_of(container, "META"), SceneMeta)
