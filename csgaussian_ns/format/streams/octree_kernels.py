"""The octree of one position stream: one model, walked by the encoder and the decoder with the same functions.

FORMAT.md, section "Position stream", is the normative text and uses the names used here. Buffers are flat (see
``streams.buffers``). Corrupt data can only give wrong values or CORRUPT: every index is bounded by construction or
tested on the spot.
"""

from typing import Any, NamedTuple, no_type_check

import numpy as np

from csgaussian_ns.core.jit import kernel
from csgaussian_ns.format.morton import MAX_BITS
from csgaussian_ns.format.streams.bits import POSITION, READING, adapt, code_bit, probability
from csgaussian_ns.format.streams.buffers import buffer
from csgaussian_ns.format.streams.mixing import learn, predict

CORRUPT = -1
EVEN = 1 << 15  # probability one half
CONTEXTS = 7
WEIGHT_ROWS = MAX_BITS * 10
START_WEIGHT = 65536 * 3 // 10
LIMIT = 60  # mixed contexts follow with at least about 1/60
FLAG_LIMIT = 30  # flags have one context each, which must follow faster

# Where the cells of each context begin, and after the comment sign the index of a cell among them.
OF_PREFIX = 0  # depth * 256 + prefix
OF_NEAR = OF_PREFIX + MAX_BITS * 256  # (near * 8 + beside) * 32 + local
OF_PARENT = OF_NEAR + 64 * 32  # (parent * 8 + place) * 32 + local
OF_FACES = OF_PARENT + 256 * 8 * 32  # (faces * 32 + local) * MAX_BITS + depth
OF_CHAIN = OF_FACES + 64 * 32 * MAX_BITS  # ((depth * 9 + siblings) * 3 + cousins) * 32 + local
OF_SHAPE = OF_CHAIN + MAX_BITS * 9 * 3 * 32  # (faces * 256 + prefix) * 2 + (siblings > 1)
OF_CORNER = OF_SHAPE + 64 * 256 * 2  # (beside * 8 + near) * 256 + prefix
OF_SINGLE = OF_CORNER + 64 * 256  # ((depth * 9 + siblings) * 7 + neighbours) * 3 + cousins
OF_ZEROS = OF_SINGLE + MAX_BITS * 9 * 7 * 3  # how many zero levels so far
CELLS = OF_ZEROS + MAX_BITS


class Walk(NamedTuple):
    """One pass over a tree: the coder of ``streams.bits`` (writing or reading), what adapts, and scratch."""

    state: Any  # int64 [5]
    stream: Any  # uint8
    cells: Any  # int32 [CELLS]
    weights: Any  # int32 [WEIGHT_ROWS * CONTEXTS]
    at: Any  # int64 [CONTEXTS]
    inputs: Any  # int64 [CONTEXTS]


class Nodes(NamedTuple):
    """The nodes of one depth, in Morton order; those that were found to hold a single point have no descendants.

    ``single`` and ``value`` are what the stream stores: the encoder fills them beforehand, the decoder as it reads.
    """

    place: Any  # uint8 [n]: which child of its parent the node is
    parent: Any  # uint8 [n]: occupancy byte of the parent
    cousins: Any  # uint8 [n]: number of children of the grandparent, at most 2
    faces: Any  # int32 [n * 6]: index of the node beyond the face -x -y -z +x +y +z, or -1
    single: Any  # uint8 [n]: whether the node holds one point only
    value: Any  # int64 [n]: the rest of that point's Morton key; of other nodes the occupancy byte


def buffers(record: Any) -> Any:
    """The same record with what kernels take in place of arrays."""
    return type(record)(*(buffer(array) for array in record))


@kernel
@no_type_check
def popcount(byte: int) -> int:
    """Number of ones in a byte."""
    byte = byte - ((byte >> 1) & 0x55)
    byte = (byte & 0x33) + ((byte >> 2) & 0x33)
    return (byte + (byte >> 4)) & 0x0F


@kernel
@no_type_check
def code_flag(walk: Walk, cell: int, bit: int) -> int:
    """One bit under a context of its own."""
    bit = code_bit(walk.state, walk.stream, bit, probability(walk.cells, cell))
    adapt(walk.cells, cell, bit, FLAG_LIMIT)
    return bit


@kernel
@no_type_check
def code_point(walk: Walk, levels: int, key: int, zero_levels: bool) -> int:
    """The last ``levels`` levels of a point alone in its node: ``key`` of the encoder, or what the decoder reads."""
    zeros = 0
    if zero_levels:
        while zeros < levels:
            is_zero = 1 if (key >> (3 * zeros)) & 7 == 0 else 0
            if code_flag(walk, OF_ZEROS + zeros, is_zero) == 0:
                break
            zeros += 1
    point = 0
    for shift in range(3 * levels - 1, 3 * zeros - 1, -1):
        if zero_levels and shift == 3 * zeros and point & 3 == 0:
            bit = 1  # the level above the zero levels is not zero itself
        else:
            bit = code_bit(walk.state, walk.stream, (key >> shift) & 1, EVEN)
        point = (point << 1) | bit
    return point << (3 * zeros)


@kernel
@no_type_check
def face_mask(nodes: Nodes, node: int) -> int:
    """Which of the six neighbours exist, bit by bit in the order of ``faces``."""
    mask = 0
    for face in range(6):
        if nodes.faces[node * 6 + face] >= 0:
            mask |= 1 << face
    return mask


