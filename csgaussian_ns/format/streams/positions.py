"""Anchor positions, lossless: an octree whose occupancy is predicted from the nodes around.

Nodes are coded level by level. A node with a single point sends the rest of that point as it is, since no neighbourhood
predicts it; other nodes send which of their children exist, under seven contexts mixed with weights that adapt.
Everything is integer. FORMAT.md, section "Position stream", is the normative text.
"""

import struct
import zlib

import numpy as np

from csgaussian_ns.core.errors import FormatError, QuantisationError
from csgaussian_ns.core.shapes import Int32, Int64, UInt8
from csgaussian_ns.format.morton import MAX_BITS, MAX_ORIGIN, morton_cells, morton_key
from csgaussian_ns.format.streams.bits import end_reading, new_cells, start_reading, stream_of, write
from csgaussian_ns.format.streams.buffers import buffer
from csgaussian_ns.format.streams.octree_kernels import (
    CELLS,
    CONTEXTS,
    CORRUPT,
    START_WEIGHT,
    WEIGHT_ROWS,
    Nodes,
    Walk,
    buffers,
    code_level,
    link_faces,
)

ORIGIN_STEP = 4
"""The automatic origin is a multiple of this: the coarsest growth grid, so that its points end in zero levels."""

POINTS_PER_BYTE = 1 << 15
"""No stream holds more: each point is a one in some occupancy byte, and a mixed bit costs at least 4.8e-4 bits."""

_HEADER = struct.Struct("<BB3i")  # flags, depth, origin
_ZERO_LEVELS = 1  # flag: points tell how many of their last levels are zero
_NAME = "position stream"


def common_origin(grid: Int32[np.ndarray, "N 3"]) -> Int32[np.ndarray, "3"]:
    """The origin that all chunks of one scene share: at or below every coordinate, a multiple of 4 where that fits.

    Args:
        grid: Voxel coordinates of the whole scene; negative ones are fine.

    Returns:
        What to pass to ``encode_positions``; Morton order is that of ``grid - origin``.

    Raises:
        QuantisationError: The scene spans more than 2^21 voxels along an axis.
    """
    if len(grid) == 0:
        return np.zeros(3, np.int32)
    low, high = grid.min(axis=0).astype(np.int64), grid.max(axis=0).astype(np.int64)
    if (high - low).max() >= 1 << MAX_BITS:
        raise QuantisationError(
            f"positions span {int((high - low).max()) + 1} voxels; at most {1 << MAX_BITS} fit. Use larger voxels."
        )
    aligned = low - low % ORIGIN_STEP
    return np.where(high - aligned < 1 << MAX_BITS, aligned, low).astype(np.int32)


