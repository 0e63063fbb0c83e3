"""A scene after edits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.edits import Edit
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.semantic.appearance import Appearance
from csgaussian_ns.semantic.edited_objects import objects_after
from csgaussian_ns.semantic.query import LookableScene
from csgaussian_ns.semantic.shown import Look, ShownObjects, look_of


@dataclass(frozen=True)
class Edited(ShownObjects):
    """A scene after edits: it can be drawn, and asked about objects, as any other.

    Attributes:
        layer: What is known of its rows; those that are gone belong to no object.
    """

    layer: SemanticLayer | None

    @property
    def semantics(self) -> SemanticLayer | None:
        """The layer."""
        return self.layer


def edited(scene: LookableScene, edits: Sequence[Edit]) -> Edited:
    """The scene after all edits.

    Args:
        scene: Unedited; with objects where an edit names some.
        edits: In order.

    Raises:
        QueryError: The scene has no such object.
    """
    look, layer = look_of(scene, Appearance(tuple(edits))), scene.semantics
    return Edited(scene, look, None if layer is None else _after(layer, edits, look))


def _after(layer: SemanticLayer, edits: Sequence[Edit], look: Look) -> SemanticLayer:
    """Objects that lost all their anchors are gone, too."""
    most = max((thing.id for thing in layer.objects), default=0)  # of a group, numbers may be missing
    lost = np.bincount(to_numpy(layer.label)[to_numpy(look.hidden)], minlength=1 + most)
    objects = objects_after(layer.objects, edits)
    left = [replace(thing, anchors=thing.anchors - int(lost[thing.id])) for thing in objects]
    return replace(layer, label=layer.label * ~look.hidden, objects=tuple(thing for thing in left if thing.anchors > 0))
