"""From the sections NETS, LABL and SEMA to a semantic layer. The input is not trusted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int, Int32, Int64
from torch import Tensor

from csgaussian_ns.codec.checks import check_codec, check_known_answer, compare_crc
from csgaussian_ns.codec.encode_semantics import EVERYWHERE, NETS_HEAD, semantic_crc
from csgaussian_ns.codec.hyperprior import read_hyperprior
from csgaussian_ns.codec.sections import content_of
from csgaussian_ns.codec.semantic_features import decode_features
from csgaussian_ns.codec.threads import run_in_order, threads_for
from csgaussian_ns.core.byte_reader import ByteReader
from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.entropy.base import ChannelLayout
from csgaussian_ns.entropy.integer_prior import IntegerHyperprior, real_values
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.kinds import SectionInfo
from csgaussian_ns.format.layout import Entry
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.format.object_bytes import read_objects
from csgaussian_ns.format.objects import (
    BYTES_PER_NUMBER,
    ObjectSums,
    ObjectTable,
    ObjectTexts,
    same_table,
    scene_objects,
)
from csgaussian_ns.format.streams.labels import decode_labels
from csgaussian_ns.quant.fixed_point import Arithmetic

KINDS = ("NETS", "LABL", "SEMA")
MAX_CHANNELS = 64
BYTES_PER_SYMBOL = 64
"""As for colour (``decode``)."""


@dataclass(frozen=True)
class SemanticReader:
    """The semantic sections of an open file.

    Attributes:
        hyperprior: From NETS.
        table, texts: From LABL.
        everywhere: Anchors without an object have a feature, too.
        entries: SEMA chunk by chunk.
        container: The file.
    """

    hyperprior: IntegerHyperprior
    table: ObjectTable
    texts: ObjectTexts
    everywhere: bool
    entries: tuple[Entry, ...]
    container: Container

    def objects(self, voxel_size: float, embeddings: bool = True) -> tuple[SceneObject, ...]:
        """The objects of the whole scene, without decoding any anchor; on request without their embeddings."""
        return scene_objects(self.table, self.texts, voxel_size, self.hyperprior.layout.base_steps[0], embeddings)

    def memory(self, anchors: int) -> int:
        """Bytes that the decoded layer of so many anchors takes, its objects included."""
        channels = self.hyperprior.layout.channels
        numbers = sum(len(vector) for vector in self.texts.embeddings if vector is not None)
        numbers += len(self.table) * (9 + channels)
        return anchors * (4 * channels + 8) + numbers * BYTES_PER_NUMBER

    def chunk_memory(self, numbers: Sequence[int]) -> int:
        """Bytes that decoding the largest of some chunks takes."""
        largest = max((self.entries[number].info.anchors for number in numbers), default=0)
        return largest * self.hyperprior.layout.channels * BYTES_PER_SYMBOL

    def jobs(
        self, numbers: Sequence[int], grid: Int[Tensor, "A 3"], limits: DecodeLimits, arithmetic: Arithmetic
    ) -> Iterator[tuple[SectionInfo, bytes | memoryview, Tensor, Arithmetic]]:
        """Arguments of ``chunk``, one chunk after the other, within the limits.

        Args:
            numbers: Which chunks.
            grid: Their decoded voxels.
            limits: What to refuse.
            arithmetic: Of the network.

        Raises:
            FormatError: A chunk has not the anchors that its positions have.
            UnsupportedVersion: It is coded in an unknown way.
            LimitExceeded: It asks for more than ``limits`` allow.
        """
        start, colour = 0, self.container.of_kind("COLR")
        for number in numbers:
            entry = self.entries[number]
            check_codec(entry.info)
            symbols = entry.info.anchors * self.hyperprior.layout.channels
            if entry.info.anchors != colour[number].info.anchors:
                raise FormatError(f"{entry.info}: its anchors are not those of the colours")
            limits.check("max_symbols_per_chunk", symbols, str(entry.info))
            limits.check("max_memory_bytes", symbols * BYTES_PER_SYMBOL, str(entry.info))
            rows = slice(start, start + entry.info.anchors)
            yield entry.info, self.container.read(entry).body, grid[rows], arithmetic
            start = rows.stop

    def chunk(
        self, info: SectionInfo, body: bytes | memoryview, grid: Int[Tensor, "A 3"], arithmetic: Arithmetic
    ) -> tuple[Int64[Tensor, "A D"], Int32[np.ndarray, " A"]]:
        """Features in 1/2**16 base step and labels of one chunk, whose voxels are decoded.

        Raises:
            FormatError: Damaged.
        """
        check_known_answer(info.known_answer_crc, self.hyperprior, grid, str(info), arithmetic)
        reader = ByteReader(body, str(info))
        features = reader.block()
        labels = decode_labels(reader.rest(), len(grid), len(self.table))
        coded = torch.from_numpy((labels > 0) | self.everywhere)
        values = torch.zeros(len(grid), self.hyperprior.layout.channels, dtype=torch.int64)
        symbols = int(coded.sum()) * values.shape[1]
        if info.symbols != symbols:
            raise FormatError(f"{info}: promises {info.symbols} symbols, its labels ask for {symbols}")
        values[coded] = decode_features(self.hyperprior, grid[coded], features, arithmetic)
        compare_crc(info.decoded_crc, semantic_crc(values, labels), str(info))
        return values, labels


class SemanticRows:
    """The layer of a scene, filled chunk by chunk so that integers are kept for chunks in work alone.

    Args:
        reader: What the chunks share.
        grid: Voxels of all anchors, in the order of the chunks.
    """

    def __init__(self, reader: SemanticReader, grid: Int[Tensor, "A 3"]) -> None:
        self._reader, self._grid, self._filled = reader, grid, 0
        self._feature = torch.empty(len(grid), reader.hyperprior.layout.channels)
        self._label = torch.empty(len(grid), dtype=torch.int64)
        self._sums = ObjectSums(len(reader.table), reader.hyperprior.layout.channels)

    def fill(self, numbers: Sequence[int], limits: DecodeLimits, arithmetic: Arithmetic, threads: int | None) -> None:
        """Decode the chunks with these numbers, on ``threads`` threads at most; errors as of the reader."""
        reader = self._reader
        count = threads_for(len(numbers), reader.chunk_memory(numbers), limits.max_memory_bytes, threads)
        run_in_order(reader.chunk, reader.jobs(numbers, self._grid, limits, arithmetic), count, self._put)

    def _put(self, chunk: tuple[Int64[Tensor, "n D"], Int32[np.ndarray, " n"]]) -> None:
        """Add what ``SemanticReader.chunk`` returned."""
        values, labels = chunk
        rows = slice(self._filled, self._filled + len(labels))
        self._feature[rows] = real_values(values, self._reader.hyperprior.layout)
        self._label[rows] = torch.from_numpy(labels)
        self._sums.add(labels, self._grid[rows].numpy(), values.numpy())
        self._filled = rows.stop

    def layer(self, voxel_size: float, whole: bool) -> SemanticLayer:
        """Everything, once all chunks are there, in units of the scene.

        Args:
            voxel_size: Edge of a voxel.
            whole: Whether these are all chunks of the file; then the table of objects is compared with them.

        Raises:
            FormatError: It differs.
        """
        if whole and not same_table(self._reader.table, self._sums.table()):
            raise FormatError(
                "LABL: its objects are not those that the labels of the anchors give; the file is damaged"
            )
        objects = self._reader.objects(voxel_size)
        return SemanticLayer(self._feature, self._label, objects, self._reader.texts.encoder)


def open_semantics(container: Container) -> SemanticReader | None:
    """Read what the chunks of the semantic layer share; ``None`` where the file has no semantics or was cut in them.

    Raises:
        FormatError: The layer is there but damaged or incomplete.
    """
    if any(entry.info.kind in KINDS for entry in container.missing):
        return None
    if not any(container.of_kind(kind) for kind in KINDS):
        return None
    reader = ByteReader(content_of(container, "NETS"), "NETS")
    channels, scope, base_step = reader.unpack(NETS_HEAD)
    if scope > EVERYWHERE:
        raise FormatError(f"NETS: scope {scope} is unknown; expected 0 or 1")
    if not 1 <= channels <= MAX_CHANNELS or not 0 < base_step < 1e30:
        raise FormatError(f"NETS: {channels} channels of base step {base_step}; expected 1..{MAX_CHANNELS}, positive")
    hyperprior = read_hyperprior(reader.rest(), ChannelLayout((channels,), (base_step,)))
    table, texts = read_objects(content_of(container, "LABL"), channels, container.header.anchors)
    entries, colour = container.chunks("SEMA"), container.chunks("COLR")
    if len(entries) != len(colour):
        raise FormatError(f"SEMA: {len(entries)} chunks, the colours have {len(colour)}")
    return SemanticReader(hyperprior, table, texts, scope == EVERYWHERE, entries, container)
