"""Tables of interpolated encodings: small whole numbers at the nodes of grids, coded bit by bit with adaptive contexts.

Grid by grid, channel by channel, row by row. A number is coded as "more than 0", "more than 1", .. up to the largest
magnitude, then its sign; binary tables have signs alone. Contexts see the numbers at the nodes before on the last axis
(``left``), on the axis before it (``up``) and before both (``corner``), 0 beyond the grid's border, and that of the
channel before at the same node (``below``). In hashed tables they are unrelated numbers, which the mixer learns.
Statistics are learnt on the way: nothing is stored but the coded bits, a stream of ``streams.bits``.
"""

import struct
from typing import Any, no_type_check

import numpy as np

from csgaussian_ns.core.errors import FormatError, LimitExceeded, QuantisationError
from csgaussian_ns.core.jit import kernel
from csgaussian_ns.core.shapes import Int8
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.networks.encodings import InterpolatedIntegers
from csgaussian_ns.format.networks.lattice import PLANES, SPACE, Lattice
from csgaussian_ns.format.streams.bits import overrun, read, write
from csgaussian_ns.format.streams.buffers import buffer
from csgaussian_ns.format.streams.mixing import Mixer, code_mixed, most_bits, new_mixer

CONTEXTS = 4
TABLE = 1 << 16  # cells per context
SYMBOL_KINDS = 17
"""Kinds of bits: the sign, and "more than j" for j = 0 .. 15 and above."""
START_WEIGHT = 65536 // 3
LIMIT = 250
MAX_LATTICES = 2
MAX_OUTPUTS = 512
_HEAD = struct.Struct("<BBBB")


@kernel
@no_type_check
def _clamped(value: int, limit: int) -> int:
    return max(-limit, min(limit, value))


@kernel
@no_type_check
def _select(at: Any, kind: int, grid: int, channel: int, left: int, up: int, corner: int, below: int) -> None:
    """Choose the cell of each context for one bit; the first may share its cells where a file has many grids."""
    if kind == 0:
        near = ((_clamped(left, 1) + 1) * 3 + _clamped(up, 1) + 1) * 3 + _clamped(corner, 1) + 1
        level = _clamped(left, 1) + _clamped(up, 1) + 2
    else:
        near = (min(abs(left), 3) * 4 + min(abs(up), 3)) * 4 + min(abs(corner), 3)
        level = min(abs(left) + abs(up), 7)
    at[0] = ((grid * 128 + channel) * SYMBOL_KINDS + kind) % TABLE
    at[1] = TABLE + (kind * 64 + near)
    at[2] = 2 * TABLE + (channel * SYMBOL_KINDS + kind) * 8 + level
    at[3] = 3 * TABLE + (kind * 8 + _clamped(below, 3) + 3) * 8 + min(abs(left), 7)


