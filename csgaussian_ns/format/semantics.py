"""What the semantic chunks of a file share: the head of NETS, and the objects of LABL. No anchor is decoded for it."""

import struct
from dataclasses import dataclass

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.core.semantic_layer import SceneObject
from csgaussian_ns.format.attributes import ChannelLayout, semantic_layout
from csgaussian_ns.format.bodies import content_of, model_number
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.object_bytes import read_objects, read_tree
from csgaussian_ns.format.objects import MAX_SOLIDITY, ObjectTable, ObjectTexts, scene_objects

KINDS = ("NETS", "LABL", "SEMA")
MAX_CHANNELS = 64
_HEAD = struct.Struct("<HBd")
IN_OBJECTS, EVERYWHERE = 0, 1
"""Whose features are coded: those of anchors that belong to an object, or all."""


@dataclass(frozen=True)
class SemanticFacts:
    """Sections NETS and LABL.

    Attributes:
        layout: One attribute type.
        everywhere: Anchors without an object have a feature, too.
        model: Number in NETS and bytes of the entropy model, see ``semantic_chunks.write_nets``.
        table, texts: The objects.
        solidity: Section OPAC: one number of each; none at all where the file has no such section.
        tree: Section TREE; ``None`` where the file has none.
    """

    layout: ChannelLayout
    everywhere: bool
    model: tuple[int, memoryview]
    table: ObjectTable
    texts: ObjectTexts
    solidity: bytes = b""
    tree: ObjectTree | None = None

    def objects(self, voxel_size: float, embeddings: bool = True) -> tuple[SceneObject, ...]:
        """The objects of the whole scene; on request without their embeddings."""
        return scene_objects(self.table, self.texts, voxel_size, self.layout.base_steps[0], embeddings, self.solidity)


def nets_head(layout: ChannelLayout, everywhere: bool) -> bytes:
    """How NETS begins: u16 channels, u8 whose features are coded, f64 base step."""
    return _HEAD.pack(layout.channels, EVERYWHERE if everywhere else IN_OBJECTS, layout.base_steps[0])


def read_semantic_facts(container: Container) -> SemanticFacts | None:
    """The facts of an open file; ``None`` where it has no semantics or was cut in them.

    Raises:
        FormatError: They are damaged or incomplete.
    """
    if any(entry.info.kind in KINDS for entry in container.missing):
        return None
    if not any(container.of_kind(kind) for kind in KINDS):
        return None
    reader = ByteReader(content_of(container, "NETS"), "NETS")
    channels, scope, base_step = reader.unpack(_HEAD)
    if scope > EVERYWHERE:
        raise FormatError(f"NETS: scope {scope} is unknown; expected 0 or 1")
    if not 1 <= channels <= MAX_CHANNELS or not 0 < base_step < 1e30:
        raise FormatError(f"NETS: {channels} channels of base step {base_step}; expected 1..{MAX_CHANNELS}, positive")
    table, texts = read_objects(content_of(container, "LABL"), channels, container.header.rows)
    layout, model = semantic_layout(channels, base_step), (model_number(container, "NETS"), reader.rest())
    tree = read_tree(content_of(container, "TREE"), len(table)) if container.of_kind("TREE") else None
    return SemanticFacts(layout, scope == EVERYWHERE, model, table, texts, _solidity(container, len(table)), tree)


def _solidity(container: Container, objects: int) -> bytes:
    if not container.of_kind("OPAC"):
        return b""
    numbers = content_of(container, "OPAC")
    if len(numbers) != objects or max(numbers, default=0) > MAX_SOLIDITY:
        raise FormatError(
            f"OPAC: {len(numbers)} numbers, the largest {max(numbers, default=0)}; expected one for each of {objects} "
            f"objects, at most {MAX_SOLIDITY}"
        )
    return numbers
