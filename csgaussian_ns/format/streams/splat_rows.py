"""Attributes of plain Gaussians as integers, row by row, each expected from rows near to it and from its own channels.

Channels of a row: logarithms of three scales, the largest first; three parts of a quaternion; opacity; three of colour;
then three of each spherical harmonic. What is alike among neighbours (scales, opacity, colour) is coded as the
difference to their mean. A difference is told as whether it is 0, its sign, how many bits it has, and these bits; each
answer is mixed from six contexts (``streams.mixing``): none, the differences of neighbours, of earlier channels of the
row (three of them), and the Gaussian's shape and opacity. Everything is learnt on the way. FORMAT.md, section "Rows of
Gaussians", is the normative text. On trained scenes of degree 3 a row takes 45 to 60 bits, where its 55 numbers take
220 bytes in a PLY file; without any one context it takes 0.5 to 3 % more.
"""

from typing import Any, NamedTuple, no_type_check

import numpy as np

from csgaussian_ns.core.errors import FormatError, LimitExceeded
from csgaussian_ns.core.jit import inlined_kernel, kernel
from csgaussian_ns.core.shapes import Int32
from csgaussian_ns.format.streams.bits import adapt, code_bit, new_cells, overrun, probability, read, write
from csgaussian_ns.format.streams.buffers import buffer, constants
from csgaussian_ns.format.streams.mixing import Mixer, code_mixed, most_bits, new_mixer

SCALES, TURN, OPACITY, COLOUR, HARMONICS = 0, 3, 6, 7, 10
"""First channels of the groups."""
CHANNELS = (10, 19, 34, 55)
"""Of rows with harmonics of degree 0 to 3."""
MAX_BITS = 20
LARGEST = (1 << MAX_BITS) - 1
"""Magnitude of a value; differences have one bit more."""

NEAR, WINDOW = 4, 64
"""How many rows are looked at, of how many before."""
CONTEXTS = 6
CELLS = 256
"""Of each context for one question."""
SIGN, TOP, NODES = 1, 22, 44
"""Questions: 0 whether it is not 0, its sign, ``SIGN + n`` whether it has more than n bits, ``TOP + n`` the second of
its n bits."""
WEIGHT_ROWS = 11
START_WEIGHT = 19660
LIMIT = 255
_LENGTHS = MAX_BITS + 2
_STARTS = constants([SCALES] * 3 + [TURN] * 3 + [OPACITY] + [COLOUR] * 3 + [HARMONICS] * 45)
_NAME = "rows of Gaussians"


class _Work(NamedTuple):
    """Buffers of one stream: contexts, cells of the lower bits, differences of all rows, and the nearest rows."""

    mixer: Mixer
    low: Any
    differences: Any
    near: Any
    chosen: Any


@kernel
@no_type_check
def _level(x: int) -> int:
    """0, 1, 2, 3, then two levels for each further bit, up to 15; x >= 0."""
    if x < 4:
        return x
    bits = 0
    while x >> bits > 3:
        bits += 1
    return min(15, 2 * bits + (x >> bits))


@inlined_kernel
@no_type_check
def _few(x: int) -> int:
    """0 .. 8 for -4 .. 4 and beyond."""
    return max(-4, min(4, x)) + 4


@kernel
@no_type_check
def _find_near(grid: Any, row: int, near: Any) -> int:
    """Fill in the rows nearest to ``row`` among those before, the nearest first, later ones before earlier; how many.

    Args:
        grid: int64 [rows * 3].
        row: Which.
        near: int64 [2 * NEAR]: rows, then their distances.
    """
    found = 0
    for other in range(row - 1, max(0, row - WINDOW) - 1, -1):
        apart = 0
        for axis in range(3):
            apart += abs(grid[3 * row + axis] - grid[3 * other + axis])
        if found == NEAR and apart >= near[2 * NEAR - 1]:
            continue
        place = min(found, NEAR - 1)
        while place > 0 and apart < near[NEAR + place - 1]:
            near[place] = near[place - 1]
            near[NEAR + place] = near[NEAR + place - 1]
            place -= 1
        near[place] = other
        near[NEAR + place] = apart
        found = min(found + 1, NEAR)
    return found


@kernel
@no_type_check
def _choose(values: Any, row: int, channel: int, channels: int, found: int, work: _Work) -> int:
    """Fill in the cell of each context, for question 0; return the value that is expected."""
    d, near, chosen = work.differences, work.near, work.chosen
    here, start = row * channels + channel, _STARTS[channel]
    place = channel - start
    total, around, energy = 0, 0, 0
    for k in range(found):
        other = near[k] * channels + channel
        total += values[other]
        around += abs(d[other]) * (2 if k == 0 else 1)
    for k in range(1, place + 1):
        energy += abs(d[here - k])
    if place > 2:
        energy = energy * 4 // place
    one = d[here - 1] if place > 0 else 0
    two = d[here - 2] if place > 1 else 0
    three = d[here - 3] if place > 2 else 0
    shape, first = 0, row * channels
    if channel > 2:
        shape = _level(abs(values[first] - values[first + 2]) >> 1)
    elif channel == 2:
        shape = _level(abs(values[first] - values[first + 1]))
    opacity = max(0, min(15, values[first + OPACITY] >> 3)) if channel > OPACITY else 0
    chosen[0] = 0
    chosen[1] = 4 * _level(around) + min(3, found)
    chosen[2] = _level(energy) + 16 * min(3, place)
    chosen[3] = 9 * _few(one) + _few(two)
    chosen[4] = 16 * shape + opacity
    chosen[5] = 9 * _few(three) + _few(d[near[0] * channels + channel] if found > 0 else 0)
    for j in range(CONTEXTS):
        chosen[j] += (j * channels + channel) * NODES * CELLS
    if found > 0 and (channel < TURN or OPACITY <= channel < HARMONICS):
        return (2 * total + found) // (2 * found)
    return 0


