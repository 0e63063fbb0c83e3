"""A scene of anchors and the networks that decode them, in training or from a file."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from csgaussian_ns.core.arrays import none_of
from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.core.threads import each
from csgaussian_ns.core.types import Anchors, Camera
from csgaussian_ns.scene.render_networks import AttributeDecoder
from csgaussian_ns.scene.scene import Seen, joined
from csgaussian_ns.scene.spawn import seen_anchors, spawn

BLOCK = 1 << 13
"""Anchors spawned at a time in numpy: what their networks hold then stays in the cache, and memory low."""

_quiet = np.errstate(over="ignore", divide="ignore", invalid="ignore")
"""A file may hold what is infinite in single precision. torch says nothing of it, and it is not drawn."""


@dataclass(frozen=True)
class AnchorScene:
    """A ``Scene`` whose rows are anchors.

    Attributes:
        anchors: With values in place.
        decoder: The render networks, of the library of ``anchors``.
        background: RGB as in photos behind the scene; black where ``None``.
    """

    anchors: Anchors
    decoder: AttributeDecoder
    background: Float[Any, "3"] | None = None

    @property
    def position(self) -> Float[Any, "A 3"]:
        """Of the anchors."""
        return self.anchors.position

    @property
    def unmoved(self) -> Float[Any, "A 3"]:
        """``position``: nothing moves here."""
        return self.anchors.position

    @property
    def slots(self) -> Bool[Any, "A K"]:
        """Which Gaussians each anchor has."""
        return self.anchors.mask > 0

    @property
    def hidden(self) -> Bool[Any, " A"]:
        """None of them."""
        return none_of(self.anchors.position)

    @property
    def plain(self) -> None:
        """Their Gaussians depend on where one stands."""

    @_quiet
    def seen(self, camera: Camera, only: Bool[Any, " A"] | None = None) -> Seen:
        """Spawn what ``camera`` sees; ``row`` counts the anchors. See ``Scene``."""
        index = seen_anchors(self.anchors, camera, only)
        if not isinstance(index, np.ndarray) or len(index) <= BLOCK:
            return self._spawned(index, camera)
        blocks = [index[first : first + BLOCK] for first in range(0, len(index), BLOCK)]
        return joined(each(self._spawned, [(block, camera) for block in blocks]))

    @_quiet
    def _spawned(self, index: Int[Any, " V"], camera: Camera) -> Seen:
        spawned = spawn(self.anchors.at(index), self.decoder, camera)
        return Seen(camera, spawned.gaussians, index[spawned.owner], spawned.slots % self.anchors.mask.shape[1])
