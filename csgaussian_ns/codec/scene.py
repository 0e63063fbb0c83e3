"""What is inside a ``.csg`` file: a scene that can be rendered, and what is known about it."""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.texts import MAX_TEXT_BYTES, is_storable
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.scene.decoders import Decoders


@dataclass(frozen=True)
class SceneMeta:
    """Facts about a scene, stored as JSON.

    Attributes:
        voxel_size: Edge of a voxel in units of the training frame; exactly a float32.
        feature_dim, num_offsets: Channels of the feature, Gaussians per anchor.
        base_steps: Quantisation steps of feature, scaling (log), offset before modulation.
        background: RGB behind the scene.
        transform: From the capture's world to the training frame, 3x4 row by row, before ``scale``.
        scale: Factor applied after ``transform``.
        tool: What wrote the file.
        name: Of the scene.
        extra: For applications; at most ``MAX_DEPTH`` objects or lists inside each other.
    """

    voxel_size: float
    feature_dim: int
    num_offsets: int
    base_steps: tuple[float, float, float]
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    transform: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    scale: float = 1.0
    tool: str = ""
    name: str = ""
    extra: dict[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """For ``json.dumps``."""
        return asdict(self)

    @staticmethod
    def from_json(values: object) -> "SceneMeta":
        """Checked: every number finite and in range.

        Raises:
            FormatError: A field is missing, of another type, or out of range.
        """
        return _checked(values)


@dataclass(frozen=True)
class CodedScene:
    """A decoded file.

    Attributes:
        grid: Voxel coordinates in the order of the file.
        anchors: Dequantised attributes.
        decoders: The render networks.
        meta: Facts.
        semantics: Features and objects; ``None`` where the file has none, was cut after its colours, or semantics were
            not asked for.
        truncated: The file was cut after its colours.
    """

    grid: Int[Tensor, "A 3"]
    anchors: Anchors
    decoders: Decoders
    meta: SceneMeta
    semantics: SemanticLayer | None = None
    truncated: bool = False

    def digest(self) -> str:
        """SHA-256 of everything that was decoded as integers, semantics included: the same on every device.

        Of these bytes, little endian, arrays row by row: i32 voxels; f32 feature, offset, scaling, mask. With semantics
        f32 features; i32 labels; name of the text encoder; i32 number of objects; of each object i32 id, its name, i32
        anchors, f32 x 3 centre, lowest and highest corner, feature, embedding. Texts (UTF-8) and both vectors stand
        behind their length as i32, in bytes and numbers; an embedding that is missing has length 0.
        """
        hasher = hashlib.sha256(self.grid.numpy().astype("<i4").tobytes())
        for name in ("feature", "offset", "scaling", "mask"):
            hasher.update(getattr(self.anchors, name).contiguous().numpy().astype("<f4").tobytes())
        if self.semantics is not None:
            hasher.update(self.semantics.feature.contiguous().numpy().astype("<f4").tobytes())
            hasher.update(self.semantics.label.numpy().astype("<i4").tobytes())
            hasher.update(_object_bytes(self.semantics))
        return hasher.hexdigest()

    @property
    def background(self) -> Tensor:
        """RGB behind the scene."""
        return torch.tensor(self.meta.background)


MAX_DEPTH = 32
LARGEST = 1e30
"""Bound on numbers: single precision reaches a little farther."""


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


_NUMBERS = {"base_steps": 3, "background": 3, "transform": 12}


def _checked(values: object) -> SceneMeta:
    if not isinstance(values, dict):
        raise FormatError(f"META: expected a JSON object, got {type(values).__name__}")
    known = {}
    for name, count in _NUMBERS.items():
        entry = values.get(name)
        if not isinstance(entry, list) or len(entry) != count or not all(_finite(x) for x in entry):
            raise FormatError(f"META: {name!r} must be {count} finite numbers")
        known[name] = tuple(float(x) for x in entry)
    for name in ("voxel_size", "scale"):
        if not _finite(values.get(name)) or float(values[name]) <= 0:
            raise FormatError(f"META: {name!r} must be a positive number, got {values.get(name)!r}")
        known[name] = float(values[name])
    for name, limit in (("feature_dim", 1024), ("num_offsets", 32)):
        entry = values.get(name)
        if not isinstance(entry, int) or isinstance(entry, bool) or not 1 <= entry <= limit:
            raise FormatError(f"META: {name!r} must be an integer in 1..{limit}, got {entry!r}")
        known[name] = entry
    if min(known["base_steps"]) <= 0:
        raise FormatError("META: base steps must be positive")
    known |= {name: _text(values.get(name), name) for name in ("tool", "name")}
    extra = values.get("extra")
    if not isinstance(extra, dict):
        raise FormatError(f"META: 'extra' must be an object, got {type(extra).__name__}")
    _check_extra(extra)
    return SceneMeta(**known, extra=extra)


def _text(text: object, name: str) -> str:
    if not isinstance(text, str):
        raise FormatError(f"META: {name!r} must be a string, got {type(text).__name__}")
    if not is_storable(text):
        raise FormatError(
            f"META: {name!r} holds control characters, or more than {MAX_TEXT_BYTES} bytes: {text[:99]!a}"
        )
    return text


def _check_extra(extra: dict[str, object]) -> None:
    level: list[Any] = [extra]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(entry, int | float) and abs(entry) >= LARGEST for entry in level):
            raise FormatError(f"META: a number of 'extra' is not finite, or at least {LARGEST:g}")
        level = [entry for entry in level if isinstance(entry, dict | list)]
        if not level:
            return
        level = [inner for entry in level for inner in (entry.values() if isinstance(entry, dict) else entry)]
    raise FormatError(f"META: 'extra' is nested more than {MAX_DEPTH} deep")


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
