"""Compiled blending of one group of channels, tile by tile, and its gradient.

Per tile, splats front to back outside, pixels inside: 16 lanes are two rows of a tile, and only the rows that the
footprint meets within the tile's 8 columns are visited. The backward pass goes back to front from the transmittance
left over at the end and writes one row of sums per pair; ``cpu_gather`` adds them splat by splat in a fixed order, so
the result does not depend on the number of threads.
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numba.cpython.unsafe.tuple import tuple_setitem
from numpy.typing import NDArray

from csgaussian_ns.render.cpu_binning import TILE_HEIGHT, TILE_PIXELS, TILE_WIDTH
from csgaussian_ns.render.cpu_jit import (
    HALF,
    LEVEL_SLACK,
    MIN_LEVEL,
    ONE,
    PIXEL_SLACK,
    ZERO,
    f32,
    kernel,
    prefetch,
    unsigned,
)
from csgaussian_ns.render.cpu_lanes import (
    AT_CHANNELS,
    AT_LAST,
    AT_REST,
    AT_T,
    FIXED_RUNS,
    N_LANES,
    all_finished,
    draw,
    place_lanes,
    start_lanes,
    undraw,
)

# Columns of a row: x, y, l1, l2, l3, level (see cpu_projection), then the features of all groups.
GEOMETRY_FIELDS = 6
# Sums over the lanes of one pair that ``undraw`` returns, before one per channel.
GEOMETRY_SUMS = 6

_CACHE_LINE = 16  # floats
_BATCH = 32  # splats loaded at a time; the test for a finished tile comes after each batch
_MIN_LEVEL = f32(MIN_LEVEL)
_VECTOR_ROWS = 16 // TILE_WIDTH


class Drawing(NamedTuple):
    """What the tiles of one frame draw.

    Attributes:
        columns: Tiles per row of tiles.
        width, height: Image size in pixels.
        tile_start: Where each tile's list starts; one more than there are tiles.
        place_splat: All lists in one: the row to draw at each place.
        rows: Splats and features, one row each, see ``GEOMETRY_FIELDS``.
    """

    columns: int
    width: int
    height: int
    tile_start: NDArray[np.int64]
    place_splat: NDArray[np.int32]
    rows: NDArray[np.float32]


class Kept(NamedTuple):
    """What the backward pass needs to know of each lane: transmittance at the end, rank of the last splat drawn."""

    transmittance: NDArray[np.float32]
    last: NDArray[np.float32]


@kernel
@no_type_check
def _load_batch(drawing, place, count, ahead, channel, x0, y0, height, params, spans, colors):
    """Copy what ``count`` pairs need to the front, and ask the memory for the batch that starts at ``ahead``.

    ``params`` gets per pair what ``draw`` wants; ``spans`` the lanes [start, stop) to visit: whole vectors of 16, none
    where the footprint misses the tile.
    """
    rows, place_splat = drawing.rows, drawing.place_splat
    for later in range(max(ahead, 0), min(ahead + _BATCH, len(place_splat))):
        prefetch(rows, place_splat[later], 0)
        if GEOMETRY_FIELDS + channel >= _CACHE_LINE:
            prefetch(rows, place_splat[later], GEOMETRY_FIELDS + channel)
    for j in range(count):
        q = place_splat[place + j]
        for k in range(GEOMETRY_FIELDS):
            params[k, j] = rows[q, k]
        for k in range(colors.shape[1]):
            colors[j, k] = rows[q, GEOMETRY_FIELDS + channel + k]
    for j in range(count):
        x, y = params[0, j] - x0, params[1, j] - y0
        l1, l2, l3, level = params[2, j], params[3, j], params[4, j], params[5, j]
        # Highest and lowest dy of the ellipse |r|^2 <= radius2 for dx between the first and the last column.
        radius2 = level - _MIN_LEVEL + LEVEL_SLACK
        c = l2 * l2 + l3 * l3
        reach = math.sqrt(radius2 * c) / (l1 * l3)
        tip = -math.sqrt(radius2) * l2 / (l1 * l3)
        low, high = max(HALF - x, -reach), min(f32(TILE_WIDTH) - HALF - x, reach)
        shrink = l1 * l1 * l3 * l3 / c
        dx = min(max(tip, low), high)
        bottom = (-l1 * l2 * dx + math.sqrt(max(radius2 - shrink * dx * dx, ZERO) * c)) / c
        dx = min(max(-tip, low), high)
        top = (-l1 * l2 * dx - math.sqrt(max(radius2 - shrink * dx * dx, ZERO) * c)) / c
        first = min(max(np.ceil(y + top - HALF - PIXEL_SLACK), ZERO), f32(TILE_HEIGHT))
        last = min(max(np.floor(y + bottom - HALF + PIXEL_SLACK), -ONE), height - ONE)
        spans[0, j] = np.int32(first) // np.int32(_VECTOR_ROWS) * np.int32(16)
        stop = (np.int32(last) // np.int32(_VECTOR_ROWS) + np.int32(1)) * np.int32(16)
        spans[1, j] = stop if last >= first else np.int32(0)
        params[0, j], params[1, j] = -(l1 * x + l2 * y), -l3 * y


@kernel
@no_type_check
def _scratch(channels):
    """Buffers of one job: lanes, and params, spans and colours of one batch."""
    lanes = np.empty((FIXED_RUNS + channels) * TILE_PIXELS, np.float32)
    place_lanes(lanes)
    params, spans = np.empty((GEOMETRY_FIELDS, _BATCH), np.float32), np.empty((2, _BATCH), np.int32)
    return lanes, params, spans, np.empty((_BATCH, channels), np.float32)


@kernel
@no_type_check
def _tile_box(drawing, tile):
    """First column and row of pixels of a tile, and how many columns and rows of it the image has."""
    x0, y0 = tile % drawing.columns * TILE_WIDTH, tile // drawing.columns * TILE_HEIGHT
    return x0, y0, min(TILE_WIDTH, drawing.width - x0), min(TILE_HEIGHT, drawing.height - y0)


@kernel
@no_type_check
def blend_forward(tiles, drawing, channel, used, background, image, coverage, kept, zeros):
    """Blend ``tiles`` into channels [channel, channel + used) of ``image``."""
    channels = len(zeros)
    lanes, params, spans, colors = _scratch(channels)
    for tile in tiles:
        x0, y0, cols, rows = _tile_box(drawing, tile)
        start_lanes(lanes, rows, cols)
        start, stop = drawing.tile_start[tile], drawing.tile_start[tile + 1]
        for place in range(start, stop, _BATCH):
            count, ahead = min(_BATCH, stop - place), place + _BATCH
            _load_batch(drawing, place, count, ahead, channel, f32(x0), f32(y0), f32(rows), params, spans, colors)
            for j in range(count):
                color = zeros
                for k in range(channels):
                    color = tuple_setitem(color, k, colors[j, k])  # pyright: ignore[reportCallIssue]
                draw(lanes, spans[0, j], spans[1, j], params[:, j], color, f32(place - start + j))
            if all_finished(lanes):
                break
        for p in range(N_LANES):
            kept.transmittance[tile, p] = abs(lanes[AT_T + p])
            kept.last[tile, p] = lanes[AT_LAST + p]
        for row in range(rows):
            for col in range(cols):
                p = unsigned(row * TILE_WIDTH + col)
                rest = abs(lanes[AT_T + p])
                coverage[y0 + row, x0 + col] = ONE - rest
                for k in range(used):
                    blended = lanes[AT_CHANNELS + unsigned(k * TILE_PIXELS) + p]
                    image[y0 + row, x0 + col, channel + k] = blended + rest * background[channel + k]


@kernel
@no_type_check
def blend_backward(tiles, drawing, channel, used, background, kept, grad_image, grad_alpha, drawn_end, sums, zeros):
    """Write, or for later groups add, the row of ``sums`` of each pair before ``drawn_end`` of its tile."""
    channels = len(zeros)
    lanes, params, spans, colors = _scratch(channels)
    for tile in tiles:
        x0, y0, cols, rows = _tile_box(drawing, tile)
        _load_gradients(lanes, tile, x0, y0, cols, rows, channel, used, background, kept, grad_image, grad_alpha)
        start = drawing.tile_start[tile]
        stop = start + int(max(kept.last[tile])) + 1
        drawn_end[tile] = stop
        for end in range(stop, start, -_BATCH):
            place = max(start, end - _BATCH)
            count, ahead = end - place, place - _BATCH
            _load_batch(drawing, place, count, ahead, channel, f32(x0), f32(y0), f32(rows), params, spans, colors)
            for j in range(count - 1, -1, -1):
                color = zeros
                for k in range(channels):
                    color = tuple_setitem(color, k, colors[j, k])  # pyright: ignore[reportCallIssue]
                rank = f32(place - start + j)
                g0, g1, g2, g11, g12, g22, of_color = undraw(
                    lanes, spans[0, j], spans[1, j], params[:, j], color, rank, zeros
                )
                row = sums[place + j]
                if channel > 0:  # geometry is shared by all groups of channels
                    g0, g1, g2, g11, g12, g22 = (
                        row[0] + g0, row[1] + g1, row[2] + g2, row[3] + g11, row[4] + g12, row[5] + g22
                    )  # fmt: skip
                row[0], row[1], row[2], row[3], row[4], row[5] = g0, g1, g2, g11, g12, g22
                for k in range(channels):
                    row[GEOMETRY_SUMS + channel + k] = of_color[k]


@kernel
@no_type_check
def _load_gradients(lanes, tile, x0, y0, cols, rows, channel, used, background, kept, grad_image, grad_alpha):
    """Fill the lanes of one tile for the way back.

    The rest of a lane is the gradient of its transmittance times the transmittance, as seen from behind the last
    splat: minus that of alpha (first group only) and plus that of the background, with its sign turned.
    """
    for p in range(N_LANES):
        lanes[AT_T + p] = kept.transmittance[tile, p]
        lanes[AT_LAST + p] = kept.last[tile, p]
        lanes[AT_REST + p] = ZERO
    for p in range(AT_CHANNELS, unsigned(len(lanes))):
        lanes[p] = ZERO
    for row in range(rows):
        for col in range(cols):
            p = unsigned(row * TILE_WIDTH + col)
            rest = grad_alpha[y0 + row, x0 + col] if channel == 0 else ZERO
            for k in range(used):
                grad = grad_image[y0 + row, x0 + col, channel + k]
                lanes[AT_CHANNELS + unsigned(k * TILE_PIXELS) + p] = grad
                rest -= background[channel + k] * grad
            lanes[AT_REST + p] = rest * lanes[AT_T + p]
