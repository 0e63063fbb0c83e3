"""What a decoded scene knows about meaning: a feature and an object for each anchor, and the list of objects."""

from dataclasses import dataclass, field
from typing import Any

from csgaussian_ns.core.edits import Target
from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.core.shapes import Float, Int


@dataclass(frozen=True)
class SceneObject:
    """One object (instance) of a scene. Lengths and positions are in the training frame.

    Attributes:
        id: From 1 on; 0 stands for "no object" wherever labels are.
        name: Empty if unknown.
        anchors: Number of anchors that belong to it.
        centre: Mean position of its anchors.
        lowest, highest: Corners of the box around its anchors.
        feature: Mean semantic feature of its anchors.
        embedding: Text-image embedding of unit length, if the file holds one.
        solidity: Power that the transparency of its Gaussians is raised to where one asks which object is seen, at
            least 1: glass is nearly transparent to colour, and an object all the same.
    """

    id: int
    name: str
    anchors: int
    centre: tuple[float, float, float]
    lowest: tuple[float, float, float]
    highest: tuple[float, float, float]
    feature: tuple[float, ...] = field(repr=False)
    embedding: tuple[float, ...] | None = field(default=None, repr=False)
    solidity: float = 1.0

    @property
    def target(self) -> Target:
        """For operations: ``Hide(scene.objects["cup"].target)``."""
        return Target((self.id,))


@dataclass(frozen=True)
class SemanticLayer:
    """Semantics of a scene, one row per anchor in the order of the scene's anchors; arrays as in ``core.types``.

    Attributes:
        feature: Dequantised semantic feature; all Gaussians of an anchor share it (CSGaussian, 3.2).
        label: ``SceneObject.id`` of each anchor, 0 where it belongs to none.
        objects: All objects, by ascending id.
        text_encoder: Name of the encoder that the objects' embeddings belong to; empty without embeddings.
        tree: What objects are parts of; ``None`` where nothing is known of that. Edits leave its numbers as they are.
    """

    feature: Float[Any, "A D"]
    label: Int[Any, " A"]
    objects: tuple[SceneObject, ...]
    text_encoder: str = ""
    tree: ObjectTree | None = None
