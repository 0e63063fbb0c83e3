"""Compiled lists of the splats that each tile of the image must draw, front to back.

A pair is one splat in one tile. Pairs are numbered splat by splat ("slots"); a tile's list names its pairs in drawing
order ("places"). All results are independent of how the work was cut into jobs.
"""

import math
from typing import no_type_check

import numpy as np

from csgaussian_ns.render.cpu_jit import (
    HALF,
    LEVEL_SLACK,
    MIN_LEVEL,
    PIXEL_SLACK,
    ZERO,
    f32,
    kernel,
)

# 8 wide, so that 16 lanes hold 2 rows, which a slanted or small footprint fills better than one row of 16 (measured:
# 6.5 vectors per pair against 10.4); 32 high, so that there are as few pairs as with 16 x 16.
TILE_WIDTH = 8
TILE_HEIGHT = 32
TILE_PIXELS = TILE_WIDTH * TILE_HEIGHT

_MIN_LEVEL = f32(MIN_LEVEL)
_RADIX_BITS = 8
_RADIX = 1 << _RADIX_BITS
_SHORT = 24  # below it insertion beats counting


@kernel
@no_type_check
def tile_boxes(start, stop, splats, width, height, boxes):
    """Write first column, end column, first row, end row of the tiles each footprint's bounding box meets.

    Returns how many tiles that are in all: the room ``list_pairs`` needs.
    """
    total = 0
    for q in range(start, stop):
        boxes[q, 1] = boxes[q, 0] = boxes[q, 2] = boxes[q, 3] = 0
        if splats[q, 7] == ZERO:
            continue
        l1, l2, l3 = splats[q, 2], splats[q, 3], splats[q, 4]
        radius = math.sqrt(splats[q, 5] - _MIN_LEVEL + LEVEL_SLACK)
        reach_y = radius / l3
        reach_x = reach_y * math.sqrt(l2 * l2 + l3 * l3) / l1
        first_x, last_x = _pixels(splats[q, 0], -reach_x, reach_x, width)
        first_y, last_y = _pixels(splats[q, 1], -reach_y, reach_y, height)
        if first_x > last_x or first_y > last_y:
            continue
        boxes[q, 0], boxes[q, 1] = first_x // TILE_WIDTH, last_x // TILE_WIDTH + 1
        boxes[q, 2], boxes[q, 3] = first_y // TILE_HEIGHT, last_y // TILE_HEIGHT + 1
        total += (boxes[q, 1] - boxes[q, 0]) * (boxes[q, 3] - boxes[q, 2])
    return total


@kernel
@no_type_check
def _pixels(centre, low, high, size):
    """First and last of ``size`` pixels whose centre lies in [centre + low, centre + high]; first > last if none."""
    # Clamped as float: a footprint may reach further than int32.
    first = min(max(math.ceil(centre + low - HALF - PIXEL_SLACK), ZERO), f32(size))
    last = min(max(math.floor(centre + high - HALF + PIXEL_SLACK), -f32(1.0)), f32(size - 1))
    return int(first), int(last)


@kernel
@no_type_check
def list_pairs(start, stop, slot, splats, boxes, width, height, columns, slot_tile, slot_splat, slots, counts):
    """Number the pairs of splats [start, stop) from ``slot`` on; ``slots`` gets each one's range. Returns the end slot.

    Exact: in one row of tiles an ellipse covers an interval of x, so its two ends name all tiles it meets.
    """
    for q in range(start, stop):
        slots[q, 0] = slot
        x0, x1, y0, y1 = boxes[q, 0], boxes[q, 1], boxes[q, 2], boxes[q, 3]
        alone = x1 - x0 == 1
        radius2 = splats[q, 5] - _MIN_LEVEL + LEVEL_SLACK
        for ty in range(y0, y1):
            c0, c1 = x0, x1
            if not alone:
                low = f32(ty * TILE_HEIGHT) + HALF - splats[q, 1]
                high = min(f32(ty * TILE_HEIGHT + TILE_HEIGHT), f32(height)) - HALF - splats[q, 1]
                left, right = _interval(splats[q, 2], splats[q, 3], splats[q, 4], radius2, low, high)
                first, last = _pixels(splats[q, 0], left, right, width)
                c0, c1 = first // TILE_WIDTH, last // TILE_WIDTH + 1
            for tx in range(c0, c1):
                tile = ty * columns + tx
                slot_tile[slot] = tile
                slot_splat[slot] = q
                counts[tile] += 1
                slot += 1
        slots[q, 1] = slot
    return slot


