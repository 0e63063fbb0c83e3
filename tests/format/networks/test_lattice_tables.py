"""Tables of interpolated encodings as bytes: exact, near their entropy, and safe to read from strangers."""

import math
import random

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError, LimitExceeded
from csgaussian_ns.format.networks.encodings import IntegerHashgrid, IntegerTriplane, InterpolatedIntegers
from csgaussian_ns.format.networks.lattice import PLANES, SPACE, Lattice
from csgaussian_ns.format.networks.lattice_tables import read_lattices, write_lattices
from csgaussian_ns.format.networks.positional import VoxelBox

BOX, RANDOM = VoxelBox((0, 0, 0), 9), np.random.default_rng(0)
PLANES_HEX = (
    "010102040202000500310000000213019baeab28c1e7c9601fcd1267ec4626c3fbeac09376db1e08f0ac15f5d4581b3181fe"
    "3429713ff2bb0bee2327eea7"
)
SIGNS_HEX = "0101020402020005000e0000006e8f1ae3d087ca05b233863b7339"


def triplane(resolution: int = 12, channels: int = 3, spread: float = 4.0) -> IntegerTriplane:
    lattice = Lattice(PLANES, channels, 20, (resolution, 2 * resolution))
    numbers = np.rint(RANDOM.normal(size=(lattice.rows, channels)) * spread).clip(-31, 31)
    return IntegerTriplane(BOX, (lattice,), (numbers.astype(np.int8),))


def hashgrid(ones: float = 0.5) -> IntegerHashgrid:
    lattices = Lattice(SPACE, 4, 8, (4, 9, 30)), Lattice(PLANES, 2, 7, (9, 40))
    tables = (np.where(RANDOM.random((one.rows, one.channels)) < ones, 1, -1).astype(np.int8) for one in lattices)
    return IntegerHashgrid(BOX, lattices, tuple(tables))


@pytest.mark.parametrize("encoding", [triplane(), triplane(2, 1, 100.0), triplane(spread=0.0), hashgrid(), hashgrid(1)])
def test_tables_come_back(encoding: InterpolatedIntegers):
    lattices, tables = read_lattices(write_lattices(encoding), type(encoding))
    assert lattices == encoding.lattices
    assert all(map(np.array_equal, tables, encoding.tables))


def test_bytes_are_near_the_entropy_and_neighbours_help():
    fair, loaded, empty = (len(write_lattices(one)) for one in (hashgrid(), hashgrid(0.05), triplane(40, 4, 0.0)))
    count = sum(table.size for table in hashgrid().tables)
    assert count / 8 < fair < count / 8 * 1.06 + 40
    assert loaded < 0.45 * fair  # the entropy of 0.05 is 0.286 bits
    assert empty < 60  # 96 k zeros
    noise = triplane(40, 1)
    gaussian = math.log2(4 * math.sqrt(2 * math.pi * math.e)) * noise.tables[0].size / 8
    assert len(write_lattices(noise)) < gaussian * 1.06
    rows = np.concatenate([np.sin(np.linspace(0, 30, one.rows)) * 12 for one in noise.lattices[0].grids])
    smooth = IntegerTriplane(BOX, noise.lattices, (np.rint(rows).astype(np.int8)[:, None],))
    assert len(write_lattices(smooth)) < 0.8 * len(write_lattices(noise))


def test_the_bytes_of_the_format_do_not_change():
    lattice = Lattice(PLANES, 2, 4, (2, 5))
    numbers = np.arange(lattice.rows * 2).reshape(-1, 2) * 7 % 13 - 6
    planes = IntegerTriplane(BOX, (lattice,), (numbers.astype(np.int8),))
    signs = IntegerHashgrid(BOX, (lattice,), (np.where(numbers % 3 > 0, 1, -1).astype(np.int8),))
    assert write_lattices(planes).hex() == PLANES_HEX
    assert write_lattices(signs).hex() == SIGNS_HEX


def test_damage_is_refused_or_gives_other_numbers_in_range():
    dice = random.Random(0)
    for encoding in (triplane(4), hashgrid()):
        data, refused = write_lattices(encoding), 0
        for number in range(90):
            damaged = bytearray(data[: dice.randrange(len(data))] if number % 3 == 0 else data)
            if number % 3:
                damaged[dice.randrange(30 if number % 2 else len(data))] ^= 1 << dice.randrange(8)
            try:
                _, tables = read_lattices(bytes(damaged), type(encoding))
            except FormatError:
                refused += 1
            else:
                assert all(int(np.abs(table).max()) <= encoding.LARGEST for table in tables)
        assert refused > 40


def test_promises_beyond_the_bytes_are_refused_before_memory_is_taken():
    huge = bytes([1, 0, 128, 15, 1]) + (4096).to_bytes(2, "little") + (9).to_bytes(4, "little") + bytes(9)
    with pytest.raises(LimitExceeded, match="4194304 numbers cannot be in 9 bytes"):
        read_lattices(huge, IntegerHashgrid)
    wide = bytes([1, 1, 128, 2, 2]) + bytes([2, 0, 2, 0])
    with pytest.raises(FormatError, match="more than 512 outputs"):
        read_lattices(wide, IntegerTriplane)
    with pytest.raises(FormatError, match="0 bytes end inside a part of 1"):
        read_lattices(b"", IntegerTriplane)
    for data in (b"\0", b"\3"):
        with pytest.raises(FormatError, match=r"expected 1\.\.2"):
            read_lattices(data, IntegerTriplane)
