"""A scene while somebody looks into its objects: what is selected, and how everything is shown. Immutable."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool
from torch import Tensor

from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.types import Anchors, Camera
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.semantic.appearance import Appearance, Colour
from csgaussian_ns.semantic.grow import resized
from csgaussian_ns.semantic.query import Selection, by_id, pick, select, semantics_of

Point = tuple[float, float, float]

PICKING_PIXELS = 513
"""Edge of the image in which a click along a ray looks; odd, so that one pixel is its middle."""


@dataclass(frozen=True)
class ObjectScene:
    """A scene with objects: the least that ``semantic.query`` can be asked about."""

    anchors: Anchors
    decoders: Decoders
    semantics: SemanticLayer


@dataclass(frozen=True)
class ObjectView:
    """One state of looking. Every method gives another state.

    Attributes:
        scene: What is looked at.
        objects: The selected ones.
        rows: The selected anchors: those of the objects, or more, or fewer.
        appearance: How the scene is shown.
    """

    scene: ObjectScene
    objects: tuple[SceneObject, ...]
    rows: Bool[Tensor, " A"]
    appearance: Appearance

    @staticmethod
    def of(scene: ObjectScene) -> "ObjectView":
        """Nothing selected, everything as it is."""
        appearance = Appearance.plain(scene.anchors)
        return ObjectView(scene, (), torch.zeros_like(appearance.lit), appearance)

    def select(self, selection: Selection) -> "ObjectView":
        """Light up a selection of the scene, which may be empty."""
        return self._with_rows(replace(self, objects=selection.objects), selection.anchors)

    def select_id(self, number: int | None) -> "ObjectView":
        """Light up the object of an id, or nothing.

        Raises:
            QueryError: There is none of that id.
        """
        return self.select(select(self.scene, []) if number is None else by_id(self.scene, number))

    def select_seen(self, origin: Point, direction: Point) -> "ObjectView":
        """Light up the object that one sees along a ray, past hidden ones; nothing where there is none."""
        visible = replace(self.scene, anchors=self.appearance.shown(self.scene.anchors))
        middle = PICKING_PIXELS // 2
        return self.select(pick(visible, camera_along(origin, direction), (middle, middle)))

    def resize(self, percent: float | int) -> "ObjectView":
        """The selected objects with so many per cent of anchors more or less, see ``semantic.grow``."""
        exactly = select(self.scene, self.objects).anchors
        return self._with_rows(self, resized(self.scene.anchors, semantics_of(self.scene), exactly, percent))

    def hide(self) -> "ObjectView":
        """Without the selection, which ends."""
        self._require_selection()
        appearance = replace(self.appearance, hidden=self.appearance.hidden | self.rows)
        return replace(self, appearance=appearance).select_id(None)

    def isolate(self) -> "ObjectView":
        """Nothing but the selection, in its own colours."""
        self._require_selection()
        return replace(self, appearance=replace(self.appearance, hidden=~self.rows, lit=self.rows & False))

    def recolour(self, colour: Colour) -> "ObjectView":
        """The selection in another colour, RGB in [0, 1], no longer lit up."""
        self._require_selection()
        appearance = self.appearance.tinting(self.rows, colour)
        return replace(self, appearance=replace(appearance, lit=self.rows & False))

    def knowing(self, semantics: SemanticLayer) -> "ObjectView":
        """The same with more known about the same objects."""
        return replace(self, scene=replace(self.scene, semantics=semantics))

    def reset(self) -> "ObjectView":
        """Nothing selected, everything as it is."""
        return ObjectView.of(self.scene)

    def _require_selection(self) -> None:
        if not bool(self.rows.any()):
            raise QueryError("nothing is selected; select an object first")

    @staticmethod
    def _with_rows(view: "ObjectView", rows: Bool[Tensor, " A"]) -> "ObjectView":
        return replace(view, rows=rows, appearance=replace(view.appearance, lit=rows))


def camera_along(origin: Point, direction: Point) -> Camera:
    """A camera at ``origin`` whose middle pixel looks along ``direction``. How it is rolled is arbitrary."""
    forward = torch.nn.functional.normalize(torch.tensor(direction, dtype=torch.float64), dim=0)
    helper = torch.zeros(3, dtype=torch.float64)
    helper[int(forward.abs().argmin())] = 1
    right = torch.nn.functional.normalize(torch.linalg.cross(helper, forward), dim=0)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = torch.stack([right, torch.linalg.cross(forward, right), forward])
    pose[:3, 3] = -pose[:3, :3] @ torch.tensor(origin, dtype=torch.float64)
    middle = PICKING_PIXELS / 2
    return Camera(pose.float(), 512.0, 512.0, middle, middle, PICKING_PIXELS, PICKING_PIXELS)
