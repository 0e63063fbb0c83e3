"""The semantic chunks of a file (SEMA): features and labels of anchors, written and read side by side."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int32, Int64

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.checks import (
    check_codec,
    check_known_answer,
    check_symbols,
    compare_crc,
    known_answer,
    values_crc,
)
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.kinds import SectionInfo, info_of
from csgaussian_ns.format.layout import Entry, Section
from csgaussian_ns.format.limits import BYTES_PER_SYMBOL, DecodeLimits
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.networks.hyperprior import ChannelPrior, IntegerHyperprior, pack_blocks, read_hyperprior
from csgaussian_ns.format.objects import BYTES_PER_NUMBER, ObjectSums, same_table
from csgaussian_ns.format.semantics import SemanticFacts, read_facts
from csgaussian_ns.format.streams import rans
from csgaussian_ns.format.streams.labels import decode_labels, encode_labels
from csgaussian_ns.format.streams.symbol_tables import load_tables
from csgaussian_ns.format.threads import run_in_order, threads_for


def encode_semantic_chunk(
    hyperprior: IntegerHyperprior,
    grid: Int32[np.ndarray, "A 3"],
    values: Float[np.ndarray, "A D"],
    labels: Int32[np.ndarray, " A"],
    coded: Bool[np.ndarray, " A"],
    objects: int,
    where: dict[str, int],
) -> tuple[Section, Int64[np.ndarray, "A D"]]:
    """Code one run of anchors.

    Args:
        hyperprior: The shared model.
        grid: Voxels, in the order of the file.
        values: Features in base steps.
        labels: 0 .. ``objects``.
        coded: Whose features are coded.
        objects: Of the scene.
        where: Fields of ``SectionInfo`` that tell which run it is.

    Returns:
        The section, and the integers that a decoder will get, in 1/2**16 base step.

    Raises:
        QuantisationError: A value is not finite or too far from its prior to be coded.
    """
    stream, known = encode_features(hyperprior, grid[coded], values[coded])
    decoded = np.zeros((len(grid), known.shape[1]), np.int64)
    decoded[coded] = known
    checks = {"decoded_crc": _crc(decoded, labels), "known_answer_crc": known_answer(hyperprior, grid)}
    body = pack_blocks([stream]) + encode_labels(labels, objects)
    return Section(info_of("SEMA", symbols=known.size, **checks, **where), body), decoded


def encode_features(
    hyperprior: IntegerHyperprior, grid: Int32[np.ndarray, "A 3"], values: Float[np.ndarray, "A D"]
) -> tuple[bytes, Int64[np.ndarray, "A D"]]:
    """The feature stream of some anchors, anchor by anchor, and the integers that a decoder will get.

    Arguments and errors as of ``encode_semantic_chunk``.
    """
    prior = _prior(hyperprior, grid, "auto")
    symbols = prior.symbols(values)
    return rans.encode(symbols.ravel().astype(np.int32), prior.table.ravel(), load_tables()), prior.values(symbols)


@dataclass(frozen=True)
class SemanticReader:
    """The semantic sections of an open file.

    Attributes:
        facts: What its chunks share.
        hyperprior: From the facts.
        entries: SEMA chunk by chunk.
        container: The file.
    """

    facts: SemanticFacts
    hyperprior: IntegerHyperprior
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
        largest = max((self.entries[number].info.anchors for number in numbers), default=0)
        return largest * self.facts.layout.channels * BYTES_PER_SYMBOL

    def check(self, numbers: Sequence[int], limits: DecodeLimits) -> None:
        """What the table of contents alone says about some chunks, before memory is taken for any.

        Raises:
            FormatError: A chunk has not the anchors that its colours have.
            UnsupportedVersion: It is coded in an unknown way.
            LimitExceeded: It asks for more than ``limits`` allow.
        """
        colour = self.container.of_kind("COLR")
        for number in numbers:
            info = self.entries[number].info
            check_codec(info)
            if info.anchors != colour[number].info.anchors:
                raise FormatError(f"{info}: its anchors are not those of the colours")
            check_symbols(info, self.facts.layout.channels, limits)

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
            rows = slice(start, start + entry.info.anchors)
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
        check_known_answer(info.known_answer_crc, self.hyperprior, grid, str(info), arithmetic)
        reader = ByteReader(body, str(info))
        features = reader.block()
        labels = decode_labels(reader.rest(), len(grid), len(self.facts.table))
        coded = (labels > 0) | self.facts.everywhere
        values = np.zeros((len(grid), self.facts.layout.channels), np.int64)
        symbols = int(coded.sum()) * values.shape[1]
        if info.symbols != symbols:
            raise FormatError(f"{info}: promises {info.symbols} symbols, its labels ask for {symbols}")
        prior = _prior(self.hyperprior, grid[coded], arithmetic)
        found = rans.decode(features, prior.table.ravel(), load_tables()).astype(np.int64)
        values[coded] = prior.values(found.reshape(prior.mean.shape))
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
        run_in_order(reader.chunk, reader.jobs(numbers, self._grid, arithmetic), count, self._put)

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
        return SemanticLayer(self._feature, self._label, facts.objects(voxel_size), facts.texts.encoder)


def open_semantics(container: Container) -> SemanticReader | None:
    """A reader of the semantic layer; ``None`` where the file has none or was cut in it.

    Raises:
        FormatError: The layer is there but damaged or incomplete.
    """
    facts = read_facts(container)
    if facts is None:
        return None
    entries, colour = container.chunks("SEMA"), container.chunks("COLR")
    if len(entries) != len(colour):
        raise FormatError(f"SEMA: {len(entries)} chunks, the colours have {len(colour)}")
    return SemanticReader(facts, read_hyperprior(facts.hyperprior, facts.layout), entries, container)


def _prior(hyperprior: IntegerHyperprior, grid: Int[np.ndarray, "A 3"], arithmetic: Arithmetic) -> ChannelPrior:
    return hyperprior.prior(grid, arithmetic).channels(slice(0, hyperprior.layout.channels), 0)


def _crc(values: Int64[np.ndarray, "A D"], labels: Int32[np.ndarray, " A"]) -> int:
    """CRC-32 of the decoded features as of colours, then of the labels as little-endian int32."""
    return zlib.crc32(labels.astype("<i4").tobytes(), values_crc(values))
