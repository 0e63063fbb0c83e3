"""Several scenes as one: drawn together, with the objects of all of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from csgaussian_ns.core.edits import Edit, targets_of
from csgaussian_ns.core.errors import ConfigError, FormatError, QueryError
from csgaussian_ns.core.object_tree import ObjectTree, side_by_side
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.core.types import Camera
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.groups import GroupMeta, group_meta_of, parts_of
from csgaussian_ns.receiver.opened import Coded, Opened, Reader, Wanted
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Scene, Seen, joined
from csgaussian_ns.semantic.edited import edited
from csgaussian_ns.semantic.edited_objects import moved_objects

BYTES_PER_ROW = 1024
"""Of a decoded part, at most, as it is kept while others are read."""


@dataclass(frozen=True)
class GroupPart:
    """A scene of a group.

    Attributes:
        scene: As its own edits make it, in its own frame.
        coded: What was decoded of it.
        rows: What its rows are called.
        motion: From its frame to that of the group.
        semantics: As its edits left it.
    """

    scene: Scene
    coded: Coded
    rows: str
    motion: Similarity
    semantics: SemanticLayer | None


@dataclass(frozen=True)
class Group:
    """A ``Scene`` whose rows are those of its parts, one part after another."""

    parts: tuple[GroupPart, ...]
    background: Float[np.ndarray, "3"] | None = None

    @property
    def position(self) -> Float[np.ndarray, "R 3"]:
        """Of all rows, in the frame of the group."""
        return np.concatenate([part.motion.at(part.scene.position) for part in self.parts])

    @property
    def hidden(self) -> Bool[np.ndarray, " R"]:
        """Rows that edits of parts took out."""
        return np.concatenate([part.scene.hidden for part in self.parts])

    @property
    def plain(self) -> None:
        """Its parts may be made of different things."""

    def seen(self, camera: Camera, only: Bool[np.ndarray, " R"] | None = None) -> Seen:
        """What ``camera`` sees of each part, put where that stands; see ``Scene``."""
        found, start = [], 0
        for part in self.parts:
            rows = slice(start, start + len(part.coded))
            seen = part.scene.seen(part.motion.seen_from(camera), None if only is None else only[rows])
            found.append(Seen(camera, part.motion.of_gaussians(seen.gaussians), seen.row + start, seen.slot))
            start = rows.stop
        return joined(found)


@dataclass(frozen=True)
class CodedGroup:
    """A decoded group; see ``receiver.opened.Coded``.

    Attributes:
        parts: In the order of the file.
        meta: Facts.
        semantics: The objects of all parts, those of the first one first; ``None`` where no part has any.
        edits: Of the group as a whole, after those of its parts.
    """

    parts: tuple[GroupPart, ...]
    meta: GroupMeta
    semantics: SemanticLayer | None = None
    edits: tuple[Edit, ...] = ()
    truncated: bool = False

    def __len__(self) -> int:
        """Number of rows of all parts."""
        return sum(len(part.coded) for part in self.parts)

    @property
    def slots(self) -> Bool[np.ndarray, "R K"]:
        """As many for each row as the part with the most has."""
        slots = [part.coded.slots for part in self.parts]
        most = max(one.shape[1] for one in slots)
        return np.concatenate([np.pad(one, ((0, 0), (0, most - one.shape[1]))) for one in slots])

    def digest(self) -> str:
        """SHA-256 of the digests of all parts, in order."""
        return hashlib.sha256("".join(part.coded.digest() for part in self.parts).encode()).hexdigest()

    def named_arrays(self) -> dict[str, np.ndarray]:
        """Parts may be made of different things (``ConfigError``)."""
        raise ConfigError("the file is a group of scenes, whose rows have no arrays in common; decode its parts")


def decode_group(container: Container, wanted: Wanted, read: Reader) -> CodedGroup:
    """All parts of an open group.

    Args:
        container: The file; it is not trusted.
        wanted: What of it; a group is read whole.
        read: Reads a part.

    Raises:
        FormatError, UnsupportedVersion, LimitExceeded: As of ``receiver.load.load``.
        ConfigError: Some chunks were asked for.
    """
    if wanted.chunks is not None:
        raise ConfigError("chunks: the file is a group of scenes, which is read whole; read its parts by themselves")
    meta, parts = group_meta_of(container), list[GroupPart]()
    files = parts_of(container, wanted.limits)
    edits = edits_of(container) if wanted.edits else ()
    operations, memory = wanted.limits.max_network_operations // len(files), wanted.limits.max_memory_bytes
    wanted = replace(wanted, semantics=wanted.semantics or any(map(targets_of, edits)))
    for number, (file, motion) in enumerate(zip(files, meta.placements, strict=True), 1):
        share = replace(wanted.limits, max_network_operations=operations, max_memory_bytes=memory)
        found = read(file, replace(wanted, limits=share, edits=True, progress=lambda done, total: None))
        scene, layer = _as_edited(found)
        parts.append(GroupPart(scene, found.coded, found.rows, motion, layer))
        memory = max(0, memory - BYTES_PER_ROW * len(found.coded))
        wanted.progress(number, len(files))
    known = wanted.semantics and any(part.coded.semantics is not None for part in parts)
    layer = merged_layer(parts) if known else None
    return CodedGroup(tuple(parts), meta, layer, edits)


def of_group(coded: CodedGroup) -> Opened:
    """The scene of a decoded group."""
    names = {part.rows for part in coded.parts}
    group = Group(coded.parts, np.array(coded.meta.background, np.float32))
    return Opened(group, names.pop() if len(names) == 1 else "rows", coded)


@dataclass(frozen=True)
class _Described:
    """A scene, and what is known of its rows: a ``semantic.query.LookableScene``."""

    scene: Scene
    coded: Coded

    @property
    def semantics(self) -> SemanticLayer | None:
        return self.coded.semantics

    @property
    def slots(self) -> Bool[np.ndarray, "R K"]:
        return self.coded.slots

    @property
    def hidden(self) -> Bool[np.ndarray, " R"]:
        return self.scene.hidden

    @property
    def plain(self) -> GaussianScene | None:
        return self.scene.plain

    @property
    def unmoved(self) -> Float[np.ndarray, "R 3"]:
        return self.scene.position

    @property
    def position(self) -> Float[np.ndarray, "R 3"]:
        return self.scene.position

    @property
    def background(self) -> Float[np.ndarray, "3"] | None:
        return self.scene.background

    def seen(self, camera: Camera, only: Bool[np.ndarray, " R"] | None = None) -> Seen:
        return self.scene.seen(camera, only)


def _as_edited(found: Opened) -> tuple[Scene, SemanticLayer | None]:
    """A part as its edits make it, and what is known of its rows then."""
    coded = found.coded
    if not coded.edits:
        return found.scene, coded.semantics
    try:
        after = edited(_Described(found.scene, coded), coded.edits)
    except QueryError as error:
        raise FormatError(f"EDIT: {error}") from error
    return after, after.semantics


def merged_layer(parts: Sequence[GroupPart]) -> SemanticLayer:
    """What is known of all rows. Features of parts are not comparable, and are left out."""
    layers = [part.coded.semantics for part in parts]
    encoders = {layer.text_encoder for layer in layers if layer is not None and layer.text_encoder}
    labels, objects, trees, start = list[np.ndarray](), list[SceneObject](), list[ObjectTree](), 0
    for part, layer in zip(parts, layers, strict=True):
        left = part.semantics
        if layer is None or left is None:
            labels.append(np.zeros(len(part.coded), np.int64))
            continue
        labels.append(np.where(left.label > 0, left.label + start, 0))
        moved = moved_objects(left.objects, part.motion, start)
        objects += moved if len(encoders) == 1 else [replace(thing, embedding=None) for thing in moved]
        trees.append(layer.tree or ObjectTree(len(layer.objects), (0,) * len(layer.objects)))
        start += len(layer.objects)
    label, encoder = np.concatenate(labels).astype(np.int64), encoders.pop() if len(encoders) == 1 else ""
    tree = side_by_side(trees)
    feature = np.zeros((len(label), 0), np.float32)
    return SemanticLayer(feature, label, tuple(objects), encoder, tree if tree.wholes else None)
