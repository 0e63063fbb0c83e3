"""Adaptive binary arithmetic coding in integers: the coder, and contexts that adapt (``streams.mixing`` mixes them).

Used for data whose statistics are learnt while coding: masks, positions, labels, lattices. Knows no data type.
Everything is a kernel on flat buffers (``streams.buffers.buffer``). A caller loops over its bits with one function for
both directions, so that writer and reader cannot differ:

    p = probability(cells, index)             # 16-bit probability of a one
    bit = code_bit(state, stream, bit, p)     # writes the bit it is given, or returns the one it reads
    adapt(cells, index, bit, limit)
    if overrun(state, stream): return         # now and then; end_reading tells

``write`` and ``read`` call such a loop.

Coder. The interval [low, high] of 32-bit integers starts full and is split at
``middle = low + ((high - low) * p >> 16)``, 1 <= p <= 65535; a one keeps [low, middle], a zero [middle + 1, high].
While the leading bytes of low and high agree, that byte is written (so the stream is big-endian), both move up by 8
bits, low fills with zeros and high with ones. The end is one byte, ``(low >> 24) + 1``. A reader holds 4 bytes, reads
zeros past the end, and checks afterwards that exactly 3 such zeros were used and that its 4 bytes are that last byte
and the zeros. There is no carry; intervals that straddle a byte border for long cost less than 0.01 %.

Contexts. One int32 cell per context: 20-bit probability of a one above a 10-bit count n. After a bit the probability
moves towards 0 or 2^20 - 1 by the fraction ``(131072 // (2n + 3)) / 65536``, n grows up to a limit.
"""

from collections.abc import Callable
from typing import Any, no_type_check

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.jit import inlined_kernel
from csgaussian_ns.format.streams.buffers import constants

ALL_ONES = (1 << 32) - 1

# Places in the coder's state, int64[5].
LOW, HIGH, CODE, POSITION, READING = 0, 1, 2, 3, 4

# Places in a cell.
COUNT_BITS = 10
MAX_COUNT = (1 << COUNT_BITS) - 1
CELL_ONE = (1 << 20) - 1
NEW_CELL = (1 << 19) << COUNT_BITS


