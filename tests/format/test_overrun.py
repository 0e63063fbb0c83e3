"""Readers stop where their stream ends, however many values were promised: time is bounded by what is stored."""

from collections.abc import Callable

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.networks import lattice_tables
from csgaussian_ns.format.networks.encodings import IntegerHashgrid, IntegerTriplane
from csgaussian_ns.format.networks.lattice import PLANES, SPACE, Lattice
from csgaussian_ns.format.streams import labels, offset_masks
from csgaussian_ns.format.streams.bits import POSITION, start_reading

NOISE = np.random.default_rng(0).integers(0, 256, 300).astype(np.uint8)
COUNT = 1 << 20
GRID = Lattice(SPACE, 4, 18, (64,))
PLANE = Lattice(PLANES, 4, 20, (296,))


def lattice(table: Lattice, kind: type) -> Callable[[np.ndarray, np.ndarray], None]:
    flat = np.zeros(table.rows * table.channels, np.int8)
    assert len(flat) >= COUNT
    return lambda state, stream: lattice_tables._run(state, stream, flat, table, kind)


@pytest.mark.parametrize(
    "run",
    [
        lambda state, stream: offset_masks._run(state, stream, np.zeros(COUNT, np.uint8), COUNT // 8, 8),
        lambda state, stream: labels._run(state, stream, np.zeros(COUNT, np.int32), 3),
        lattice(GRID, IntegerHashgrid),
        lattice(PLANE, IntegerTriplane),
    ],
    ids=["masks", "labels", "hashgrid", "triplane"],
)
def test_a_reader_stops_at_the_end_of_its_bytes(run: Callable[[np.ndarray, np.ndarray], None]):
    state = start_reading(NOISE)
    run(state, NOISE.copy())
    assert len(NOISE) + 4 < state[POSITION] < len(NOISE) + 64


def test_what_ends_early_is_refused():
    with pytest.raises(FormatError, match="masks: 300 bytes are stored, decoding used 30"):
        offset_masks.decode_masks(NOISE.tobytes(), COUNT // 8, 8)
    with pytest.raises(FormatError, match="labels: 300 bytes are stored, decoding used 30"):
        labels.decode_labels(NOISE.tobytes(), COUNT, 3)
    head = bytes([1, 0, 4, 18, 1]) + (64).to_bytes(2, "little") + (300).to_bytes(4, "little")
    with pytest.raises(FormatError, match="lattice: 300 bytes are stored, decoding used 30"):
        lattice_tables.read_lattices(head + NOISE.tobytes(), IntegerHashgrid)
