"""Adaptive contexts mixed to one probability: what masks, positions and lattices code their bits with.

A caller chooses the cell of each context in ``mixer.at``, then codes the bit with one function for both directions:

    bit = code_mixed(state, stream, bit, mixer, row, limit)  # writes the bit it is given, or returns the one it reads
    if overrun(state, stream): return                        # now and then; end_reading tells

p = squash(z), z = sum of weight * stretch(context's p), where squash(z) = 1 / (1 + exp(-z)) and stretch is its
inverse, z in 1/256. Weights are in 1/65536; each moves by ``(stretch * error + 2^15) >> 16`` with error =
65536 * bit - p, and stays within +-16. Logistic mixing as in M. Mahoney, "Adaptive Weighing of Context Models for
Lossless Data Compression" (2005), written from its equations; the rate was chosen on the masks (streams.offset_masks).
"""

from typing import Any, NamedTuple, no_type_check

import numpy as np

from csgaussian_ns.core.jit import inlined_kernel
from csgaussian_ns.format.streams.bits import COUNT_BITS, Buffer, adapt, code_bit, new_cells
from csgaussian_ns.format.streams.buffers import buffer, constants

ONE_WEIGHT = 1 << 16
MAX_WEIGHT = 16 * ONE_WEIGHT
DOMAIN = 2047  # largest |z| in 1/256; squash gives 23 .. 65513 of 65536
LEARNING_SHIFT = 16
LEARNING_HALF = 1 << (LEARNING_SHIFT - 1)
MOST_BITS_PER_BYTE = 16000
"""A mixed bit costs at least -log2(65513 / 65536) = 5.06e-4, so a byte holds at most 15800 of them."""


def most_bits(stored: int) -> int:
    """No stream of so many bytes holds more mixed bits."""
    return MOST_BITS_PER_BYTE * (stored + 4)


def _squash_table() -> list[int]:
    """``65536 / (1 + exp(-z/256))`` for z = -2047 .. 2047, by integer steps: no libm can change a bit of the format."""
    one = 1 << 60
    decay = 1148426689630428643  # floor(2^60 * exp(-1/256))
    power, upper = one, []
    for _ in range(DOMAIN + 1):
        upper.append(min((1 << 76) // (one + power), (1 << 16) - 1))
        power = power * decay >> 60
    return [(1 << 16) - p for p in reversed(upper[1:])] + upper


def _stretch_table(squash: list[int]) -> list[int]:
    """For each 12-bit probability i the largest z with squash(z) <= 16 i + 8, at least -2047."""
    values, z = [], 0
    for i in range(1 << 12):
        while z < 2 * DOMAIN and squash[z + 1] <= 16 * i + 8:
            z += 1
        values.append(z - DOMAIN)
    return values


SQUASH = constants(_squash_table())
STRETCH = constants(_stretch_table(_squash_table()))


class Mixer(NamedTuple):
    """What adapts, and scratch, as buffers.

    Attributes:
        cells: int32, of all contexts.
        weights: int32 [rows * C].
        at: int64 [C], the cell of each context for the next bit.
        inputs: int64 [C].
    """

    cells: Any
    weights: Any
    at: Any
    inputs: Any


def new_mixer(contexts: int, cells: int, rows: int, weight: int) -> Mixer:
    """An untouched mixer.

    Args:
        contexts: How many are mixed.
        cells: Of each of them.
        rows: Sets of weights.
        weight: What weights start at.
    """
    return Mixer(
        buffer(new_cells(contexts * cells)),
        buffer(np.full(rows * contexts, weight, np.int32)),
        buffer(np.zeros(contexts, np.int64)),
        buffer(np.zeros(contexts, np.int64)),
    )


@inlined_kernel
@no_type_check
def code_mixed(state: Buffer, stream: Buffer, bit: int, mixer: Mixer, row: int, limit: int) -> int:
    """Code one bit whose contexts are chosen, by weights ``row``, and learn from it; counts stop at ``limit``."""
    p = predict(mixer.cells, mixer.at, mixer.inputs, mixer.weights, row)
    bit = code_bit(state, stream, bit, p)
    learn(mixer.cells, mixer.at, mixer.inputs, mixer.weights, row, bit, p, limit)
    return bit


@inlined_kernel
@no_type_check
def predict(cells: Buffer, at: Buffer, inputs: Buffer, weights: Buffer, row: int) -> int:
    """Mixed probability of a one, in 65536ths, 1 .. 65535.

    Args:
        cells: int32, all contexts of the model.
        at: int64 [C], the cell of each context for this bit.
        inputs: int64 [C], filled for ``learn``.
        weights: int32 [rows * C].
        row: Which set of weights to use.
    """
    base = row * len(at)
    total = 0
    for j in range(len(at)):
        x = STRETCH[cells[at[j]] >> (COUNT_BITS + 8)]
        inputs[j] = x
        total += weights[base + j] * x
    return SQUASH[max(-DOMAIN, min(DOMAIN, total >> 16)) + DOMAIN]


@inlined_kernel
@no_type_check
def learn(cells: Buffer, at: Buffer, inputs: Buffer, weights: Buffer, row: int, bit: int, p: int, limit: int) -> None:
    """Move weights and contexts towards ``bit``, after ``predict`` returned ``p``; counts stop at ``limit`` <= 1023."""
    base = row * len(at)
    error = (bit << 16) - p
    for j in range(len(at)):
        weight = weights[base + j] + ((inputs[j] * error + LEARNING_HALF) >> LEARNING_SHIFT)
        weights[base + j] = max(-MAX_WEIGHT, min(MAX_WEIGHT, weight))
        adapt(cells, at[j], bit, limit)
