"""The semantic chunks of a file (SEMA): features and labels of anchors, written and read side by side."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float, Int32, Int64
from csgaussian_ns.format.attribute_streams import check_values, decode_values, encode_values
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.bodies import packed_section
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.checks import values_crc
from csgaussian_ns.format.chunk_threads import in_order, threads_for
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.kinds import Run, SectionInfo, compare_crc, info_of
from csgaussian_ns.format.layout import Entry, Section
from csgaussian_ns.format.limits import BYTES_PER_SYMBOL, DecodeLimits
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.format.networks.hyperprior import pack_blocks, read_hyperprior, write_hyperprior
from csgaussian_ns.format.networks.model import IntegerModel
from csgaussian_ns.format.networks.models import read_model
from csgaussian_ns.format.objects import BYTES_PER_NUMBER, ObjectSums, same_table
from csgaussian_ns.format.semantics import SemanticFacts, nets_head, read_semantic_facts
from csgaussian_ns.format.streams.coders import Coder
from csgaussian_ns.format.streams.labels import decode_labels, encode_labels


def write_nets(model: IntegerModel, everywhere: bool) -> Section:
    """NETS: its head, then the entropy model.

    Number 0 is a hyperprior alone, as version 1.0 knows it; n + 1 is entropy model n with all its bytes.
    """
    head = nets_head(model.layout, everywhere)
    if isinstance(model, IntegerHyperCarm) and not model.carm:
        return packed_section("NETS", head + write_hyperprior(model.hyperprior))
    return packed_section("NETS", head + model.to_bytes(), model.NUMBER + 1)


def _read_nets(facts: SemanticFacts) -> IntegerModel:
    number, data = facts.model
    if number == 0:
        return IntegerHyperCarm(facts.layout, read_hyperprior(data, facts.layout))
    return read_model(number - 1, data, facts.layout, "NETS")


def encode_semantic_chunk(
    model: IntegerModel,
    grid: Int32[np.ndarray, "A 3"],
    values: Float[np.ndarray, "A D"],
    labels: Int32[np.ndarray, " A"],
    described: Bool[np.ndarray, " A"],
    objects: int,
    where: Run,
    coder: Coder = Coder.RANS,
) -> tuple[Section, Int64[np.ndarray, "A D"]]:
    """Code one run of anchors.

    Args:
        model: The shared model.
        grid: Voxels, in the order of the file.
        values: Features in base steps.
        labels: 0 .. ``objects``.
        described: Whose features are coded.
        objects: Of the scene.
        where: Which run it is.
        coder: Of the features.

    Returns:
        The section, and the integers that a decoder will get, in 1/2**16 base step.

    Raises:
        QuantisationError: A value is not finite or too far from its prior to be coded.
    """
    features = encode_values(model, grid, _coded(described, model.layout), values, coder)
    said = {**features.fields, "decoded_crc": _crc(features.values, labels)}
    body = pack_blocks([features.stream]) + encode_labels(labels, objects)
    return Section(info_of("SEMA", where, **said), body), features.values


@dataclass(frozen=True)
class SemanticReader:
    """The semantic sections of an open file.

    Attributes:
        facts: What its chunks share.
        model: From the facts.
        entries: SEMA chunk by chunk.
        container: The file.
    """

    facts: SemanticFacts
    model: IntegerModel
    entries: tuple[Entry, ...]
    container: Container

    def memory(self, anchors: int) -> int:
        """Bytes that the decoded layer of so many anchors takes, its objects included."""
        channels, texts = self.facts.layout.channels, self.facts.texts
        numbers = sum(len(vector) for vector in texts.embeddings if vector is not None)
        numbers += len(self.facts.table) * (9 + channels)
        return anchors * (4 * channels + 8) + numbers * BYTES_PER_NUMBER

    def chunk_memory(self, numbers: Sequence[int]) -> int:
        """Bytes that decoding the largest of some chunks takes."""
        largest = max((self.entries[number].info.rows for number in numbers), default=0)
        return largest * self.facts.layout.channels * BYTES_PER_SYMBOL

    def check(self, numbers: Sequence[int], limits: DecodeLimits) -> None:
        """What the table of contents alone says about some chunks, before memory is taken for any.

        Raises:
            FormatError: A chunk has not the anchors that its colours have.
            UnsupportedVersion: It is coded in an unknown way.
            LimitExceeded: It asks for more than ``limits`` allow.
        """
        position = self.container.of_kind("POSI")
        for number in numbers:
            info = self.entries[number].info
            if info.rows != position[number].info.rows:
                raise FormatError(f"{info}: its anchors are not those of the positions")
            check_values(info, self.facts.layout.channels, limits)

    def jobs(
        self, numbers: Sequence[int], grid: Int32[np.ndarray, "A 3"], arithmetic: Arithmetic
    ) -> Iterator[tuple[SectionInfo, bytes | memoryview, np.ndarray, Arithmetic]]:
        """Arguments of ``chunk``, one chunk after the other.

        Args:
            numbers: Which chunks.
            grid: Their decoded voxels.
            arithmetic: Of the network.
        """
        start = 0
        for number in numbers:
            entry = self.entries[number]
            rows = slice(start, start + entry.info.rows)
            yield entry.info, self.container.read(entry).body, grid[rows], arithmetic
            start = rows.stop

    def chunk(
        self,
        info: SectionInfo,
        body: bytes | memoryview,
        grid: Int32[np.ndarray, "A 3"],
        arithmetic: Arithmetic = "auto",
    ) -> tuple[Int64[np.ndarray, "A D"], Int32[np.ndarray, " A"]]:
        """Features in 1/2**16 base step and labels of one chunk, whose voxels are decoded.

        Raises:
            FormatError: Damaged.
        """
        reader = ByteReader(body, str(info))
        stream = reader.block()
        labels = decode_labels(reader.rest(), len(grid), len(self.facts.table))
        coded = _coded((labels > 0) | self.facts.everywhere, self.facts.layout)
        values = decode_values(info, self.model, grid, coded, stream, arithmetic)
        compare_crc(info.decoded_crc, _crc(values, labels), str(info))
        return values, labels


class SemanticRows:
    """The layer of a scene, filled chunk by chunk so that integers are kept for chunks in work alone.

    Args:
        reader: What the chunks share.
        grid: Voxels of all anchors, in the order of the chunks.
    """

    def __init__(self, reader: SemanticReader, grid: Int32[np.ndarray, "A 3"]) -> None:
        self._reader, self._grid, self._filled = reader, grid, 0
        channels = reader.facts.layout.channels
        self._feature, self._label = np.empty((len(grid), channels), np.float32), np.empty(len(grid), np.int64)
        self._sums = ObjectSums(len(reader.facts.table), channels)

    def fill(self, numbers: Sequence[int], limits: DecodeLimits, arithmetic: Arithmetic, threads: int | None) -> None:
        """Decode the chunks with these numbers, on ``threads`` threads at most; errors as of the reader."""
        reader = self._reader
        count = threads_for(len(numbers), reader.chunk_memory(numbers), limits.max_memory_bytes, threads)
        for chunk in in_order(reader.chunk, reader.jobs(numbers, self._grid, arithmetic), count):
            self._put(chunk)

    def _put(self, chunk: tuple[Int64[np.ndarray, "n D"], Int32[np.ndarray, " n"]]) -> None:
        """Add what ``SemanticReader.chunk`` returned."""
        values, labels = chunk
        rows = slice(self._filled, self._filled + len(labels))
        self._feature[rows] = self._reader.facts.layout.real_values(values)
        self._label[rows] = labels
        self._sums.add(labels, self._grid[rows], values)
        self._filled = rows.stop

    def layer(self, voxel_size: float, whole: bool) -> SemanticLayer:
        """Everything, once all chunks are there, in units of the scene.

        Args:
            voxel_size: Edge of a voxel.
            whole: Whether these are all chunks of the file; then the table of objects is compared with them.

        Raises:
            FormatError: It differs.
        """
        facts = self._reader.facts
        if whole and not same_table(facts.table, self._sums.table()):
            raise FormatError(
                "LABL: its objects are not those that the labels of the anchors give; the file is damaged"
            )
        return SemanticLayer(self._feature, self._label, facts.objects(voxel_size), facts.texts.encoder, facts.tree)


def open_semantics(container: Container) -> SemanticReader | None:
    """A reader of the semantic layer; ``None`` where the file has none or was cut in it.

    Raises:
        FormatError: The layer is there but damaged or incomplete.
    """
    facts = read_semantic_facts(container)
    if facts is None:
        return None
    entries, position = container.chunks("SEMA"), container.chunks("POSI")
    if len(entries) != len(position):
        raise FormatError(f"SEMA: {len(entries)} chunks, the positions have {len(position)}")
    return SemanticReader(facts, _read_nets(facts), entries, container)


def _coded(described: Bool[np.ndarray, " A"], layout: ChannelLayout) -> Bool[np.ndarray, "A D"]:
    return np.broadcast_to(described[:, None], (len(described), layout.channels))


def _crc(values: Int64[np.ndarray, "A D"], labels: Int32[np.ndarray, " A"]) -> int:
    """CRC-32 of the decoded features as of colours, then of the labels as little-endian int32."""
    return zlib.crc32(labels.astype("<i4").tobytes(), values_crc(values))
