"""Compiled blending of one group of channels, tile by tile, and its gradient.

Per tile, splats front to back outside, pixels inside: 16 lanes are two rows of a tile, and only the rows that the
footprint meets within the tile's 8 columns are visited. The backward pass goes back to front from the transmittance
left over at the end and writes one row of sums per pair; ``gather_gradients`` adds them splat by splat in a fixed
order, so the result does not depend on the number of threads.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, no_type_check

import numpy as np
from numba.cpython.unsafe.tuple import tuple_setitem
from numba.np.unsafe.ndarray import to_fixed_tuple

from csgaussian_ns.render.cpu_binning import TILE_HEIGHT, TILE_PIXELS, TILE_WIDTH
from csgaussian_ns.render.cpu_jit import (
    HALF,
    LEVEL_SLACK,
    MAX_ALPHA,
    MIN_LEVEL,
    MIN_TRANSMITTANCE,
    ONE,
    PIXEL_SLACK,
    ZERO,
    exp2,
    f32,
    kernel,
    unsigned,
)

# LLVM stops unrolling the channel loop before it vectorises the lanes from 11 channels on: 25 times slower.
MAX_GROUP = 10
# Sums over the pixels of one pair: g, g r1, g r2, g r1^2, g r1 r2, g r2^2, where g is the gradient of log(alpha) and r
# the whitened offset; then one per channel.
GEOMETRY_SUMS = 6

_BATCH = 32  # splats loaded at a time; the test for a finished tile comes after each batch
_PARAMS = 6
_MIN_LEVEL, _MAX_ALPHA, _MIN_T = f32(MIN_LEVEL), f32(MAX_ALPHA), f32(MIN_TRANSMITTANCE)

# Offsets of the lanes in the scratch buffer, in units of pixels of a tile.
_N = unsigned(TILE_PIXELS)
_X, _Y, _T, _LAST = unsigned(0), _N, unsigned(2) * _N, unsigned(3) * _N
_REST, _CHANNELS = unsigned(4) * _N, unsigned(5) * _N


@kernel
@no_type_check
def _place_lanes(lanes):
    """Pixel centres of a tile, row by row."""
    for pixel in range(TILE_PIXELS):
        lanes[_X + unsigned(pixel)] = f32(pixel % TILE_WIDTH) + HALF
        lanes[_Y + unsigned(pixel)] = f32(pixel // TILE_WIDTH) + HALF


@kernel
@no_type_check
def _load_batch(place, count, place_splat, splats, features, channel, x0, y0, rows, params, spans, batch_features):
    """Copy what ``count`` pairs need to the front: many cache misses at once instead of one per pair.

    ``params`` holds per pair l1, l2, l3, level and the whitened offsets of the tile's corner; ``spans`` the lanes
    [start, stop) to visit: whole vectors, empty where the footprint misses the tile.
    """
    for j in range(count):
        q = place_splat[place + j]
        for k in range(_PARAMS):
            params[k, j] = splats[q, k]
        for k in range(batch_features.shape[1]):
            batch_features[j, k] = features[q, channel + k]
    for j in range(count):
        x, y = params[0, j] - x0, params[1, j] - y0
        l1, l2, l3, level = params[2, j], params[3, j], params[4, j], params[5, j]
        radius2 = level - _MIN_LEVEL + LEVEL_SLACK
        # highest and lowest dy of the footprint for dx between the first and the last column
        a, b, c = l1 * l1, l1 * l2, l2 * l2 + l3 * l3
        reach = math.sqrt(radius2 * c) / (l1 * l3)
        low, high = max(HALF - x, -reach), min(f32(TILE_WIDTH) - HALF - x, reach)
        tip = -math.sqrt(radius2) * l2 / (l1 * l3)
        shrink = a * l3 * l3 / c
        dx = min(max(tip, low), high)
        bottom = (-b * dx + math.sqrt(max(radius2 - shrink * dx * dx, ZERO) * c)) / c
        dx = min(max(-tip, low), high)
        top = (-b * dx - math.sqrt(max(radius2 - shrink * dx * dx, ZERO) * c)) / c
        first = min(max(np.ceil(y + top - HALF - PIXEL_SLACK), ZERO), f32(TILE_HEIGHT))
        last = min(max(np.floor(y + bottom - HALF + PIXEL_SLACK), -ONE), rows - ONE)
        spans[0, j] = np.int32(first) * np.int32(TILE_WIDTH) // np.int32(16) * np.int32(16)
        stop = (np.int32(last) * np.int32(TILE_WIDTH) // np.int32(16) + np.int32(1)) * np.int32(16)
        spans[1, j] = stop if last >= first else np.int32(0)
        params[0, j], params[1, j] = -(l1 * x + l2 * y), -l3 * y


@lru_cache(maxsize=None)
@no_type_check
def blend_forward(channels: int) -> Callable[..., Any]:
    """Compile, or take from the cache, the forward kernel for a group of ``channels`` channels."""

    @kernel
    def blend(
        tiles, columns, width, height, tile_start, place_splat, splats, features, channel, used, background, image,
        coverage, transmittance, last_drawn,
    ):
        """Blend ``tiles`` into channels [channel, channel + used) of ``image``; keep per lane what backward needs."""
        lanes = np.empty((5 + channels) * TILE_PIXELS, np.float32)
        params, spans = np.empty((_PARAMS, _BATCH), np.float32), np.empty((2, _BATCH), np.int32)
        batch_features = np.empty((_BATCH, channels), np.float32)
        _place_lanes(lanes)
        for tile in tiles:
            x0, y0 = tile % columns * TILE_WIDTH, tile // columns * TILE_HEIGHT
            rows, cols = min(TILE_HEIGHT, height - y0), min(TILE_WIDTH, width - x0)
            for p in range(unsigned(0), _N):
                # lanes outside the image count as finished
                inside = (lanes[_X + p] < f32(cols)) & (lanes[_Y + p] < f32(rows))
                lanes[_T + p] = ONE if inside else -ONE
                lanes[_LAST + p] = -ONE
            for p in range(unsigned(0), unsigned(channels) * _N):
                lanes[_CHANNELS + p] = ZERO
            start, stop = tile_start[tile], tile_start[tile + 1]
            for place in range(start, stop, _BATCH):
                count = min(_BATCH, stop - place)
                _load_batch(place, count, place_splat, splats, features, channel, f32(x0), f32(y0), f32(rows), params,
                            spans, batch_features)  # fmt: skip
                for j in range(count):
                    r1_0, r2_0, level = params[0, j], params[1, j], params[5, j]
                    l1, l2, l3 = params[2, j], params[3, j], params[4, j]
                    color = to_fixed_tuple(batch_features[j], channels)
                    rank = f32(place - start + j)
                    for p in range(unsigned(spans[0, j]), unsigned(spans[1, j])):
                        r1 = l1 * lanes[_X + p] + (l2 * lanes[_Y + p] + r1_0)
                        r2 = l3 * lanes[_Y + p] + r2_0
                        log_alpha = level - r1 * r1 - r2 * r2
                        alpha = min(exp2(log_alpha), _MAX_ALPHA) if log_alpha >= _MIN_LEVEL else ZERO
                        before = lanes[_T + p]
                        weight = alpha * before
                        after = before - weight
                        # A finished lane keeps its transmittance with a minus sign, and so never passes again.
                        live = after > _MIN_T
                        lanes[_T + p] = after if live else -abs(before)
                        lanes[_LAST + p] = rank if live else lanes[_LAST + p]
                        weight = weight if live else ZERO
                        for k in range(channels):
                            lanes[_CHANNELS + unsigned(k * TILE_PIXELS) + p] += weight * color[k]
                most = ZERO
                for p in range(unsigned(0), _N):
                    most = max(most, lanes[_T + p])
                if most <= ZERO:
                    break
            for p in range(unsigned(0), _N):
                transmittance[tile, p] = abs(lanes[_T + p])
                last_drawn[tile, p] = lanes[_LAST + p]
            for row in range(rows):
                for col in range(cols):
                    p = unsigned(row * TILE_WIDTH + col)
                    rest = abs(lanes[_T + p])
                    coverage[y0 + row, x0 + col] = ONE - rest
                    for k in range(used):
                        blended = lanes[_CHANNELS + unsigned(k * TILE_PIXELS) + p]
                        image[y0 + row, x0 + col, channel + k] = blended + rest * background[channel + k]

    return blend


@lru_cache(maxsize=None)
@no_type_check
def blend_backward(channels: int) -> Callable[..., Any]:
    """Compile, or take from the cache, the backward kernel for a group of ``channels`` channels."""
    no_sums = (ZERO,) * channels

    @kernel
    def blend(
        tiles, columns, width, height, tile_start, place_splat, splats, features, channel, used, background,
        transmittance, last_drawn, grad_image, grad_alpha, sums,
    ):
        """Write, or for later groups add, each pair's row of ``sums``."""
        lanes = np.empty((5 + channels) * TILE_PIXELS, np.float32)
        params, spans = np.empty((_PARAMS, _BATCH), np.float32), np.empty((2, _BATCH), np.int32)
        batch_features = np.empty((_BATCH, channels), np.float32)
        _place_lanes(lanes)
        for tile in tiles:
            x0, y0 = tile % columns * TILE_WIDTH, tile // columns * TILE_HEIGHT
            rows, cols = min(TILE_HEIGHT, height - y0), min(TILE_WIDTH, width - x0)
            start = tile_start[tile]
            drawn = _load_gradients(
                tile, x0, y0, rows, cols, channel, used, background, transmittance, last_drawn, grad_image, grad_alpha,
                lanes,
            )
            for place in range(start + drawn, tile_start[tile + 1]):
                for k in range(GEOMETRY_SUMS if channel == 0 else 0):
                    sums[place, k] = ZERO
                for k in range(channels):
                    sums[place, GEOMETRY_SUMS + channel + k] = ZERO
            for end in range(start + drawn, start, -_BATCH):
                count = min(_BATCH, end - start)
                place = end - count
                _load_batch(place, count, place_splat, splats, features, channel, f32(x0), f32(y0), f32(rows), params,
                            spans, batch_features)  # fmt: skip
                for j in range(count - 1, -1, -1):
                    r1_0, r2_0, level = params[0, j], params[1, j], params[5, j]
                    l1, l2, l3 = params[2, j], params[3, j], params[4, j]
                    color = to_fixed_tuple(batch_features[j], channels)
                    rank = f32(place - start + j)
                    g0, g1, g2, g11, g12, g22, of_color = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, no_sums
                    for p in range(unsigned(spans[0, j]), unsigned(spans[1, j])):
                        r1 = l1 * lanes[_X + p] + (l2 * lanes[_Y + p] + r1_0)
                        r2 = l3 * lanes[_Y + p] + r2_0
                        log_alpha = level - r1 * r1 - r2 * r2
                        uncapped = exp2(log_alpha)
                        hit = (log_alpha >= _MIN_LEVEL) & (lanes[_LAST + p] >= rank)
                        alpha = min(uncapped, _MAX_ALPHA) if hit else ZERO
                        per_rest = ONE / (ONE - alpha)
                        before = lanes[_T + p] * per_rest
                        lanes[_T + p] = before
                        weight = alpha * before
                        along = ZERO
                        for k in range(channels):
                            grad = lanes[_CHANNELS + unsigned(k * TILE_PIXELS) + p]
                            along += color[k] * grad
                            of_color = tuple_setitem(of_color, k, of_color[k] + weight * grad)
                        rest = lanes[_REST + p]
                        lanes[_REST + p] = rest - weight * along
                        g = alpha * (before * along + per_rest * rest) if uncapped <= _MAX_ALPHA else ZERO
                        g_r1, g_r2 = g * r1, g * r2
                        g0 += g
                        g1 += g_r1
                        g2 += g_r2
                        g11 += g_r1 * r1
                        g12 += g_r1 * r2
                        g22 += g_r2 * r2
                    row = place + j
                    _store_sums(sums, row, channel, g0, g1, g2, g11, g12, g22)
                    for k in range(channels):
                        sums[row, GEOMETRY_SUMS + channel + k] = of_color[k]

    return blend


