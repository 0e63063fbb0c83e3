"""From the feature of an anchor to its Gaussians: what any decoder does, and the render networks of a file in numpy."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from csgaussian_ns.core.arrays import sigmoid
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.format.render_networks import Layers, RenderNetworks


class Decoded(NamedTuple):
    """Attributes of every Gaussian slot of the given anchors.

    Attributes:
        opacity: In (-1, 1); slots at or below 0 are not drawn.
        shape: Raw scale factors (3) and raw quaternion ``wxyz`` (4).
        color: RGB as in photos in (0, 1).
    """

    opacity: Float[Any, "A K"]
    shape: Float[Any, "A K 7"]
    color: Float[Any, "A K 3"]


@runtime_checkable
class AttributeDecoder(Protocol):
    """Turns an anchor's feature, seen from a camera, into the attributes of its Gaussians."""

    def __call__(
        self, feature: Float[Any, "A F"], direction: Float[Any, "A 3"], distance: Float[Any, "A 1"]
    ) -> Decoded:
        """Decode all Gaussian slots of the given anchors.

        Args:
            feature: Anchor features.
            direction: Unit vectors from the camera to the anchors, world axes.
            distance: Camera to anchor, world units.
        """
        ...


@dataclass(frozen=True)
class FrozenDecoders:
    """Evaluates the render networks of a file. An ``AttributeDecoder``.

    Attributes:
        networks: As they were read.
    """

    networks: RenderNetworks

    def __call__(
        self,
        feature: Float[np.ndarray, "A F"],
        direction: Float[np.ndarray, "A 3"],
        distance: Float[np.ndarray, "A 1"],
    ) -> Decoded:
        """Decode all Gaussian slots of the given anchors; see ``AttributeDecoder``."""
        seen = np.concatenate([feature, direction, distance], axis=1)
        opacity = np.tanh(_outputs(self.networks.opacity, seen))
        return Decoded(
            opacity,
            _outputs(self.networks.covariance, seen).reshape(*opacity.shape, 7),
            sigmoid(_outputs(self.networks.color, seen)).reshape(*opacity.shape, 3),
        )


def _outputs(layers: Layers, values: Float[np.ndarray, "A I"]) -> Float[np.ndarray, "A O"]:
    for number, (weight, bias) in enumerate(layers):
        if number:
            values = np.maximum(values, 0, out=values)
        values = values @ weight.T
        values += bias
    return values
