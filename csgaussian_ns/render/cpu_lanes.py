"""Compiled inner loops of blending: one splat on the pixels ("lanes") of one tile.

All lanes of a tile live in one scratch buffer, one run of ``TILE_PIXELS`` floats per quantity: pixel centre x and y,
transmittance T, rank of the last splat drawn, rest (backward only), then the channels.
"""

from typing import no_type_check

from numba.cpython.unsafe.tuple import tuple_setitem

from csgaussian_ns.render.contract import MAX_ALPHA, MIN_TRANSMITTANCE
from csgaussian_ns.render.cpu_binning import TILE_PIXELS, TILE_WIDTH
from csgaussian_ns.render.cpu_jit import (
    HALF,
    MIN_LEVEL,
    ONE,
    ZERO,
    exp2,
    f32,
    inlined_kernel,
    kernel,
    unsigned,
)

# LLVM stops unrolling the channel loop before it vectorises the lanes from 11 channels on: up to 25 times slower.
MAX_GROUP = 10

N_LANES = unsigned(TILE_PIXELS)
AT_X, AT_Y, AT_T, AT_LAST = unsigned(0), N_LANES, unsigned(2) * N_LANES, unsigned(3) * N_LANES
AT_REST, AT_CHANNELS = unsigned(4) * N_LANES, unsigned(5) * N_LANES
FIXED_RUNS = 5

_MIN_LEVEL, _MAX_ALPHA, _MIN_T = f32(MIN_LEVEL), f32(MAX_ALPHA), f32(MIN_TRANSMITTANCE)


@kernel
@no_type_check
def place_lanes(lanes):
    """Fill in the pixel centres, relative to the tile's corner, row by row."""
    for pixel in range(TILE_PIXELS):
        lanes[AT_X + unsigned(pixel)] = f32(pixel % TILE_WIDTH) + HALF
        lanes[AT_Y + unsigned(pixel)] = f32(pixel // TILE_WIDTH) + HALF


@kernel
@no_type_check
def start_lanes(lanes, rows, cols):
    """Nothing drawn yet. Lanes outside the image count as finished."""
    for p in range(N_LANES):
        inside = (lanes[AT_X + p] < f32(cols)) & (lanes[AT_Y + p] < f32(rows))
        lanes[AT_T + p] = ONE if inside else -ONE
        lanes[AT_LAST + p] = -ONE
    for p in range(AT_CHANNELS, unsigned(len(lanes))):
        lanes[p] = ZERO


@kernel
@no_type_check
def all_finished(lanes):
    """Whether no lane can take another splat."""
    most = ZERO
    for p in range(N_LANES):
        most = max(most, lanes[AT_T + p])
    return most <= ZERO


@inlined_kernel
@no_type_check
def _add_channels(lanes, p, weight, color):
    """The loop over channels of ``draw``.

    Apart, because LLVM unrolls such a loop too late when it stands among the lanes: it then peels the first lane off
    the lanes' loop, and no vector is whole any more (1.5 times slower for up to 5 channels).
    """
    for k in range(len(color)):
        lanes[AT_CHANNELS + unsigned(k * TILE_PIXELS) + p] += weight * color[k]


@inlined_kernel
@no_type_check
def _along_channels(lanes, p, weight, color, of_color):
    """The loop over channels of ``undraw``: gradient of the weight, and ``of_color`` with this lane added."""
    along = ZERO
    for k in range(len(color)):
        grad = lanes[AT_CHANNELS + unsigned(k * TILE_PIXELS) + p]
        along += color[k] * grad
        step = of_color[k] + weight * grad
        of_color = tuple_setitem(of_color, k, step)  # pyright: ignore[reportCallIssue]
    return along, of_color


@inlined_kernel
@no_type_check
def draw(lanes, start, stop, param, color, rank):
    """Draw splat number ``rank`` on lanes [start, stop).

    ``param``: whitened offset of the tile's corner from the centre, whitening l1, l2, l3, and level. ``color`` is a
    tuple: its length is part of the type, so that there is one machine code per number of channels.
    """
    r1_0, r2_0, l1, l2, l3, level = param[0], param[1], param[2], param[3], param[4], param[5]
    for p in range(unsigned(start), unsigned(stop)):
        r1 = l1 * lanes[AT_X + p] + (l2 * lanes[AT_Y + p] + r1_0)
        r2 = l3 * lanes[AT_Y + p] + r2_0
        log_alpha = level - r1 * r1 - r2 * r2
        alpha = min(exp2(log_alpha), _MAX_ALPHA)
        before = lanes[AT_T + p]
        weight = alpha * before if log_alpha >= _MIN_LEVEL else ZERO
        after = before - weight
        # A finished lane keeps its transmittance with a minus sign, and so never passes again.
        live = after > _MIN_T
        lanes[AT_T + p] = after if live else -abs(before)
        lanes[AT_LAST + p] = rank if live else lanes[AT_LAST + p]
        weight = weight if live else ZERO
        _add_channels(lanes, p, weight, color)


@inlined_kernel
@no_type_check
def undraw(lanes, start, stop, param, color, rank, zeros):
    """Go back over splat number ``rank`` on lanes [start, stop); ``param`` and ``color`` as for ``draw``.

    Channels hold the image gradient; T and rest go from behind the splat to in front of it. Returns the sums over
    lanes of g, g r1, g r2, g r1^2, g r1 r2, g r2^2 (g the gradient of log(alpha), r the whitened offset), and the
    gradient of each channel, which starts from ``zeros``.
    """
    r1_0, r2_0, l1, l2, l3, level = param[0], param[1], param[2], param[3], param[4], param[5]
    g0, g1, g2, g11, g12, g22, of_color = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, zeros
    for p in range(unsigned(start), unsigned(stop)):
        r1 = l1 * lanes[AT_X + p] + (l2 * lanes[AT_Y + p] + r1_0)
        r2 = l3 * lanes[AT_Y + p] + r2_0
        log_alpha = level - r1 * r1 - r2 * r2
        uncapped = exp2(log_alpha)
        hit = (log_alpha >= _MIN_LEVEL) & (lanes[AT_LAST + p] >= rank)
        alpha = min(uncapped, _MAX_ALPHA) if hit else ZERO
        per_rest = ONE / (ONE - alpha)
        before = lanes[AT_T + p] * per_rest
        lanes[AT_T + p] = before
        weight = alpha * before
        along, of_color = _along_channels(lanes, p, weight, color, of_color)
        rest = lanes[AT_REST + p]
        lanes[AT_REST + p] = rest - weight * along
        g = alpha * (before * along + per_rest * rest) if uncapped <= _MAX_ALPHA else ZERO
        g_r1, g_r2 = g * r1, g * r2
        g0 += g
        g1 += g_r1
        g2 += g_r2
        g11 += g_r1 * r1
        g12 += g_r1 * r2
        g22 += g_r2 * r2
    return g0, g1, g2, g11, g12, g22, of_color