@kernel
@no_type_check
def _interval(l1, l2, l3, radius2, low, high):
    """Ends of dx over the part of {(l1 dx + l2 dy)^2 + (l3 dy)^2 <= radius2} with dy in [low, high]."""
    radius = math.sqrt(radius2)
    reach = radius / l3
    low, high = max(low, -reach), min(high, reach)
    tip = -reach * l2 / math.sqrt(l2 * l2 + l3 * l3)  # dy of the rightmost point; the leftmost mirrors it
    dy = min(max(tip, low), high)
    right = (-l2 * dy + math.sqrt(max(radius2 - l3 * l3 * dy * dy, ZERO))) / l1
    dy = min(max(-tip, low), high)
    left = (-l2 * dy - math.sqrt(max(radius2 - l3 * l3 * dy * dy, ZERO))) / l1
    return left, right


@kernel
@no_type_check
def fill_lists(start, stop, slot_tile, slot_splat, splats_as_bits, cursor, keys):
    """Put slots [start, stop) into their tiles' lists at ``cursor``, keyed by depth, then by slot."""
    for slot in range(start, stop):
        place = cursor[slot_tile[slot]]
        cursor[slot_tile[slot]] = place + 1
        depth_bits = np.uint64(splats_as_bits[slot_splat[slot], 6])
        keys[place] = (depth_bits << np.uint64(32)) | np.uint64(slot)


@kernel
@no_type_check
def sort_lists(tiles, tile_start, keys, slot_splat, place_splat, slot_place):
    """Sort the lists of ``tiles`` front to back. Depths are positive floats, which order like their bits."""
    longest = 0
    for tile in tiles:
        longest = max(longest, tile_start[tile + 1] - tile_start[tile])
    spare = np.empty(longest, np.uint64)
    counts = np.empty(_RADIX, np.int64)
    for tile in tiles:
        start, stop = tile_start[tile], tile_start[tile + 1]
        _sort(keys[start:stop], spare, counts)
        for place in range(start, stop):
            slot = np.uint32(keys[place])
            place_splat[place] = slot_splat[slot]
            slot_place[slot] = place


@kernel
@no_type_check
def _sort(keys, spare, counts):
    """Ascending and stable. Lists come in slot order, so only the upper half of each key needs sorting."""
    n = len(keys)
    if n <= _SHORT:
        for i in range(1, n):
            key = keys[i]
            j = i
            while j > 0 and keys[j - 1] > key:
                keys[j] = keys[j - 1]
                j -= 1
            keys[j] = key
        return
    lowest = highest = keys[0]
    for i in range(n):
        lowest, highest = min(lowest, keys[i]), max(highest, keys[i])
    base = lowest >> np.uint64(32)
    spread = (highest >> np.uint64(32)) - base
    shift = np.uint64(0)
    a, b = keys, spare[:n]
    swapped = False
    while (spread >> shift) > np.uint64(0):
        counts[:] = 0
        for i in range(n):
            counts[(((a[i] >> np.uint64(32)) - base) >> shift) & np.uint64(_RADIX - 1)] += 1
        total = 0
        for digit in range(_RADIX):
            total, counts[digit] = total + counts[digit], total
        for i in range(n):
            digit = (((a[i] >> np.uint64(32)) - base) >> shift) & np.uint64(_RADIX - 1)
            b[counts[digit]] = a[i]
            counts[digit] += 1
        a, b = b, a
        swapped = not swapped
        shift += np.uint64(_RADIX_BITS)
    if swapped:
        for i in range(n):  # keys[:] = spare[:n] would compile a message about shapes too: a fifth of all compiling
            keys[i] = spare[i]
