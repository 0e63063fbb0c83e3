"""Offset masks: which of its K offsets each anchor keeps, coded bit by bit with contexts that adapt.

Slots differ a lot (one is kept by almost every anchor, others by a few per cent) and the bits of one anchor depend on
each other, so the model mixes contexts from the anchor's own earlier bits and from the anchors before it in Morton
order. On 29k model anchors it needs 1.5 % more than the entropy of the joint patterns where neighbours are independent
(which leaves out what a table of patterns would cost), and 4 to 15 % less where they are alike. Statistics are learnt
on the way: nothing is stored but the coded bits, a stream of ``streams.bits``. Anchors go in order, in an anchor
slots 0 .. K-1. No anchors, no bytes.

Contexts of a bit in slot s, each a cell of its own table (indices in ``_select``): the bits of this anchor so far; this
slot's bits in the last 4 anchors; how many bits of this anchor are set; its last 3 bits with the bits s-1 .. s+1 of the
anchor before and bit s of the one before that; how often s was set in the last 8 anchors; the last 10 bits of the
anchor before and whether this one began like it. Mixer weights are chosen by s and start at 13107 (0.2).
"""

from typing import Any, no_type_check

import numpy as np

from csgaussian_ns.core.errors import FormatError, LimitExceeded
from csgaussian_ns.core.jit import kernel
from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.format.streams.bits import overrun, read, write
from csgaussian_ns.format.streams.buffers import buffer
from csgaussian_ns.format.streams.mixing import Mixer, code_mixed, most_bits, new_mixer

MAX_OFFSETS = 32
"""Largest K: keeps every context below 2^40."""

CONTEXTS = 6
TABLE = 1 << 16  # cells per context
START_WEIGHT = 65536 // 5
LIMIT = 1000  # cells follow with at least 1/1000


@kernel
@no_type_check
def _cell(table: int, context: int) -> int:
    """Cell of a context, >= 0: its own where 16 bits number all of them, else a shared one."""
    return table * TABLE + ((context ^ ((context >> 16) * 40503)) & (TABLE - 1))


@kernel
@no_type_check
def _select(at: Any, slot: int, prefix: int, ones: int, last: int, history: int, offsets: int) -> None:
    """Choose the cell of each context for one bit.

    Args:
        at: Filled with indices of cells.
        slot: Which offset.
        prefix: Bits 0 .. slot - 1 of this anchor behind a leading one, the newest lowest.
        ones: How many of them are set.
        last: The same of all bits of the anchor before.
        history: Bits of this slot in the last 8 anchors, the last one lowest.
        offsets: K.
    """
    pairs = history - (history >> 1 & 0x55)
    fours = (pairs & 0x33) + (pairs >> 2 & 0x33)
    frequency = (fours + (fours >> 4)) & 15
    same = 1 if prefix == last >> (offsets - slot) else 0
    near = last >> max(0, offsets - slot - 2) & 7
    at[0] = _cell(0, prefix)
    at[1] = _cell(1, (history & 15) << 5 | slot)
    at[2] = _cell(2, ones << 5 | slot)
    at[3] = _cell(3, ((prefix & 7) << 4 | near << 1 | history >> 1 & 1) << 5 | slot)
    at[4] = _cell(4, frequency << 5 | slot)
    at[5] = _cell(5, (last & 1023) << 6 | same << 5 | slot)


@kernel
@no_type_check
def _code(state: Any, stream: Any, masks: Any, count: int, offsets: int, past: Any, mixer: Mixer) -> None:
    """Write ``masks``, uint8 [count * offsets], or read them into it; ``past``: int64 [offsets] zeros."""
    last = 1 << offsets
    for anchor in range(count):
        if overrun(state, stream):
            return
        prefix, ones = 1, 0
        for slot in range(offsets):
            _select(mixer.at, slot, prefix, ones, last, past[slot], offsets)
            bit = code_mixed(state, stream, masks[anchor * offsets + slot], mixer, slot, LIMIT)
            masks[anchor * offsets + slot] = bit
            past[slot] = (past[slot] << 1 | bit) & 255
            prefix = prefix << 1 | bit
            ones += bit
        last = prefix


def _run(state: np.ndarray, stream: np.ndarray, masks: np.ndarray, count: int, offsets: int) -> None:
    mixer = new_mixer(CONTEXTS, TABLE, offsets, START_WEIGHT)
    past = buffer(np.zeros(offsets, np.int64))
    _code(buffer(state), buffer(stream), buffer(masks), count, offsets, past, mixer)


def encode_masks(masks: Bool[np.ndarray, "N K"]) -> bytes:
    """Code the masks of N anchors in their order of coding (Morton order: neighbours help) with K slots each.

    Raises:
        ValueError: K is larger than ``MAX_OFFSETS``.
    """
    count, offsets = masks.shape
    if offsets > MAX_OFFSETS:
        raise ValueError(f"{offsets} offsets per anchor; the format allows {MAX_OFFSETS}")
    if masks.size == 0:
        return b""
    flat = masks.astype(np.uint8).ravel()
    return write(lambda state, stream: _run(state, stream, flat, count, offsets), masks.size // 8 + 64)


def decode_masks(data: bytes | memoryview, count: int, num_offsets: int) -> Bool[np.ndarray, "N K"]:
    """The masks of ``count`` anchors with ``num_offsets`` slots each.

    Raises:
        FormatError: The data is damaged in a way its structure shows; other damage gives wrong masks.
        LimitExceeded: So few bytes cannot hold so many masks. Nothing was allocated.
    """
    if not 0 <= num_offsets <= MAX_OFFSETS or count < 0:
        raise FormatError(f"{count} masks of {num_offsets} offsets; expected 0 .. {MAX_OFFSETS} offsets")
    if count * num_offsets > most_bits(len(data)):
        raise LimitExceeded(f"{count} masks of {num_offsets} offsets cannot be in {len(data)} bytes")
    masks = np.zeros(count * num_offsets, np.uint8)
    if masks.size:
        read(lambda state, stream: _run(state, stream, masks, count, num_offsets), data, "masks")
    elif len(data):
        raise FormatError(f"masks: {len(data)} bytes are stored for no masks")
    return masks.reshape(count, num_offsets).astype(bool)
