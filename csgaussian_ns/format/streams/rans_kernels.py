"""The loops of ``streams.rans``, compiled where numba is installed and interpreted where not. Layout: see there.

A state x of a lane stays in [2^16, 2^32) between symbols. Indices are safe by construction: a table id is checked by
the caller, a slot by its mask, an entry comes from the tables; reads of the stream are checked here.
"""

from typing import Any, no_type_check

from csgaussian_ns.core.jit import kernel
from csgaussian_ns.format.streams.symbol_tables import ESCAPE, PRECISION

LANES = 8
LOWEST = 1 << 16

# Places in a decoder's cursor, int64[3].
WORD, BIT, COUNT = 0, 1, 2

# What a kernel returns.
DONE, TRUNCATED, BAD_ESCAPE = 0, 1, 2

_SLOT = (1 << PRECISION) - 1
_FREQUENCY = (1 << 15) - 1
_ESCAPE_VALUE = ESCAPE
_FLUSH = 32 - PRECISION


@kernel
@no_type_check
def encode_words(
    symbols: Any, ids: Any, halves: Any, zeros: Any, records: Any, lanes: Any, out: Any, escaped: Any
) -> tuple[int, int]:
    """Code all symbols, last one first, writing 16-bit words downwards from the end of ``out``.

    Args:
        symbols: int32 [n].
        ids: uint8 [n], table of each symbol.
        halves: int32 [T], largest symbol of each table.
        zeros: int32 [T], entry of symbol 0 of each table.
        records: int64 [E], see ``Tables.records``.
        lanes: int64 [8], the initial states; on return the final ones.
        out: uint16 [at least n].
        escaped: int64 [at least n], filled with the places of the escapes, last first.

    Returns:
        First word in use, and how many escapes there are.
    """
    at, escapes, lane = len(out), 0, len(symbols) % LANES
    for back in range(len(symbols)):
        i = len(symbols) - 1 - back
        lane = lane - 1 if lane > 0 else LANES - 1
        table, symbol = ids[i], symbols[i]
        half = halves[table]
        if symbol < -half or symbol > half:
            symbol = half + 1
            escaped[escapes] = i
            escapes += 1
        record = records[zeros[table] + symbol]
        frequency = record & _FREQUENCY
        x = lanes[lane]
        if x >> _FLUSH >= frequency:
            at -= 1
            out[at] = x & 0xFFFF
            x >>= 16
        quotient = int(x / frequency)  # exact: a float64 quotient of 32 by 15 bits never rounds up to an integer
        lanes[lane] = (quotient << PRECISION) + x - quotient * frequency + ((record >> 15) & _SLOT)
    return at, escapes


@kernel
@no_type_check
def write_escapes(symbols: Any, ids: Any, halves: Any, orders: Any, escaped: Any, count: int, out: Any) -> int:
    """Write the values beyond their alphabets as Exp-Golomb codes into 16-bit words; ``out`` empty: only count.

    Args:
        symbols: int32 [n].
        ids: uint8 [n].
        halves: int32 [T].
        orders: uint8 [T].
        escaped: int64, places of the escapes, last first.
        count: How many there are.
        out: uint16, zeros; word 0 is the last one of the stream.

    Returns:
        Bits written.
    """
    at = 0
    for e in range(count):
        i = escaped[count - 1 - e]
        symbol, half, order = symbols[i], halves[ids[i]], orders[ids[i]]
        # -symbol would overflow: compiled, it stays a 32-bit integer
        excess = 2 * (symbol - half - 1) if symbol > 0 else 2 * (-1 - symbol - half) + 1
        number = excess + (1 << order)
        length = 0
        while number >> length > 1:
            length += 1
        at += length - order  # that many zeros
        for place in range(length, -1, -1):
            if len(out) > 0:
                out[at >> 4] |= ((number >> place) & 1) << (15 - (at & 15))
            at += 1
    return at


@kernel
@no_type_check
def _read_escape(words: Any, cursor: Any, half: int, order: int) -> int:
    """Value of the next escape; 2^40 when the stream ends inside it, 2^41 when it is no 32-bit value."""
    at, end, length = cursor[BIT], 16 * len(words), order
    while at < end and (words[len(words) - 1 - (at >> 4)] >> (15 - (at & 15))) & 1 == 0:
        at += 1
        length += 1
        if length > 32:
            return 1 << 41
    if at + length + 1 > end:
        return 1 << 40
    number = 0
    for _ in range(length + 1):
        number = 2 * number + ((words[len(words) - 1 - (at >> 4)] >> (15 - (at & 15))) & 1)
        at += 1
    cursor[BIT] = at
    excess = number - (1 << order)
    value = (excess >> 1) + half + 1
    if excess & 1:
        value = -value
    return value if -(1 << 31) <= value < 1 << 31 else 1 << 41


@kernel
@no_type_check
def decode_words(
    words: Any, cursor: Any, lanes: Any, ids: Any, slots: Any, records: Any, halves: Any, orders: Any, out: Any
) -> int:
    """Decode the next ``len(ids)`` symbols.

    Args:
        words: uint16 [W], the whole stream after the lanes' states.
        cursor: int64 [3], where the decoder stands; moved on.
        lanes: int64 [8], their states; moved on.
        ids: uint8 [n], below T.
        slots: uint16 [T * 2^14], see ``Tables.slots``.
        records: int64 [E].
        halves: int32 [T].
        orders: uint8 [T].
        out: int32 [n], filled.

    Returns:
        DONE, TRUNCATED or BAD_ESCAPE.
    """
    at, lane = cursor[WORD], cursor[COUNT] % LANES
    for i in range(len(ids)):
        table, x = ids[i], lanes[lane]
        slot = x & _SLOT
        record = records[slots[(table << PRECISION) + slot]]
        x = (record & _FREQUENCY) * (x >> PRECISION) + slot - ((record >> 15) & _SLOT)
        if x < LOWEST:
            if at >= len(words):
                return TRUNCATED
            x = (x << 16) | words[at]
            at += 1
        lanes[lane] = x
        lane = lane + 1 if lane < LANES - 1 else 0
        symbol = record >> 32
        if symbol == _ESCAPE_VALUE:
            symbol = _read_escape(words, cursor, halves[table], orders[table])
            if symbol >= 1 << 40:
                return TRUNCATED if symbol == 1 << 40 else BAD_ESCAPE
        out[i] = symbol
    cursor[WORD] = at
    cursor[COUNT] += len(ids)
    return DONE
