"""Coder id 1: the same symbols and tables as ``streams.rans``, through torchac. Optional, for cross-checks.

torchac is GPL-3.0, compiles C++ at its first import and needs ninja at every one, so nothing here depends on it:
install the extra ``csgaussian-ns[torchac]``. It wants one row of cumulative probabilities per symbol and reports no
damage at all, so symbols go table by table, in blocks of bounded memory, and a damaged stream shows only in a section's
checksum.

Stream, little-endian: u32 number of escapes and their values as i32, in the order of the symbols; then for each table
that occurs, by rising id, for each block of 2^22 // (entries + 1) of its symbols in their order: u32 length, bytes.
torchac cannot stop in the middle of its data, so a body of several parts has u32 length and such a stream for each.

This module is a ``streams.coders.SymbolCoder``; importing it loads neither torchac nor torch.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from csgaussian_ns.core.errors import BackendUnavailable, FormatError
from csgaussian_ns.core.shapes import Int32, UInt8
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.streams.symbol_tables import PRECISION, Tables

BLOCK_ENTRIES = 1 << 22  # of cumulative probabilities, 8 MB


def load() -> tuple[Any, Any]:
    """The modules torchac and torch.

    Raises:
        BackendUnavailable: torchac is not installed, or cannot be compiled here.
    """
    try:
        import torch
        import torchac
    except (ImportError, RuntimeError, OSError) as error:
        raise BackendUnavailable(
            f"torchac cannot be loaded ({error}). It needs pip install 'csgaussian-ns[torchac]', a C++ compiler and "
            "ninja in PATH; files of coder 0 need none of them"
        ) from error
    return torchac, torch


def encode(symbols: Int32[np.ndarray, " n"], table_ids: UInt8[np.ndarray, " n"], tables: Tables) -> bytes:
    """Code ``symbols``, any 32-bit values, each by the table that ``table_ids`` names.

    Raises:
        BackendUnavailable: See ``load``.
    """
    torchac, torch = load()
    half = -tables.minimum[table_ids].astype(np.int64)
    escaped = np.abs(symbols.astype(np.int64)) > half
    entries = np.where(escaped, 2 * half + 1, symbols + half).astype(np.int16)
    parts = [struct.pack("<I", int(escaped.sum())), symbols[escaped].astype("<i4").tobytes()]
    for table, places in _blocks(table_ids, tables):
        rows = torch.from_numpy(_cumulative(tables, table)).repeat(len(places), 1)
        coded = torchac.encode_int16_normalized_cdf(rows, torch.from_numpy(entries[places]))
        parts += [struct.pack("<I", len(coded)), coded]
    return b"".join(parts)


def decode(data: bytes | memoryview, table_ids: UInt8[np.ndarray, " n"], tables: Tables) -> Int32[np.ndarray, " n"]:
    """All symbols of a stream. It cannot be read in parts.

    Raises:
        BackendUnavailable: See ``load``.
        FormatError: The lengths in the stream do not fit. Other damage goes unnoticed.
    """
    torchac, torch = load()
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        if size > len(data) - at:
            raise FormatError(f"torchac stream ends at byte {len(data)}; expected {size} bytes from byte {at}")
        at += size
        return bytes(data[at - size : at])

    (escapes,) = struct.unpack("<I", take(4))
    values = np.frombuffer(take(4 * escapes), "<i4")
    entries = np.zeros(len(table_ids), np.int32)
    for table, places in _blocks(table_ids, tables):
        (size,) = struct.unpack("<I", take(4))
        rows = torch.from_numpy(_cumulative(tables, table)).repeat(len(places), 1)
        entries[places] = torchac.decode_int16_normalized_cdf(rows, take(size)).numpy()
    escaped = entries == tables.sizes[table_ids] - 1
    if at != len(data) or int(escaped.sum()) != escapes:
        raise FormatError(
            f"torchac stream: {len(data) - at} bytes left, {int(escaped.sum())} of {escapes} escapes used"
        )
    symbols = entries + tables.minimum[table_ids]
    symbols[escaped] = values
    return symbols


def encode_parts(
    symbols: Sequence[Int32[np.ndarray, " _"]], table_ids: Sequence[UInt8[np.ndarray, " _"]], tables: Tables
) -> bytes:
    """The body of several parts, for ``part_reader``."""
    parts = [encode(*part, tables) for part in zip(symbols, table_ids, strict=True)]
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def part_reader(data: bytes | memoryview, tables: Tables) -> "PartReader":
    """As of ``SymbolCoder``."""
    return PartReader(data, tables)


class PartReader:
    """Reads a body part by part: a ``SymbolReader``."""

    def __init__(self, data: bytes | memoryview, tables: Tables) -> None:
        """Begin at the first part."""
        self._reader, self._tables = ByteReader(data, "torchac body"), tables

    def take(self, table_ids: UInt8[np.ndarray, " n"]) -> Int32[np.ndarray, " n"]:
        """The next part; errors as of ``decode``."""
        return decode(self._reader.block(), table_ids, self._tables)

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            FormatError: Something is.
        """
        self._reader.end()


def _cumulative(tables: Tables, table: int) -> np.ndarray:
    """The table with 16-bit probabilities as torchac wants it: int16 with the bits of a u16, the last 2^16 as 0."""
    start, size = int(tables.offsets[table]), int(tables.sizes[table])
    cumulative = tables.cumulative[start : start + size] << (16 - PRECISION)
    return np.append(cumulative, 0).astype(np.uint16).view(np.int16)


def _blocks(table_ids: UInt8[np.ndarray, " n"], tables: Tables) -> Iterator[tuple[int, np.ndarray]]:
    """Table and places of the symbols of each block."""
    order = np.argsort(table_ids, kind="stable")
    used, starts = np.unique(table_ids[order], return_index=True)
    for table, places in zip(used.tolist(), np.split(order, starts[1:]), strict=False):
        step = BLOCK_ENTRIES // (int(tables.sizes[table]) + 1)
        for first in range(0, len(places), step):
            yield table, places[first : first + step]