@kernel
@no_type_check
def _load_gradients(
    tile, x0, y0, rows, cols, channel, used, background, transmittance, last_drawn, grad_image, grad_alpha, lanes
):
    """Fill the lanes of one tile for the way back; return how many of its pairs were drawn anywhere.

    The rest of a lane is the gradient of its transmittance times the transmittance, as seen from behind the last
    splat: minus that of alpha (first group only) and plus that of the background.
    """
    drawn = -ONE
    for p in range(unsigned(0), _N):
        lanes[_T + p] = transmittance[tile, p]
        lanes[_LAST + p] = last_drawn[tile, p]
        lanes[_REST + p] = ZERO
        drawn = max(drawn, last_drawn[tile, p])
    for p in range(_CHANNELS, unsigned(len(lanes))):
        lanes[p] = ZERO
    for row in range(rows):
        for col in range(cols):
            p = unsigned(row * TILE_WIDTH + col)
            rest = grad_alpha[y0 + row, x0 + col] if channel == 0 else ZERO
            for k in range(used):
                grad = grad_image[y0 + row, x0 + col, channel + k]
                lanes[_CHANNELS + unsigned(k * TILE_PIXELS) + p] = grad
                rest -= background[channel + k] * grad
            lanes[_REST + p] = rest * lanes[_T + p]
    return int(drawn) + 1


@kernel
@no_type_check
def _store_sums(sums, row, channel, g0, g1, g2, g11, g12, g22):
    """Geometry is shared by all groups of channels: the first one writes, the others add."""
    if channel == 0:
        sums[row, 0], sums[row, 1], sums[row, 2], sums[row, 3], sums[row, 4], sums[row, 5] = g0, g1, g2, g11, g12, g22
    else:
        sums[row, 0] += g0
        sums[row, 1] += g1
        sums[row, 2] += g2
        sums[row, 3] += g11
        sums[row, 4] += g12
        sums[row, 5] += g22
