"""Data for the tests of the coders. Imports no torch, so that fresh interpreters start fast."""

import numpy as np

from csgaussian_ns.format.streams.rans import encode
from csgaussian_ns.format.streams.symbol_tables import load_tables

LARGEST, SMALLEST = 2**31 - 1, -(2**31)


def draw_symbols(count, low=0, high=176, seed=0, spread=1.0):
    """Symbols that fit their tables (scaled by ``spread``), int32, and ids of tables low .. high - 1, uint8."""
    random = np.random.default_rng(seed)
    ids = random.integers(low, high, count).astype(np.uint8)
    scale = spread * 2.0 ** (-4 + (ids % 88) / 8)
    values = np.where(ids < 88, random.normal(size=count), random.laplace(size=count)) * scale
    return np.rint(values).astype(np.int32), ids


def all_escapes(count):
    """Values over the whole 32-bit range."""
    random = np.random.default_rng(1)
    values = random.integers(SMALLEST, LARGEST, count, endpoint=True)
    values[:4] = [SMALLEST, LARGEST, SMALLEST + 1, 600]
    return values.astype(np.int32), random.integers(0, 176, count).astype(np.uint8)


def small_rans_stream():
    """60 symbols, three of them far beyond their alphabets, their tables, and the stream."""
    symbols, ids = draw_symbols(60, 20, 60, spread=2.0)
    symbols[[5, 17, 44]] = [LARGEST, -5000, SMALLEST]
    return symbols, ids, encode(symbols, ids, load_tables())


def mutations(data, count, seed=0):
    """``count`` damaged versions of ``data``: cut, bits flipped, replaced by noise, noise at the end, constant end."""
    random, size = np.random.default_rng(seed), len(data)
    for i in range(count):
        damaged = np.frombuffer(data, np.uint8).copy()
        if i % 5 == 0:
            damaged = damaged[: random.integers(0, size)]
        elif i % 5 == 1:
            damaged[random.integers(0, size, 3)] ^= np.uint8(1) << random.integers(0, 8, 3).astype(np.uint8)
        elif i % 5 == 2:
            damaged = random.integers(0, 256, 2 * random.integers(0, size)).astype(np.uint8)
        elif i % 5 == 3:
            start = min(32, size // 2)
            damaged[start:] = random.integers(0, 256, size - start)
        else:
            damaged[random.integers(0, size) :] = random.integers(0, 2) * 255
        yield damaged.tobytes()


def latent_masks(anchors, offsets=10, seed=0, stay=0.0):
    """Masks like a trained scene's: a quarter set, slot 0 almost always, others depending on a hidden class.

    Four classes of anchors prefer different slots. ``stay`` is the chance that an anchor has the class of the one
    before it in Morton order.
    """
    random = np.random.default_rng(seed)
    rates = np.concatenate([[0.98], np.geomspace(0.32, 0.08, max(1, offsets - 1))])[:offsets]
    classes = random.integers(0, 4, anchors)
    keep = random.random(anchors) < stay
    keep[:1] = False
    classes = classes[np.maximum.accumulate(np.where(keep, 0, np.arange(anchors)))]
    liking = random.dirichlet(np.full(offsets, 0.35), 4) * offsets
    busy = np.array([0.25, 0.8, 1.2, 1.75])[classes, None]
    factor = liking[classes] * busy
    factor[:, 0] = 1.0
    return random.random((anchors, offsets)) < np.clip(rates * factor, 0, 0.98)
