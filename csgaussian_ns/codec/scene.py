"""A decoded file as torch has it."""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from csgaussian_ns.core.edits import Edit
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.core.types import Anchors, Camera
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.format.scene import digest
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.scene import Seen


@dataclass(frozen=True)
class TensorScene:
    """``format.scene.CodedScene`` in tensors, for whatever trains, or draws with torch.

    Attributes:
        grid, anchors, meta, semantics, truncated, edits: As there.
        decoders: Its render networks.
    """

    grid: Int[Tensor, "A 3"]
    anchors: Anchors
    decoders: Decoders
    meta: SceneMeta
    semantics: SemanticLayer | None = None
    truncated: bool = False
    edits: tuple[Edit, ...] = ()

    def digest(self) -> str:
        """As of ``format.scene``."""
        anchors = Anchors(*(getattr(self.anchors, field.name).cpu() for field in fields(Anchors)))
        layer = self.semantics
        if layer is not None:
            layer = replace(layer, feature=layer.feature.cpu(), label=layer.label.cpu())
        return digest(self.grid.cpu(), anchors, layer)

    @property
    def drawn(self) -> AnchorScene:
        """What is drawn, before any edit."""
        return AnchorScene(self.anchors, self.decoders, self.background)

    @property
    def position(self) -> Float[Tensor, "A 3"]:
        """Of the anchors."""
        return self.anchors.position

    @property
    def unmoved(self) -> Float[Tensor, "A 3"]:
        """The same."""
        return self.anchors.position

    @property
    def slots(self) -> Bool[Tensor, "A K"]:
        """Which Gaussians each anchor has."""
        return self.drawn.slots

    @property
    def hidden(self) -> Bool[Tensor, " A"]:
        """None: edits are not applied here."""
        return self.drawn.hidden

    @property
    def plain(self) -> None:
        """It is made of anchors."""

    def seen(self, camera: Camera, only: Bool[Tensor, " A"] | None = None) -> Seen:
        """As of ``scene.scene.Scene``, without gradients."""
        with torch.no_grad():
            return self.drawn.seen(camera, only)

    @property
    def background(self) -> Tensor:
        """RGB behind the scene."""
        return self.anchors.position.new_tensor(self.meta.background)
