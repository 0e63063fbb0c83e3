"""A file of anchors, read up to the bodies of its chunks."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.format.bodies import content_of, model_number
from csgaussian_ns.format.chunks import ANCHOR_KINDS, check_chunk
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.facts import ANCHORS, representation_of
from csgaussian_ns.format.kinds import SEMANTIC_KINDS
from csgaussian_ns.format.layout import Entry
from csgaussian_ns.format.limits import BYTES_PER_SYMBOL, DecodeLimits
from csgaussian_ns.format.meta import SceneMeta, meta_of
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.networks.model import IntegerModel
from csgaussian_ns.format.networks.models import read_model
from csgaussian_ns.format.render_networks import RenderNetworks, read_render_networks
from csgaussian_ns.format.semantic_chunks import SemanticReader, open_semantics


class CodedFile(NamedTuple):
    """A file that is read up to the bodies of its chunks.

    Attributes:
        container: The whole.
        whole: Whether all chunks are wanted.
        meta, layout, model, networks: From its common sections.
        numbers: The chunks that are wanted.
        chunks: POSI, MASK and COLR of each of them.
        semantics: Reader of that layer, if there is one and it is wanted.
    """

    container: Container
    whole: bool
    meta: SceneMeta
    layout: AttributeLayout
    model: IntegerModel
    networks: RenderNetworks
    numbers: list[int]
    chunks: list[tuple[Entry, ...]]
    semantics: SemanticReader | None

    @property
    def anchors(self) -> int:
        """Of all chunks that are wanted."""
        return sum(chunk[0].info.rows for chunk in self.chunks)

    @property
    def chunk_memory(self) -> int:
        """Bytes that decoding the largest chunk takes."""
        largest = max((chunk[0].info.rows for chunk in self.chunks), default=0)
        return largest * self.layout.channels * BYTES_PER_SYMBOL

    def check(self, limits: DecodeLimits) -> None:
        """Refuse all that can be refused before memory is taken; errors as of ``decode``."""
        layout, meanings = self.layout, self.semantics
        memory = self.anchors * (layout.channels + layout.num_offsets + 6) * 4
        memory += 0 if meanings is None else meanings.memory(self.anchors)
        limits.check("max_memory_bytes", memory, "the decoded scene")
        operations = self.model.operations + self.networks.operations
        operations += 0 if meanings is None else meanings.model.operations
        limits.check("max_network_operations", self.anchors * operations, f"networks for {self.anchors} anchors")
        for chunk in self.chunks:
            check_chunk(chunk, layout, limits)
        if meanings is not None:
            meanings.check(self.numbers, limits)

    def jobs(self, arithmetic: Arithmetic) -> Iterator[tuple]:
        """Arguments of ``decode_chunk``, one chunk after the other."""
        for chunk in self.chunks:
            yield chunk, [self.container.read(entry).body for entry in chunk], self.model, self.layout, arithmetic


def open_coded(container: Container, chunks: Sequence[int] | None = None, semantics: bool = True) -> CodedFile:
    """Read all but the bodies of chunks.

    Args:
        container: Of anchors.
        chunks: Numbers of those that are wanted; all by default.
        semantics: Whether the semantic layer is wanted, where there is one.

    Raises:
        FormatError, UnsupportedVersion: As of ``format.decode.decode``.
        ConfigError: There is no such chunk.
    """
    representation = representation_of(container)
    if representation != ANCHORS:
        raise UnsupportedVersion(f"the scene is made of {representation!r}; this works on scenes of {ANCHORS} alone")
    container.refuse_others(("META", "NETE", "NETR", *ANCHOR_KINDS, *SEMANTIC_KINDS), "a scene of anchors")
    meta = meta_of(container)
    layout = meta.layout
    content = content_of(container, "NETE")
    model = read_model(model_number(container, "NETE"), content, layout, "NETE")
    networks = read_render_networks(content_of(container, "NETR"), meta.feature_dim, meta.num_offsets)
    kinds = {kind: container.chunks(kind) for kind in ANCHOR_KINDS}
    counts = {kind: len(entries) for kind, entries in kinds.items()}
    if len(set(counts.values())) > 1:
        raise FormatError(f"chunks of the kinds differ in number: {counts}; the file is damaged")
    trios = list(zip(*kinds.values(), strict=True))
    numbers = list(range(len(trios)) if chunks is None else chunks)
    for number in numbers:
        if not 0 <= number < len(trios):
            raise ConfigError(f"chunk {number} does not exist; the file has chunks 0..{len(trios) - 1}")
    wanted = [trios[number] for number in numbers]
    meanings = open_semantics(container) if semantics else None
    whole = sorted(numbers) == list(range(len(trios)))
    return CodedFile(container, whole, meta, layout, model, networks, numbers, wanted, meanings)