@inlined_kernel
@no_type_check
def _ask(state: Any, stream: Any, bit: int, node: int, weights: int, work: _Work) -> int:
    """One answer to a question about the difference, by the contexts that are chosen."""
    for j in range(CONTEXTS):
        work.mixer.at[j] = work.chosen[j] + node * CELLS
    return code_mixed(state, stream, bit, work.mixer, weights, LIMIT)


@kernel
@no_type_check
def _difference(state: Any, stream: Any, value: int, channel: int, work: _Work) -> int:
    """Write the difference ``value``, or read and return it."""
    weights = channel * WEIGHT_ROWS
    if _ask(state, stream, 1 if value != 0 else 0, 0, weights, work) == 0:
        return 0
    negative = _ask(state, stream, 1 if value < 0 else 0, SIGN, weights + 1, work)
    size, bits = abs(value), 1
    while bits <= MAX_BITS:
        more = _ask(state, stream, 1 if size >> bits else 0, SIGN + bits, weights + min(SIGN + bits, 9), work)
        if more == 0:
            break
        bits += 1
    result = 1
    for place in range(bits - 2, -1, -1):
        bit = size >> place & 1
        if place == bits - 2:
            bit = _ask(state, stream, bit, TOP + bits, weights + 10, work)
        else:
            cell = ((channel * _LENGTHS + bits) * _LENGTHS + place) * 2
            if place == bits - 3:
                cell += result & 1
            bit = code_bit(state, stream, bit, probability(work.low, cell))
            adapt(work.low, cell, bit, LIMIT)
        result = result << 1 | bit
    return -result if negative else result


@kernel
@no_type_check
def _code(state: Any, stream: Any, values: Any, grid: Any, count: int, channels: int, work: _Work) -> None:
    """Write ``values``, int64 [count * channels], or read them into it; ``grid`` is int64 [count * 3]."""
    for row in range(count):
        if overrun(state, stream):
            return
        found = _find_near(grid, row, work.near)
        for channel in range(channels):
            at = row * channels + channel
            expected = _choose(values, row, channel, channels, found, work)
            work.differences[at] = _difference(state, stream, values[at] - expected, channel, work)
            values[at] = expected + work.differences[at]


def _run(state: np.ndarray, stream: np.ndarray, values: np.ndarray, grid: np.ndarray, channels: int) -> None:
    work = _Work(
        new_mixer(CONTEXTS, channels * NODES * CELLS, channels * WEIGHT_ROWS, START_WEIGHT),
        buffer(new_cells(channels * _LENGTHS * _LENGTHS * 2)),
        buffer(np.zeros(len(values), np.int64)),
        buffer(np.zeros(2 * NEAR, np.int64)),
        buffer(np.zeros(CONTEXTS, np.int64)),
    )
    places = np.ascontiguousarray(grid, np.int64).ravel()
    _code(buffer(state), buffer(stream), buffer(values), buffer(places), len(grid), channels, work)


def encode_rows(rows: Int32[np.ndarray, "N C"], grid: Int32[np.ndarray, "N 3"]) -> bytes:
    """Code the attributes of N Gaussians.

    Args:
        rows: Up to ``LARGEST`` in size; C is one of ``CHANNELS``.
        grid: Voxels, in the order of coding (Morton order: neighbours help).

    Raises:
        ValueError: Other channels, or larger values.
    """
    channels = rows.shape[1]
    if channels not in CHANNELS or np.abs(rows.astype(np.int64)).max(initial=0) > LARGEST:
        raise ValueError(f"rows of {channels} channels; expected one of {CHANNELS}, and values up to {LARGEST}")
    if not len(rows):
        return b""
    flat = rows.astype(np.int64).ravel()
    return write(lambda state, stream: _run(state, stream, flat.copy(), grid, channels), rows.size + 64)


def decode_rows(data: bytes | memoryview, grid: Int32[np.ndarray, "N 3"], channels: int) -> Int32[np.ndarray, "N C"]:
    """The inverse of ``encode_rows``, for voxels that are decoded.

    Raises:
        FormatError: The data is damaged in a way its structure shows; other damage gives wrong values.
        LimitExceeded: So few bytes cannot hold so many values. Nothing was allocated.
    """
    if channels not in CHANNELS:
        raise FormatError(f"{_NAME}: {channels} channels; expected one of {CHANNELS}")
    count = len(grid) * channels
    if count > most_bits(len(data)):
        raise LimitExceeded(f"{_NAME}: {count} values cannot be in {len(data)} bytes")
    values = np.zeros(count, np.int64)
    if count:
        read(lambda state, stream: _run(state, stream, values, grid, channels), data, _NAME)
    elif len(data):
        raise FormatError(f"{_NAME}: {len(data)} bytes are stored for none")
    if np.abs(values).max(initial=0) > LARGEST:
        raise FormatError(f"{_NAME}: a value of {np.abs(values).max()}, at most {LARGEST} are allowed; damaged")
    return values.reshape(len(grid), channels).astype(np.int32)