RATES = constants(131072 // (2 * n + 3) for n in range(MAX_COUNT + 1))

Buffer = Any
"""What ``streams.buffers.buffer`` returns."""


@inlined_kernel
@no_type_check
def put_bit(state: Buffer, out: Buffer, bit: int, p: int) -> None:
    """Write ``bit`` whose probability of being one is p / 65536, 1 <= p <= 65535.

    Bytes beyond the end of ``out`` are dropped but counted in ``state[POSITION]``: a caller that finds more bytes than
    it gave room for starts again with a larger buffer.
    """
    low, high = state[LOW], state[HIGH]
    middle = low + ((high - low) * p >> 16)
    if bit:
        high = middle
    else:
        low = middle + 1
    while (low ^ high) >> 24 == 0:
        if state[POSITION] < len(out):
            out[state[POSITION]] = high >> 24
        state[POSITION] += 1
        low = (low << 8) & ALL_ONES
        high = ((high << 8) & ALL_ONES) | 255
    state[LOW] = low
    state[HIGH] = high


@inlined_kernel
@no_type_check
def get_bit(state: Buffer, data: Buffer, p: int) -> int:
    """Read the bit that was written with the same ``p``. Past the end of ``data`` it reads zeros."""
    low, high, code = state[LOW], state[HIGH], state[CODE]
    middle = low + ((high - low) * p >> 16)
    bit = 1 if code <= middle else 0
    if bit:
        high = middle
    else:
        low = middle + 1
    while (low ^ high) >> 24 == 0:
        low = (low << 8) & ALL_ONES
        high = ((high << 8) & ALL_ONES) | 255
        code = (code << 8) & ALL_ONES
        if state[POSITION] < len(data):
            code |= data[state[POSITION]]
        state[POSITION] += 1
    state[LOW] = low
    state[HIGH] = high
    state[CODE] = code
    return bit


@inlined_kernel
@no_type_check
def code_bit(state: Buffer, stream: Buffer, bit: int, p: int) -> int:
    """Write ``bit``, or read and return it, whichever the state was started for."""
    if state[READING]:
        return get_bit(state, stream, p)
    put_bit(state, stream, bit, p)
    return bit


@inlined_kernel
@no_type_check
def overrun(state: Buffer, stream: Buffer) -> bool:
    """Whether a reader is so far beyond the end of ``stream`` that ``end_reading`` will refuse it: loops stop here.

    Else a few bytes that promise millions of values would keep it busy with zeros.
    """
    return state[READING] != 0 and state[POSITION] > len(stream) + 4


@inlined_kernel
@no_type_check
def adapt(cells: Buffer, index: int, bit: int, limit: int) -> None:
    """Move one context towards ``bit``; its count stops at ``limit`` <= 1023."""
    cell = cells[index]
    p, n = cell >> COUNT_BITS, cell & MAX_COUNT
    target = CELL_ONE if bit else 0
    p += ((target - p) * RATES[n]) >> 16
    cells[index] = (p << COUNT_BITS) | min(n + 1, limit)


@inlined_kernel
@no_type_check
def probability(cells: Buffer, index: int) -> int:
    """Probability of a one by one context alone, in 65536ths, 1 .. 65535."""
    return max(1, cells[index] >> (COUNT_BITS + 4))


def new_cells(count: int) -> np.ndarray:
    """Untouched contexts, int32 [count]."""
    return np.full(count, NEW_CELL, np.int32)


def start_writing() -> np.ndarray:
    """State of a coder that has written nothing, int64 [5]."""
    return np.array([0, ALL_ONES, 0, 0, 0], np.int64)


def start_reading(stream: np.ndarray) -> np.ndarray:
    """State of a coder about to read ``stream``, uint8 [n], n may be 0; int64 [5]."""
    head = bytes(stream[:4]).ljust(4, b"\0")
    return np.array([0, ALL_ONES, int.from_bytes(head, "big"), 4, 1], np.int64)


def stream_of(data: bytes | memoryview) -> np.ndarray:
    """The bytes as a writable array: with a read-only one numba would compile every kernel a second time."""
    return np.frombuffer(data, np.uint8).copy()


def write(run: Callable[[np.ndarray, np.ndarray], object], expected_bytes: int) -> bytes:
    """Call ``run(state, stream)``, which codes all bits, with a stream that is long enough; return what it wrote.

    Args:
        run: Codes the same bits at every call. Called a second time when the first guess was too short.
        expected_bytes: The guess.
    """
    stream = np.zeros(expected_bytes + 1, np.uint8)
    while True:
        state = start_writing()
        run(state, stream)
        length = int(state[POSITION])
        if length < len(stream):
            stream[length] = (int(state[LOW]) >> 24) + 1
            return stream[: length + 1].tobytes()
        stream = np.zeros(length + 1, np.uint8)


def read(run: Callable[[np.ndarray, np.ndarray], object], data: bytes | memoryview, what: str) -> None:
    """Call ``run(state, stream)``, which reads all bits.

    Args:
        run: Reads what ``write`` was given.
        data: The stream.
        what: Its name for the message.

    Raises:
        FormatError: See ``end_reading``.
    """
    stream = stream_of(data)
    state = start_reading(stream)
    run(state, stream)
    end_reading(state, stream, what)


def end_reading(state: np.ndarray, stream: np.ndarray, what: str) -> None:
    """Check that the last bit read was the last bit written.

    Args:
        state: The reader's state.
        stream: What was read, uint8.
        what: Name of the stream for the message.

    Raises:
        FormatError: Bytes are missing, left over, or do not end the way a writer ends.
    """
    used = int(state[POSITION]) - 3
    if used != len(stream):
        raise FormatError(f"{what}: {len(stream)} bytes are stored, decoding used {used}; the data is damaged")
    if int(state[CODE]) != ((int(state[LOW]) >> 24) + 1) << 24:
        raise FormatError(f"{what}: the stream does not end in its final state; the data is damaged")
