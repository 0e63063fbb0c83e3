"""Facts about a scene of plain Gaussians: META, as its writer and reader know it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.facts import VoxelFacts, parse_facts

GAUSSIANS = "gaussians"
"""The representation, as META names it."""


@dataclass(frozen=True)
class GaussianMeta(VoxelFacts):
    """Facts about a scene of plain Gaussians, stored as JSON.

    Attributes:
        degree: Of the spherical harmonics, 0 to 3.
        base_steps: Of logarithms of scales, parts of quaternions, opacity, colour, harmonics of degree 1, and of
            degrees 2 and 3.
    """

    STEPS: ClassVar[Mapping[str, int]] = {"base_steps": 6}
    WHOLE: ClassVar[Mapping[str, range]] = {"degree": range(4)}

    degree: int
    base_steps: tuple[float, float, float, float, float, float]

    def to_json(self) -> dict[str, object]:
        """For ``json.dumps``."""
        return {"representation": GAUSSIANS, **super().to_json()}


def gaussian_meta_of(container: Container) -> GaussianMeta:
    """The facts of an open file of Gaussians; errors as of ``facts.parse_facts``."""
    return parse_facts(content_of(container, "META"), GaussianMeta)
