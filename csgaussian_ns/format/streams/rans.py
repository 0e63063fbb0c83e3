"""Table rANS: codes integers whose probability tables both sides know, at 0.02 % above the tables' entropy.

Asymmetric numeral systems (J. Duda, arXiv 1311.2540) in the range variant: 8 interleaved lanes, each with a 32-bit
state, 16-bit words, 14-bit probabilities. Symbol i belongs to lane i mod 8. All lanes share one sequence of words.

A lane's state x starts, for the writer, at 2^16. The writer codes the symbols from the last to the first, with f and c
the frequency and the cumulative frequency of the symbol in its table: if x >= f * 2^18, it puts out the low 16 bits of
x and shifts x right by 16; then x = (x div f) * 2^14 + c + (x mod f). The reader does the inverse from the first symbol
to the last: slot = x mod 2^14 falls into the symbol with c <= slot < c + f; x = f * (x div 2^14) + slot - c; if
x < 2^16, it takes the next word w: x = x * 2^16 + w. At the end every lane must be back at 2^16: damage shows here.

Stream, little-endian, empty when there are no symbols:

    states   8 x u32   where the reader starts, lane 0 first, each >= 2^16
    words    u16 ...   in the order the reader takes them
    escapes  u16 ...   read from the END of the stream backwards, each word from its highest bit down

Words and escapes meet without a gap: no length is stored, the reader checks that it used every word. An escape codes a
value v beyond its table's alphabet -h .. h: with e = |v| - h - 1, u = 2e for positive and 2e + 1 for negative v, it is
the Exp-Golomb code of u of the table's order k: with L = floor(log2(u + 2^k)), L - k zeros, then u + 2^k in L + 1 bits.
L <= 32. Unused bits of the last word of escapes are zero.
"""

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Int32, UInt8
from csgaussian_ns.format.streams.buffers import buffer
from csgaussian_ns.format.streams.rans_kernels import (
    BIT,
    COUNT,
    DONE,
    LANES,
    LOWEST,
    TRUNCATED,
    WORD,
    decode_words,
    encode_words,
    write_escapes,
)
from csgaussian_ns.format.streams.symbol_tables import Tables

STATE_BYTES = 4 * LANES


