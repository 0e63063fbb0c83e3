"""A second decoder of position streams, written from FORMAT.md alone: slow, in plain Python, sharing no code."""

import re
import struct
import zlib
from collections import defaultdict
from functools import cache

import numpy as np
import pytest

from csgaussian_ns.format import tables
from csgaussian_ns.format.streams.positions import decode_positions, encode_positions

TEXT = (tables.FOLDER.parent / "FORMAT.md").read_text()


@cache
def squash_table():
    e, upper = 1 << 60, []
    for _ in range(2048):
        upper.append(min(2**76 // (2**60 + e), 65535))
        e = e * 1148426689630428643 >> 60
    return {z: upper[z] if z >= 0 else 65536 - upper[-z] for z in range(-2047, 2048)}


@cache
def stretch_table():
    table = squash_table()
    return [max((z for z in table if table[z] <= 16 * i + 8), default=-2047) for i in range(4096)]


class Cell:
    def __init__(self):
        self.p, self.n = 1 << 19, 0

    def learn(self, bit, limit):
        target = 2**20 - 1 if bit else 0
        self.p += (target - self.p) * (131072 // (2 * self.n + 3)) >> 16
        self.n = min(self.n + 1, limit)


class Reader:
    def __init__(self, data):
        self.data, self.at = data + bytes(9999), 4
        self.low, self.high, self.code = 0, 2**32 - 1, int.from_bytes(self.data[:4], "big")
        self.cells, self.weights = defaultdict(Cell), defaultdict(lambda: [19660] * 7)

    def bit(self, p):
        middle = self.low + ((self.high - self.low) * p >> 16)
        bit = int(self.code <= middle)
        if bit:
            self.high = middle
        else:
            self.low = middle + 1
        while self.low >> 24 == self.high >> 24:
            self.low = self.low * 256 % 2**32
            self.high = self.high * 256 % 2**32 + 255
            self.code = self.code * 256 % 2**32 + self.data[self.at]
            self.at += 1
        return bit

    def alone(self, *context):
        cell = self.cells[context]
        bit = self.bit(max(1, cell.p >> 4))
        cell.learn(bit, 30)
        return bit

    def mixed(self, contexts, row):
        cells = [self.cells[("mixed", number, *context)] for number, context in enumerate(contexts)]
        weights = self.weights[row]
        x = [stretch_table()[cell.p >> 8] for cell in cells]
        z = sum(w * v for w, v in zip(weights, x, strict=True)) >> 16
        p = squash_table()[max(-2047, min(2047, z))]
        bit = self.bit(p)
        error = 65536 * bit - p
        for j in range(7):
            weights[j] = max(-(2**20), min(2**20, weights[j] + (x[j] * error + 2**15 >> 16)))
            cells[j].learn(bit, 60)
        return bit


def cell_of(key, depth):
    return tuple(sum((key >> 3 * b + place & 1) << b for b in range(depth)) for place in (2, 1, 0))


def read_single(reader, levels, has_zeros):
    zeros = 0
    while has_zeros and zeros < levels and reader.alone("zeros", zeros):
        zeros += 1
    rest = 0
    for place in range(3 * levels - 1, 3 * zeros - 1, -1):
        implied = has_zeros and place == 3 * zeros and rest % 4 == 0
        rest = rest * 2 + (1 if implied else reader.bit(32768))
    return rest << 3 * zeros


def read_byte(reader, depth, faces, parent, place, cousins, beyond):
    siblings = parent.bit_count()
    byte = 0
    for j in range(8):
        if j == 7 and byte == 0:
            return 128
        before = [byte >> i & 1 for i in range(j)]
        prefix = int("1" + "".join(map(str, before)), 2)
        local = (j, min(3, sum(before)))
        coordinates = (j >> 2, j >> 1 & 1, j & 1)
        near = sum((faces >> (axis + 3 * c) & 1) << axis for axis, c in enumerate(coordinates))
        beside = 0
        for axis, c in enumerate(coordinates):
            step = 4 >> axis
            beside |= (byte >> j - step & 1 if c else beyond[axis] >> j + step & 1) << axis
        contexts = [
            (depth, prefix),
            (near, beside, local),
            (parent, place, local),
            (faces, local, depth),
            (depth, siblings, cousins, local),
            (faces, prefix, siblings > 1),
            (beside, near, prefix),
        ]
        byte |= reader.mixed(contexts, (depth, min(siblings, 4), faces != 0)) << j
    return byte


def decode(data):
    flags, depth, *origin = struct.unpack_from("<BB3i", data)
    reader = Reader(data[14:])
    points, nodes, parents, grandparents = [], [0], {}, {}
    for d in range(depth):
        cells = {cell_of(key, d) for key in nodes}
        bytes_here, byte_at = {}, {}
        for key in nodes:
            x, y, z = cell_of(key, d)
            around = [(x - 1, y, z), (x, y - 1, z), (x, y, z - 1), (x + 1, y, z), (x, y + 1, z), (x, y, z + 1)]
            faces = sum((cell in cells) << k for k, cell in enumerate(around))
            parent = parents.get(key >> 3, 0)
            cousins = min(2, grandparents.get(key >> 6, 0).bit_count())
            if reader.alone("single", d, parent.bit_count(), faces.bit_count(), cousins):
                levels = depth - d
                points.append((key << 3 * levels) + read_single(reader, levels, flags & 1))
            else:
                beyond = [byte_at.get(cell, 0) for cell in around[:3]]
                byte = read_byte(reader, d, faces, parent, key & 7 if d else 0, cousins, beyond)
                bytes_here[key] = byte_at[x, y, z] = byte
        nodes = [key * 8 + j for key, byte in bytes_here.items() for j in range(8) if byte >> j & 1]
        parents, grandparents = bytes_here, parents
    if depth:
        assert reader.at - 3 == len(data) - 14 and reader.code == (reader.low >> 24) + 1 << 24
    keys = sorted(points + nodes)
    return np.array([cell_of(key, depth) for key in keys]) + origin


def test_tables_have_the_checksums_of_the_text():
    squash = zlib.crc32(struct.pack("<4095H", *squash_table().values()))
    stretch = zlib.crc32(struct.pack("<4096h", *stretch_table()))
    assert f"0x{squash:08X}" in TEXT and f"0x{stretch:08X}" in TEXT


def test_the_example_of_the_text():
    (example,) = re.findall(r"`([0-9a-f]{40,63})`", TEXT)
    points = [[1, 0, 0], [9, 3, 4], [9, 3, 5], [15, 2, 1], [6, 7, 7], [2, 4, 6]]
    decoded = decode(bytes.fromhex(example)).tolist()
    assert sorted(decoded) == sorted(points)
    assert decode_positions(bytes.fromhex(example), 6).tolist() == decoded


@pytest.mark.parametrize(
    ("extent", "step", "count"), [(1 << 21, 1, 100), (8, 1, 300), (40, 1, 1500), (60, 4, 800), (1, 7, 1)]
)
def test_both_decoders_agree(extent, step, count):
    draw = np.random.default_rng(4)
    grid = np.unique(draw.integers(0, extent, (count, 3)), axis=0).astype(np.int32) * step - 1000
    if extent == 40:
        grid[:, 2] = grid[:, 0] // 2 + (grid[:, 1] + 1000) // 7
        grid = np.unique(grid, axis=0)
    data = encode_positions(grid)
    assert np.array_equal(decode(data), decode_positions(data, len(grid)))