def encode_positions(grid: Int32[np.ndarray, "N 3"], origin: Int32[np.ndarray, "3"] | None = None) -> bytes:
    """Code a set of voxel coordinates. Their order is not kept: they come back in Morton order of ``grid - origin``.

    Args:
        grid: Distinct voxel coordinates.
        origin: ``common_origin`` of the scene, when these are only a part of it; by default that of ``grid``. Parts
            that are runs of the scene's Morton order then decode to just these runs.

    Returns:
        A self-contained stream: header and coded octree.

    Raises:
        QuantisationError: Coordinates repeat, lie below the origin, or span more than 2^21 voxels.
    """
    base = common_origin(grid) if origin is None else origin
    if np.abs(base.astype(np.int64)).max() > MAX_ORIGIN:
        raise QuantisationError(
            f"origin {base.tolist()}: each coordinate must lie within +-2^30; subtract a common offset"
        )
    if len(grid) == 0:
        return _HEADER.pack(0, 0, *base.tolist())
    keys = np.sort(morton_key(grid.astype(np.int64) - base).astype(np.int64))
    if (keys[1:] == keys[:-1]).any():
        raise QuantisationError(
            f"{int((keys[1:] == keys[:-1]).sum())} of {len(keys)} positions repeat; remove duplicates first"
        )
    # The root is the smallest cell around all points, so a chunk pays for no level above it.
    depth = -(-(int(keys[0]) ^ int(keys[-1])).bit_length() // 3)
    corner = (base + (morton_cells(keys[:1] >> (3 * depth))[0].astype(np.int64) << depth)).tolist()
    if depth == 0:
        return _HEADER.pack(0, 0, *corner)
    keys &= (1 << (3 * depth)) - 1
    zero_levels = _zero_levels_pay(keys, depth)
    header = _HEADER.pack(_ZERO_LEVELS if zero_levels else 0, depth, *corner)
    body = write(
        lambda state, stream: _encode_tree(_walk(state, stream), keys, depth, zero_levels), 1024 + 8 * len(keys)
    )
    return header + body


def decode_positions(data: bytes | memoryview, count: int) -> Int32[np.ndarray, "N 3"]:
    """The voxel coordinates of one stream, in Morton order relative to the origin they were coded with.

    Args:
        data: The stream. Untrusted; wrong bytes may also give wrong points, which only a checksum can tell.
        count: Number of points the container promises; memory and time are proportional to it.

    Raises:
        FormatError: The header or the coded tree is invalid, or holds another number of points.
    """
    if len(data) < _HEADER.size:
        raise FormatError(f"{_NAME}: {len(data)} bytes are stored, its header alone needs {_HEADER.size}")
    flags, depth, *origin = _HEADER.unpack_from(data)
    body = stream_of(memoryview(data)[_HEADER.size :])
    if flags & ~_ZERO_LEVELS:
        raise FormatError(f"{_NAME}, byte 0: unknown flags {flags:#04x}; a newer version may read this file")
    if depth > MAX_BITS:
        raise FormatError(f"{_NAME}, byte 1: depth {depth}, at most {MAX_BITS} are possible; the data is damaged")
    if max(map(abs, origin)) > MAX_ORIGIN + (1 << MAX_BITS):
        raise FormatError(f"{_NAME}, bytes 2 to 13: origin {origin} lies beyond 2^30; the data is damaged")
    if count < 0 or count > (most_points(len(data)) if depth else 1):
        raise FormatError(f"{_NAME}: {count} points cannot come from {len(data)} bytes and depth {depth}")
    if depth == 0:
        if len(body):
            raise FormatError(f"{_NAME}: {len(body)} bytes follow the header, depth 0 has none; the data is damaged")
        return np.array(origin, np.int32)[None].repeat(count, axis=0)
    keys = _decode_tree(body, depth, count, flags & _ZERO_LEVELS != 0)
    return morton_cells(keys) + np.array(origin, np.int32)


def stream_origin(data: bytes | memoryview) -> Int32[np.ndarray, "3"]:
    """The origin of a stream that decodes: parts of what it holds are coded with it as they are with the scene's."""
    return np.array(_HEADER.unpack_from(data)[2:], np.int32)


def most_points(stored: int) -> int:
    """No stream of so many bytes holds more points."""
    return max(1, (stored - _HEADER.size) * POINTS_PER_BYTE)


def positions_crc(grid: Int32[np.ndarray, "N 3"]) -> int:
    """CRC-32 of decoded positions as the container stores it: little-endian int32, x y z of one point after another."""
    return zlib.crc32(np.ascontiguousarray(grid, "<i4").tobytes())


def _zero_levels_pay(keys: Int64[np.ndarray, " N"], depth: int) -> bool:
    """Whether to code how many last levels of each point are zero: the bits saved against their entropy."""
    zeros = np.zeros(len(keys), np.int64)
    for level in range(1, depth + 1):
        zeros += keys & ((1 << (3 * level)) - 1) == 0
    share = np.bincount(zeros) / len(keys)
    share = share[share > 0]
    # In 1/7 of the points the bit that must be one is sent neither.
    return bool(3 * zeros.mean() + 1 / 7 > -(share * np.log2(share)).sum())


def _walk(state: Int64[np.ndarray, "5"], stream: UInt8[np.ndarray, " B"]) -> Walk:
    weights = np.full(WEIGHT_ROWS * CONTEXTS, START_WEIGHT, np.int32)
    scratch = [np.zeros(CONTEXTS, np.int64) for _ in range(2)]
    return buffers(Walk(state, stream, new_cells(CELLS), weights, *scratch))


def _root() -> Nodes:
    byte = [np.zeros(1, np.uint8) for _ in range(4)]
    return Nodes(byte[0], byte[1], byte[2], np.full(6, -1, np.int32), byte[3], np.zeros(1, np.int64))


def _occupancy(nodes: Nodes) -> UInt8[np.ndarray, " n"]:
    return np.where(nodes.single, 0, nodes.value).astype(np.uint8)


def _children(nodes: Nodes, inner: Int64[np.ndarray, " c"], place: Int64[np.ndarray, " c"]) -> Nodes:
    """The nodes of the next depth, nothing coded yet.

    Args:
        nodes: This depth, coded.
        inner: Index of each child's parent.
        place: Which child of its parent it is.
    """
    total = len(inner)
    first_child = np.searchsorted(inner, np.arange(len(nodes.single)))
    faces = np.empty(6 * total, np.int32)
    link_faces(buffers(nodes), buffer(first_child), buffer(faces))
    cousins = np.minimum(2, np.unpackbits(nodes.parent[:, None], axis=1).sum(axis=1)).astype(np.uint8)
    parent = _occupancy(nodes)
    single, value = np.zeros(total, np.uint8), np.zeros(total, np.int64)
    return Nodes(place.astype(np.uint8), parent[inner], cousins[inner], faces, single, value)


def _inner_and_place(nodes: Nodes) -> tuple[Int64[np.ndarray, " c"], Int64[np.ndarray, " c"]]:
    inner, place = np.nonzero(np.unpackbits(_occupancy(nodes)[:, None], axis=1, bitorder="little"))
    return inner, place


def _encode_tree(walk: Walk, keys: Int64[np.ndarray, " N"], depth: int, zero_levels: bool) -> None:
    """Code sorted keys of ``3 * depth`` bits."""
    nodes = _root()
    for level in range(depth):
        below = 3 * (depth - level)
        cell = keys >> below
        begin = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
        points = np.diff(np.append(begin, len(keys)))
        rest = keys & ((1 << below) - 1)
        single = points == 1
        byte = np.bitwise_or.reduceat(1 << (rest >> (below - 3)), begin)
        nodes = nodes._replace(single=single.astype(np.uint8), value=np.where(single, rest[begin], byte))
        code_level(walk, buffers(nodes), level, depth - level, len(keys), zero_levels)
        keys = keys[np.repeat(~single, points)]
        if len(keys) == 0:
            break
        nodes = _children(nodes, *_inner_and_place(nodes))


def _decode_tree(body: UInt8[np.ndarray, " B"], depth: int, count: int, zero_levels: bool) -> Int64[np.ndarray, " N"]:
    """Sorted keys of ``3 * depth`` bits.

    Raises:
        FormatError: The tree holds another number of points, or ends elsewhere than its bytes.
    """
    state = start_reading(body)
    walk = _walk(state, body)
    nodes, cells, found, budget = _root(), np.zeros(1, np.int64), [], count
    for level in range(depth):
        below = 3 * (depth - level)
        if code_level(walk, buffers(nodes), level, depth - level, budget, zero_levels) == CORRUPT:
            raise FormatError(f"{_NAME}: more than the {count} promised points, or a cut stream; the data is damaged")
        single = nodes.single.astype(bool)
        found.append((cells[single] << below) | nodes.value[single])
        budget -= len(found[-1])
        inner, place = _inner_and_place(nodes)
        cells = (cells[inner] << 3) | place
        if len(cells) == 0 or level == depth - 1:
            break
        nodes = _children(nodes, inner, place)
    end_reading(state, body, _NAME)
    found.append(cells)
    keys = np.sort(np.concatenate(found))
    if len(keys) != count:
        raise FormatError(f"{_NAME}: {len(keys)} points are stored, {count} were promised; the data is damaged")
    return keys