def encode(symbols: Int32[np.ndarray, " n"], table_ids: UInt8[np.ndarray, " n"], tables: Tables) -> bytes:
    """Code ``symbols``, any 32-bit values, each by the table that ``table_ids`` names.

    Raises:
        ValueError: The lengths differ, or a table id does not exist.
    """
    if len(symbols) != len(table_ids):
        raise ValueError(f"{len(symbols)} symbols but {len(table_ids)} table ids")
    _check_ids(table_ids, tables)
    count = len(symbols)
    if count == 0:
        return b""
    halves, zeros = -tables.minimum, tables.offsets - tables.minimum
    lanes, words = np.full(LANES, LOWEST, np.int64), np.empty(count, np.uint16)
    escaped = np.empty(count, np.int64)  # touched only where there are escapes
    values, ids = buffer(_flat(symbols)), buffer(_flat(table_ids))
    first, escapes = encode_words(
        values,
        ids,
        buffer(halves),
        buffer(zeros),
        buffer(tables.records),
        buffer(lanes),
        buffer(words),
        buffer(escaped),
    )
    side = (values, ids, buffer(halves), buffer(tables.escape_order), buffer(escaped), escapes)
    bits = write_escapes(*side, buffer(np.zeros(0, np.uint16))) if escapes else 0
    tail = np.zeros((bits + 15) // 16, np.uint16)
    if escapes:
        write_escapes(*side, buffer(tail))
    stored = np.concatenate([words[first:], tail[::-1]]).astype("<u2")
    return lanes.astype("<u4").tobytes() + stored.tobytes()


def decode(data: bytes | memoryview, table_ids: UInt8[np.ndarray, " n"], tables: Tables) -> Int32[np.ndarray, " n"]:
    """All symbols of a stream.

    Raises:
        FormatError: See ``Decoder``.
    """
    decoder = Decoder(data, tables)
    symbols = decoder.take(table_ids)
    decoder.finish()
    return symbols


class Decoder:
    """Reads one stream in consecutive parts, for models that derive the next tables from the symbols so far.

    Damage that does not break the stream's structure gives wrong symbols first and an error from ``finish``; a caller
    that skips ``finish`` has checked nothing. Work and memory are bounded by the number of table ids, not by the data.
    """

    def __init__(self, data: bytes | memoryview, tables: Tables) -> None:
        """Read the lanes' states.

        Raises:
            FormatError: The length is impossible, or a state is not one a writer can leave.
        """
        if len(data) % 2 or 0 < len(data) < STATE_BYTES:
            raise FormatError(f"rANS stream of {len(data)} bytes; expected 0, or {STATE_BYTES} plus an even number")
        self._tables = tables
        self._halves = -tables.minimum
        self._words = np.frombuffer(data, "<u2", offset=STATE_BYTES if len(data) else 0).astype(np.uint16)
        self._lanes = np.full(LANES, LOWEST, np.int64)
        if len(data):
            self._lanes[:] = np.frombuffer(data, "<u4", count=LANES)
        if self._lanes.min() < LOWEST:
            raise FormatError(f"rANS stream starts with a state of {self._lanes.min()}; expected at least {LOWEST}")
        self._empty = len(data) == 0
        self._cursor = np.zeros(3, np.int64)

    def take(self, table_ids: UInt8[np.ndarray, " n"]) -> Int32[np.ndarray, " n"]:
        """The next n symbols.

        Raises:
            FormatError: The stream ends early, or an escape is no 32-bit value.
            ValueError: A table id does not exist.
        """
        _check_ids(table_ids, self._tables)
        symbols = np.empty(len(table_ids), np.int32)
        if len(table_ids) == 0:
            return symbols
        if self._empty:
            raise FormatError(f"rANS stream is empty; expected {len(table_ids)} symbols")
        status = decode_words(
            buffer(self._words),
            buffer(self._cursor),
            buffer(self._lanes),
            buffer(_flat(table_ids)),
            buffer(self._tables.slots),
            buffer(self._tables.records),
            buffer(self._halves),
            buffer(self._tables.escape_order),
            buffer(symbols),
        )
        if status != DONE:
            what = "ends early" if status == TRUNCATED else "has an escape beyond 32 bits"
            raise FormatError(f"rANS stream {what}, within {len(table_ids)} symbols after {self._cursor[COUNT]}")
        return symbols

    def finish(self) -> None:
        """Check that the last symbol taken was the last one written, and nothing is left.

        Raises:
            FormatError: It was not, or symbols before it were damaged.
        """
        bits = int(self._cursor[BIT])
        used, stored = int(self._cursor[WORD]) + (bits + 15) // 16, len(self._words)
        if used != stored or (not self._empty and self._cursor[COUNT] == 0):
            raise FormatError(f"rANS stream has {stored} words, decoding used {used}; the data is damaged")
        if bits % 16 and int(self._words[stored - 1 - bits // 16]) & ((1 << (16 - bits % 16)) - 1):
            raise FormatError("rANS stream has stray bits behind its escapes; the data is damaged")
        if np.any(self._lanes != LOWEST):
            raise FormatError("rANS stream does not end in its final states; the data is damaged")


def _flat(array: np.ndarray) -> np.ndarray:
    """Contiguous and writable: with a read-only array numba would compile the kernels a second time."""
    return np.require(array, requirements=["C", "W"])


def _check_ids(table_ids: UInt8[np.ndarray, " n"], tables: Tables) -> None:
    if len(table_ids) and int(table_ids.max()) >= tables.count:
        raise ValueError(f"table id {int(table_ids.max())}; expected less than {tables.count}")
