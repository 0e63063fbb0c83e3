"""A scene while somebody looks into its objects: what is selected, and how everything is shown. Immutable."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from csgaussian_ns.core.arrays import without_gradients
from csgaussian_ns.core.edits import Colour, Recolour, Target
from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.object_tree import larger, smaller
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.core.types import Camera
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.scene import Seen
from csgaussian_ns.semantic.appearance import Appearance, Hide, Highlight, Isolate
from csgaussian_ns.semantic.query import Selection, by_id, pick
from csgaussian_ns.semantic.shown import Look, ShownObjects, look_of, rows_of

Point = tuple[float, float, float]

PICKING_PIXELS = 513
"""Edge of the image in which a click along a ray looks; odd, so that one pixel is its middle."""


@dataclass(frozen=True)
class ObjectScene(AnchorScene):
    """Anchors with objects."""

    semantics: SemanticLayer = field(kw_only=True)

    def seen(self, camera: Camera, only: Bool[Any, " A"] | None = None) -> Seen:
        """As of ``scene.scene.Scene``, without gradients."""
        with without_gradients(self.anchors.position):
            return super().seen(camera, only)


@dataclass(frozen=True)
class ObjectView:
    """One state of looking. Every method gives another state.

    Attributes:
        scene: What is looked at.
        target: What is selected: objects, with more or fewer anchors than they have.
        appearance: How the scene is shown, but for the light on the selection.
        lit: Whether the selection is lit up.
        last: The object that was selected by itself last, 0 for none: what is smaller leads there.
    """

    scene: ObjectScene
    target: Target = field(default_factory=Target)
    appearance: Appearance = field(default_factory=Appearance)
    lit: bool = False
    last: int = 0

    @property
    def objects(self) -> tuple[SceneObject, ...]:
        """The selected ones."""
        return tuple(entry for entry in self.scene.semantics.objects if entry.id in self.target.ids)

    @cached_property
    def rows(self) -> Bool[Any, " A"]:
        """The selected anchors: those of the objects, or more, or fewer."""
        return rows_of(self.scene, self.target)

    @cached_property
    def look(self) -> Look:
        """How each anchor is shown."""
        return look_of(self.scene, self.appearance.then(Highlight(self.target)) if self.lit else self.appearance)

    def select(self, selection: Selection) -> "ObjectView":
        """Light up a selection of the scene, which may be empty."""
        ids = tuple(entry.id for entry in selection.objects)
        return replace(self, target=Target(ids), lit=True, last=ids[0] if len(ids) == 1 else 0)

    def select_id(self, number: int | None) -> "ObjectView":
        """Light up the object of an id, or nothing.

        Raises:
            QueryError: There is none of that id.
        """
        return replace(self, target=Target()) if number is None else self.select(by_id(self.scene, number))

    def select_seen(self, origin: Point, direction: Point) -> "ObjectView":
        """Light up the object that one sees along a ray, past hidden ones; nothing where there is none."""
        middle = PICKING_PIXELS // 2
        return self.select(pick(ShownObjects(self.scene, self.look), camera_along(origin, direction), (middle, middle)))

    def larger(self) -> "ObjectView":
        """The whole that the selected objects are but a part of; the same where there is none."""
        return replace(self, target=Target(larger(self.scene.semantics.tree, self.target.ids)), lit=True)

    def smaller(self) -> "ObjectView":
        """The part of the selected whole that the object selected last is in; the same where there is none."""
        return replace(self, target=Target(smaller(self.scene.semantics.tree, self.target.ids, self.last)), lit=True)

    def resize(self, percent: float | int) -> "ObjectView":
        """The selected objects with so many per cent of anchors more or less, see ``semantic.grow``."""
        return replace(self, target=replace(self.target, percent=float(percent)), lit=True)

    def hide(self) -> "ObjectView":
        """Without the selection, which ends."""
        self._require_selection()
        return replace(self, appearance=self.appearance.then(Hide(self.target)), target=Target())

    def isolate(self) -> "ObjectView":
        """Nothing but the selection, in its own colours."""
        self._require_selection()
        return replace(self, appearance=self.appearance.then(Isolate(self.target)), lit=False)

    def recolour(self, colour: Colour) -> "ObjectView":
        """The selection in another colour, RGB in [0, 1], no longer lit up."""
        self._require_selection()
        return replace(self, appearance=self.appearance.then(Recolour(self.target, colour)), lit=False)

    def knowing(self, semantics: SemanticLayer) -> "ObjectView":
        """The same with more known about the same objects."""
        return replace(self, scene=replace(self.scene, semantics=semantics))

    def reset(self) -> "ObjectView":
        """Nothing selected, everything as it is."""
        return ObjectView(self.scene)

    def _require_selection(self) -> None:
        if not bool(self.rows.any()):
            raise QueryError("nothing is selected; select an object first")


def camera_along(origin: Point, direction: Point) -> Camera:
    """A camera at ``origin`` whose middle pixel looks along ``direction``. How it is rolled is arbitrary."""
    forward = np.array(direction, np.float64) / np.linalg.norm(direction)
    helper = np.zeros(3)
    helper[np.abs(forward).argmin()] = 1
    right = np.cross(helper, forward)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    pose[:3, 3] = -pose[:3, :3] @ np.array(origin, np.float64)
    middle = PICKING_PIXELS / 2
    return Camera(pose.astype(np.float32), 512.0, 512.0, middle, middle, PICKING_PIXELS, PICKING_PIXELS)
