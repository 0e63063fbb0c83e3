"""What is inside a ``.csg`` file: a scene that can be rendered, and what is known about it."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from csgaussian_ns.core.edits import Edit
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Bool, Int, Int32
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.format.render_networks import RenderNetworks


@dataclass(frozen=True)
class CodedScene:
    """A decoded file; all arrays are numpy's.

    Attributes:
        grid: Voxel coordinates in the order of the file.
        anchors: Dequantised attributes.
        networks: What turns the anchors' features into Gaussians.
        meta: Facts.
        semantics: Features and objects; ``None`` where the file has none, was cut after its colours, or semantics were
            not asked for.
        truncated: The file was cut after its colours.
        edits: What shall be seen of it; all else here is as it was before them.
    """

    grid: Int32[np.ndarray, "A 3"]
    anchors: Anchors
    networks: RenderNetworks
    meta: SceneMeta
    semantics: SemanticLayer | None = None
    truncated: bool = False
    edits: tuple[Edit, ...] = ()

    def __len__(self) -> int:
        """Number of anchors."""
        return len(self.grid)

    @property
    def slots(self) -> Bool[np.ndarray, "A K"]:
        """Which of its slots each anchor draws a Gaussian in."""
        return self.anchors.mask > 0

    def digest(self) -> str:
        """SHA-256 of everything that was decoded as integers, the same on every device: see ``digest``."""
        return digest(self.grid, self.anchors, self.semantics)

    def named_arrays(self) -> dict[str, np.ndarray]:
        """All rows, by name; see ``receiver.opened.Coded``."""
        attributes = ("position", "feature", "offset", "scaling", "mask")
        arrays = {name: getattr(self.anchors, name) for name in attributes} | {"grid": self.grid}
        if self.semantics is None:
            return arrays
        return arrays | {"semantic_feature": self.semantics.feature, "label": self.semantics.label}


def digest(grid: Int[Any, "A 3"], anchors: Anchors, semantics: SemanticLayer | None) -> str:
    """SHA-256 of the content of a scene: of everything that was decoded as integers, semantics included.

    Of these bytes, little endian, arrays row by row: i32 voxels; f32 feature, offset, scaling, mask. With semantics
    f32 features; i32 labels; name of the text encoder; i32 number of objects; of each object i32 id, its name, i32
    anchors, f32 x 3 centre, lowest and highest corner, feature, embedding. Texts (UTF-8) and both vectors stand
    behind their length as i32, in bytes and numbers; an embedding that is missing has length 0.
    """
    hasher = hashlib.sha256(np.asarray(grid, "<i4").tobytes())
    for values in (anchors.feature, anchors.offset, anchors.scaling, anchors.mask):
        hasher.update(np.asarray(values, "<f4").tobytes())
    hasher.update(b"" if semantics is None else semantic_bytes(semantics))
    return hasher.hexdigest()


def semantic_bytes(layer: SemanticLayer) -> bytes:
    """What ``digest`` takes of semantics."""
    arrays = np.asarray(layer.feature, "<f4").tobytes() + np.asarray(layer.label, "<i4").tobytes()
    return arrays + _object_bytes(layer)


def _object_bytes(layer: SemanticLayer) -> bytes:
    """The objects as ``CodedScene.digest`` describes them."""

    def whole(number: int) -> bytes:
        return number.to_bytes(4, "little", signed=True)

    def text(string: str) -> bytes:
        return whole(len(string.encode())) + string.encode()

    def real(numbers: tuple[float, ...]) -> bytes:
        return np.array(numbers, "<f4").tobytes()

    parts = [text(layer.text_encoder), whole(len(layer.objects))]
    for thing in layer.objects:
        parts += [whole(thing.id), text(thing.name), whole(thing.anchors)]
        parts += [real(thing.centre + thing.lowest + thing.highest)]
        for vector in (thing.feature, thing.embedding or ()):
            parts += [whole(len(vector)), real(vector)]
    return b"".join(parts)
