"""The coded attributes of a chunk, whatever their layout and entropy model: written, bounded, checked, read alike."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Bool, Float, Int32, Int64
from csgaussian_ns.format.checks import check_known_answer, known_answer
from csgaussian_ns.format.kinds import SectionInfo
from csgaussian_ns.format.limits import BYTES_PER_SYMBOL, DecodeLimits
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.networks.model import ChannelPrior, Coding, IntegerModel
from csgaussian_ns.format.streams.coders import Coder, SymbolReader, coder_numbered, reader_of, write_symbols
from csgaussian_ns.format.streams.symbol_tables import load_tables


class CodedValues(NamedTuple):
    """Values of a chunk as a stream.

    Attributes:
        stream: Their symbols.
        values: What a decoder will get, in 1/2**16 base step.
        ideal_bits: Code length of the symbols under their tables.
        fields: What the table of contents says of it, as of ``SectionInfo``.
    """

    stream: bytes
    values: Int64[np.ndarray, "A D"]
    ideal_bits: float
    fields: dict[str, int]


def encode_values(
    model: IntegerModel,
    grid: Int32[np.ndarray, "A 3"],
    coded: Bool[np.ndarray, "A D"],
    values: Float[np.ndarray, "A D"],
    coder: Coder = Coder.RANS,
) -> CodedValues:
    """Code the attributes of a run of anchors.

    Args:
        model: The shared model.
        grid: Their voxels, in the order of the file.
        coded: Which values are coded; the others decode to 0. Anchors without any are nothing that the model sees.
        values: In base steps.
        coder: Of the symbols.

    Raises:
        QuantisationError: A value is not finite or too far from its prior to be coded.
    """
    rows, known = _described(coded), load_tables()
    writing = _Writing(coded[rows], values[rows])
    model.walk(grid[rows], writing)
    bits = sum((known.ideal_bits(*part) for part in zip(writing.symbols, writing.tables, strict=True)), 0.0)
    stream = write_symbols(coder, writing.symbols, writing.tables, known)
    fields = {"codec": int(coder), "symbols": int(np.count_nonzero(coded))}
    fields["known_answer_crc"] = known_answer(model, grid)
    return CodedValues(stream, _spread(writing, rows, coded), bits, fields)


def decode_values(
    info: SectionInfo,
    model: IntegerModel,
    grid: Int32[np.ndarray, "A 3"],
    coded: Bool[np.ndarray, "A D"],
    stream: bytes | memoryview,
    arithmetic: Arithmetic = "auto",
) -> Int64[np.ndarray, "A D"]:
    """The inverse of ``encode_values``: values in 1/2**16 base step, 0 where nothing is coded.

    Raises:
        FormatError: Damaged, or the networks do not give the known answer.
    """
    symbols = int(np.count_nonzero(coded))
    if info.symbols != symbols:
        raise FormatError(f"{info}: promises {info.symbols} symbols, its masks or labels ask for {symbols}")
    check_known_answer(info.known_answer_crc, model, grid, str(info), arithmetic)
    rows = _described(coded)
    reading = _Reading(coded[rows], reader_of(Coder(info.codec), stream, load_tables()))
    model.walk(grid[rows], reading, arithmetic)
    reading.reader.finish()
    return _spread(reading, rows, coded)


def check_values(info: SectionInfo, channels: int, limits: DecodeLimits) -> None:
    """What the table of contents alone says about a chunk of attributes, before memory is taken for it.

    Raises:
        UnsupportedVersion: It is coded in an unknown way.
        BackendUnavailable: Its coder is not installed.
        LimitExceeded: It has more values than a reader wants.
    """
    coder_numbered(info.codec, str(info))
    limits.check("max_symbols_per_chunk", info.rows * channels, str(info))
    limits.check("max_memory_bytes", info.rows * channels * BYTES_PER_SYMBOL, str(info))


def _described(coded: Bool[np.ndarray, "A D"]) -> slice | Bool[np.ndarray, " A"]:
    """The anchors of which anything is coded: models walk these alone."""
    rows = coded.any(axis=1)
    return slice(None) if rows.all() else rows


def _spread(
    coding: Coding, rows: slice | Bool[np.ndarray, " A"], coded: Bool[np.ndarray, "A D"]
) -> Int64[np.ndarray, "A D"]:
    """The values of a walk over ``rows``, zeros in all others."""
    if isinstance(rows, slice):
        return coding.finish()
    values = np.zeros(coded.shape, np.int64)
    values[rows] = coding.finish()
    return values


class _Writing(Coding):
    """Collects symbols and their tables, group by group."""

    def __init__(self, coded: Bool[np.ndarray, "A D"], real: Float[np.ndarray, "A D"]) -> None:
        super().__init__(coded)
        self._real = real
        self.symbols: list[Int32[np.ndarray, " n"]] = []
        self.tables: list[np.ndarray] = []

    def exchange(self, prior: ChannelPrior, picked: Callable[[np.ndarray], np.ndarray]) -> Int64[np.ndarray, " n"]:
        found = prior.symbols(picked(self._real))
        self.symbols.append(found.astype(np.int32))
        self.tables.append(prior.table)
        return found


class _Reading(Coding):
    """Takes the symbols of each group from a stream."""

    def __init__(self, coded: Bool[np.ndarray, "A D"], reader: SymbolReader) -> None:
        super().__init__(coded)
        self.reader = reader

    def exchange(self, prior: ChannelPrior, picked: Callable[[np.ndarray], np.ndarray]) -> Int64[np.ndarray, " n"]:
        return self.reader.take(prior.table).astype(np.int64)