@kernel
@no_type_check
def _code(state: Any, stream: Any, table: Any, shape: Any, largest: int, binary: int, mixer: Mixer) -> None:
    """Write ``table``, int8 [rows * channels], or read it, at most to the end of ``stream``.

    ``shape``: int64 [channels, then rows and nodes of the last axis of each grid].
    """
    channels, start = shape[0], 0
    for grid in range((len(shape) - 1) // 2):
        rows, width = shape[1 + 2 * grid], shape[2 + 2 * grid]
        for channel in range(channels):
            for row in range(rows):
                if overrun(state, stream):
                    return
                here = (start + row) * channels + channel
                left = table[here - channels] if row % width > 0 else 0
                up = table[here - width * channels] if row >= width else 0
                corner = table[here - (width + 1) * channels] if row >= width and row % width > 0 else 0
                below = table[here - 1] if channel > 0 else 0
                value = table[here]
                size = 1 if binary else 0
                while size < largest and not binary:
                    kind = 1 + min(size, SYMBOL_KINDS - 2)
                    _select(mixer.at, kind, grid, channel, left, up, corner, below)
                    if not code_mixed(state, stream, 1 if abs(value) > size else 0, mixer, kind, LIMIT):
                        break
                    size += 1
                if size > 0:
                    _select(mixer.at, 0, grid, channel, left, up, corner, below)
                    negative = code_mixed(state, stream, 1 if value < 0 else 0, mixer, 0, LIMIT)
                    size = -size if negative else size
                table[here] = size
        start += rows


def _run(state: np.ndarray, stream: np.ndarray, table: np.ndarray, lattice: Lattice, kind: type) -> None:
    shape = [lattice.channels]
    for grid in lattice.grids:
        shape += [grid.rows, min(grid.resolution, grid.rows)]
    mixer = new_mixer(CONTEXTS, TABLE, SYMBOL_KINDS, START_WEIGHT)
    sizes = buffer(np.array(shape, np.int64))
    _code(buffer(state), buffer(stream), buffer(table), sizes, kind.LARGEST, int(kind.BINARY), mixer)


def write_lattices(encoding: InterpolatedIntegers) -> bytes:
    """u8 number of lattices; per lattice u8 form (0 space, 1 planes), u8 channels, u8 log2_rows, u8 levels, u16
    resolution of each level; then per lattice u32 length and coded table.
    """  # noqa: D205
    head, bodies = [struct.pack("<B", len(encoding.lattices))], []
    for lattice, table in zip(encoding.lattices, encoding.tables, strict=True):
        numbers = (int(lattice.axes == PLANES), lattice.channels, lattice.log2_rows, len(lattice.resolutions))
        head.append(_HEAD.pack(*numbers) + np.array(lattice.resolutions, "<u2").tobytes())
        flat = table.flatten()
        body = write(lambda state, stream, f=flat, t=lattice: _run(state, stream, f, t, type(encoding)), flat.size + 64)
        bodies.append(struct.pack("<I", len(body)) + body)
    return b"".join([*head, *bodies])


def read_lattices(
    data: bytes | memoryview, kind: type[InterpolatedIntegers]
) -> tuple[tuple[Lattice, ...], tuple[Int8[np.ndarray, "_ _"], ...]]:
    """The inverse of ``write_lattices``, for an encoding of ``kind``.

    Raises:
        FormatError: Not this layout, sizes out of range, or a damaged table.
        LimitExceeded: So few bytes cannot hold so many numbers. Nothing was allocated.
    """
    reader = ByteReader(data, "lattice")
    lattices = _read_heads(reader)
    tables = tuple(_read_table(reader.block(), lattice, kind) for lattice in lattices)
    reader.end()
    return lattices, tables


def _read_table(
    data: memoryview, lattice: Lattice, kind: type[InterpolatedIntegers]
) -> Int8[np.ndarray, "rows channels"]:
    count = lattice.rows * lattice.channels
    if count > most_bits(len(data)):
        raise LimitExceeded(f"lattice: a table of {count} numbers cannot be in {len(data)} bytes")
    flat = np.zeros(count, np.int8)
    read(lambda state, stream: _run(state, stream, flat, lattice, kind), data, "lattice")
    return flat.reshape(lattice.rows, lattice.channels)


def _read_heads(reader: ByteReader) -> tuple[Lattice, ...]:
    (count,) = reader.take(1)
    if not 1 <= count <= MAX_LATTICES:
        raise FormatError(f"lattice: expected 1..{MAX_LATTICES} of them, got {count}")
    lattices = []
    for _ in range(count):
        form, channels, log2_rows, levels = reader.unpack(_HEAD)
        if form > 1:
            raise FormatError(f"lattice: form {form} is not 0 or 1")
        resolutions = reader.array("<u2", levels).tolist()
        try:
            lattices.append(Lattice((SPACE, PLANES)[form], channels, log2_rows, tuple(resolutions)))
        except QuantisationError as error:
            raise FormatError(str(error)) from error
    if sum(lattice.outputs for lattice in lattices) > MAX_OUTPUTS:
        raise FormatError(f"lattice: more than {MAX_OUTPUTS} outputs")
    return tuple(lattices)