@kernel
@no_type_check
def occupied_beyond(nodes: Nodes, node: int, face: int) -> int:
    """Occupancy byte of the neighbour beyond one of the first three faces, which precede this node; 0 without one."""
    other = nodes.faces[node * 6 + face]
    if other < 0 or nodes.single[other]:
        return 0
    return nodes.value[other]


@kernel
@no_type_check
def code_occupancy(walk: Walk, nodes: Nodes, node: int, depth: int, faces: int) -> int:
    """The byte that says which children exist; bit ``4 x + 2 y + z`` is child (x, y, z). At least one does."""
    beyond_x = occupied_beyond(nodes, node, 0)
    beyond_y = occupied_beyond(nodes, node, 1)
    beyond_z = occupied_beyond(nodes, node, 2)
    wanted = nodes.value[node]
    parent = np.int64(nodes.parent[node])
    siblings = popcount(parent)
    chain = ((depth * 9 + siblings) * 3 + nodes.cousins[node]) * 32
    family = (parent * 8 + nodes.place[node]) * 32
    row = depth * 10 + min(siblings, 4) * 2 + (1 if faces else 0)
    at = walk.at
    prefix, ones, byte = 1, 0, 0
    for child in range(8):
        if child == 7 and byte == 0:
            bit = 1
        else:
            x, y, z = child >> 2, (child >> 1) & 1, child & 1
            near = ((faces >> (3 * x)) & 1) | ((faces >> (3 * y + 1)) & 1) << 1 | ((faces >> (3 * z + 2)) & 1) << 2
            beside = (byte >> (child - 4) if x else beyond_x >> (child + 4)) & 1
            beside |= ((byte >> (child - 2) if y else beyond_y >> (child + 2)) & 1) << 1
            beside |= ((byte >> (child - 1) if z else beyond_z >> (child + 1)) & 1) << 2
            local = child * 4 + min(ones, 3)
            at[0] = OF_PREFIX + depth * 256 + prefix
            at[1] = OF_NEAR + (near * 8 + beside) * 32 + local
            at[2] = OF_PARENT + family + local
            at[3] = OF_FACES + (faces * 32 + local) * MAX_BITS + depth
            at[4] = OF_CHAIN + chain + local
            at[5] = OF_SHAPE + (faces * 256 + prefix) * 2 + (1 if siblings > 1 else 0)
            at[6] = OF_CORNER + (beside * 8 + near) * 256 + prefix
            p = predict(walk.cells, at, walk.inputs, walk.weights, row)
            bit = code_bit(walk.state, walk.stream, (wanted >> child) & 1, p)
            learn(walk.cells, at, walk.inputs, walk.weights, row, bit, p, LIMIT)
        prefix = prefix * 2 + bit
        byte |= bit << child
        ones += bit
    return byte


@kernel
@no_type_check
def code_level(walk: Walk, nodes: Nodes, depth: int, levels: int, budget: int, zero_levels: bool) -> int:
    """Code all nodes of one depth.

    Args:
        walk: Its coder moves on, its model adapts.
        nodes: ``single`` and ``value`` are read or filled.
        depth: Of these nodes; the root's is 0.
        levels: Levels below these nodes, ``3 * levels`` bits of key; at least 1.
        budget: Number of points in these nodes together, at most.
        zero_levels: Whether points tell how many of their last levels are zero.

    Returns:
        Number of their children, or CORRUPT: more nodes than points, or far more bits than bytes.
    """
    count = len(nodes.single)
    singles, children = 0, 0
    for node in range(count):
        faces = face_mask(nodes, node)
        parent = np.int64(nodes.parent[node])
        cell = ((depth * 9 + popcount(parent)) * 7 + popcount(faces)) * 3 + nodes.cousins[node]
        nodes.single[node] = code_flag(walk, OF_SINGLE + cell, nodes.single[node])
        if nodes.single[node]:
            nodes.value[node] = code_point(walk, levels, nodes.value[node], zero_levels)
            singles += 1
        else:
            nodes.value[node] = code_occupancy(walk, nodes, node, depth, faces)
            children += popcount(nodes.value[node])
        if singles + children + (count - 1 - node) > budget or (
            walk.state[READING] and walk.state[POSITION] > len(walk.stream) + 4
        ):
            return CORRUPT
    return children


@kernel
@no_type_check
def link_faces(nodes: Nodes, first_child: Any, faces: Any) -> None:
    """Find the neighbours of all children of ``nodes``: no search is needed.

    A neighbour inside the parent is a sibling; one outside is a child of the parent's neighbour.

    Args:
        nodes: The parents; single ones have no children.
        first_child: int64 [n], index of each one's first child.
        faces: int32 [children * 6], to be filled.
    """
    row = 0
    for node in range(len(nodes.single)):
        byte = np.int64(0) if nodes.single[node] else nodes.value[node]
        for child in range(8):
            if (byte >> child) & 1 == 0:
                continue
            for face in range(6):
                axis = 4 >> (face % 3)
                outside = (child & axis != 0) == (face >= 3)
                other = nodes.faces[node * 6 + face] if outside else node
                faces[row] = -1
                if other >= 0 and not nodes.single[other]:
                    mirrored = child ^ axis
                    if (nodes.value[other] >> mirrored) & 1:
                        faces[row] = first_child[other] + popcount(nodes.value[other] & ((1 << mirrored) - 1))
                row += 1
