"""The position stream: round trips, order, rate, damage, and the same bytes with and without compiled kernels."""

import os
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.morton import morton_order
from csgaussian_ns.format.streams import positions
from csgaussian_ns.format.streams.positions import common_origin, decode_positions, encode_positions, positions_crc
from tests.sampled_types import types_sampled

TOP = (1 << 21) - 1


def distinct(count, extent, seed=0):
    drawn = np.random.default_rng(seed).integers(0, extent, (count, 3))
    return np.unique(drawn, axis=0).astype(np.int32)


def block(*shape):
    return np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3).astype(np.int32)


def surface(count, extent=4000, seed=0):
    """Points on a wavy sheet, as a capture's are."""
    draw = np.random.default_rng(seed)
    u, v = draw.random((2, count))
    height = 0.1 * np.sin(9 * u) * np.cos(7 * v) + 0.002 * draw.normal(size=count)
    return np.unique(np.floor(np.stack([u, v, height + 0.3], axis=1) * extent).astype(np.int32), axis=0)


def in_order(grid, origin=None):
    return grid[morton_order(grid.astype(np.int64) - (common_origin(grid) if origin is None else origin))]


SETS = {
    "one": np.array([[5, 6, 7]], np.int32),
    "one far below zero": np.array([[-(10**9), 3, 10**9]], np.int32),
    "two neighbours": np.array([[8, 8, 8], [7, 8, 8]], np.int32),
    "opposite corners": np.array([[0, 0, 0], [TOP, TOP, TOP]], np.int32),
    "opposite corners, odd origin": np.array([[3, 3, 3], [TOP + 3, 3, TOP + 3]], np.int32),
    "corners of the largest cube": block(2, 2, 2) * TOP,
    "line x": block(1000, 1, 1),
    "line z, sparse": block(1, 1, 500) * 37,
    "diagonal": np.repeat(np.arange(700, dtype=np.int32)[:, None], 3, axis=1),
    "plane": block(1, 90, 90) + 5,
    "dense block": block(21, 17, 30) - 9,
    "full cube": block(32, 32, 32),
    "random, sparse": distinct(2000, 1 << 21),
    "random, dense": distinct(3000, 16),
    "surface": surface(5000),
    "coarse grid": distinct(2000, 500) * 4,
}


@pytest.mark.parametrize("name", SETS)
def test_round_trip_in_morton_order(name):
    grid = SETS[name]
    shuffled = np.random.default_rng(1).permutation(grid)
    data = encode_positions(shuffled)
    decoded = decode_positions(data, len(grid))
    assert decoded.dtype == np.int32
    assert np.array_equal(decoded, in_order(grid))
    assert encode_positions(decoded) == data
    assert decode_positions(memoryview(data), len(grid)).shape == grid.shape


def test_no_points():
    data = encode_positions(np.empty((0, 3), np.int32))
    assert data == bytes(14)
    assert decode_positions(data, 0).shape == (0, 3)


def test_one_point_is_only_a_header():
    assert encode_positions(np.array([[-1, 2, 3]], np.int32)).hex() == "0000ffffffff0200000003000000"


@pytest.mark.parametrize("size", [1, 7, 300, 1000])
def test_chunks_reproduce_the_global_order(size):
    grid = surface(2500) - 700
    origin = common_origin(grid)
    ordered = in_order(grid)
    chunks = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    decoded = [decode_positions(encode_positions(chunk, origin), len(chunk)) for chunk in chunks[:300]]
    assert np.array_equal(np.concatenate(decoded), np.concatenate(chunks[:300]))


def test_chunking_costs_little():
    grid = in_order(surface(60_000))
    whole = len(encode_positions(grid))
    parts = sum(len(encode_positions(part, common_origin(grid))) for part in np.array_split(grid, 4))
    assert 0 < 8 * (parts - whole) / len(grid) < 0.4


def test_common_origin():
    assert common_origin(np.array([[5, -5, 8], [9, 9, 9]], np.int32)).tolist() == [4, -8, 8]
    assert common_origin(np.array([[3, 3, 3], [TOP + 3, 3, 9]], np.int32)).tolist() == [3, 0, 0]
    with pytest.raises(ValueError, match="larger voxels"):
        common_origin(np.array([[0, 0, 0], [TOP + 1, 0, 0]], np.int32))


@pytest.mark.parametrize(
    ("grid", "origin", "message"),
    [
        ([[1, 2, 3], [4, 5, 6], [1, 2, 3]], None, "1 of 3 positions repeat"),
        ([[1, 2, 3]], [2, 0, 0], "must lie in"),
        ([[TOP + 1, 2, 3]], [0, 0, 0], "must lie in"),
        ([[2**31 - 1, 0, 0]], None, "2\\^30"),
    ],
)
def test_what_cannot_be_coded(grid, origin, message):
    with pytest.raises(ValueError, match=message):
        encode_positions(np.array(grid, np.int32), None if origin is None else np.array(origin, np.int32))


def test_golden_bytes():
    """Any change here is a change of the format: it needs a new version and an entry in the change log."""
    plain = np.array([[1, 0, 0], [9, 3, 4], [9, 3, 5], [15, 2, 1], [6, 7, 7], [2, 4, 6]], np.int32)
    assert encode_positions(plain).hex() == "0004000000000000000000000000bbdc0852e28fd4527e8c"
    assert encode_positions(plain * 8 + 4096).hex() == "0107081000000010000000100000bbdc082cd055e804da7c02"


def test_checksum_of_positions():
    assert positions_crc(np.array([[1, -1, 256]], np.int32)) == 2070921377


def test_coarse_grids_say_how_many_levels_are_zero(monkeypatch):
    grid = surface(20_000, 6000)
    cells = np.random.default_rng(1).choice([4, 2, 1], len(grid), p=[0.5, 0.3, 0.2])[:, None]
    coarse = np.unique(grid // cells * cells, axis=0).astype(np.int32)
    assert encode_positions(coarse)[0] == 1 and encode_positions(grid)[0] == 0
    sizes = {}
    for choice in (True, False):
        monkeypatch.setattr(positions, "_zero_levels_pay", lambda *_, choice=choice: choice)
        for name, points in (("coarse", coarse), ("fine", grid)):
            data = encode_positions(points)
            assert np.array_equal(decode_positions(data, len(points)), in_order(points))
            sizes[name, choice] = 8 * len(data) / len(points)
    assert sizes["coarse", True] < sizes["coarse", False] - 0.5
    assert sizes["fine", False] <= sizes["fine", True] < sizes["fine", False] + 0.1


def test_rate_of_known_sets():
    """Bits per point; surfaces and blocks must be predicted, noise cannot be."""
    rates = {name: 8 * len(encode_positions(SETS[name])) / len(SETS[name]) for name in SETS}
    assert rates["full cube"] < 0.1
    assert rates["plane"] < 0.2
    assert rates["dense block"] < 0.5
    ideal = 63 - (np.log2(np.arange(1, 2001)).sum() / 2000)
    assert ideal < rates["random, sparse"] < 1.03 * ideal + 0.5


@pytest.mark.data
@pytest.mark.parametrize(("scene", "prototype"), [("bonsai", 25.518), ("fox", 26.449)])
def test_rate_of_captures(shared_data, scene, prototype):
    """Within 2 % of the prototype that was compared with other codecs."""
    raw = (shared_data / scene / "sparse_pc.ply").read_bytes()
    start = raw.index(b"end_header\n") + 11
    vertices = np.frombuffer(raw, np.dtype([("at", "<f4", 3), ("colour", "u1", 3)]), offset=start)
    points = vertices["at"].astype(np.float64)
    low = points.min(axis=0)
    extent = (points.max(axis=0) - low).max()
    grid = np.unique(np.floor((points - low) / extent * 65535.999).astype(np.int32), axis=0)
    assert 8 * len(encode_positions(grid)) / len(grid) < 1.02 * prototype


def test_speed():
    grid = surface(100_000, 30_000)
    data = encode_positions(grid)
    decode_positions(data, len(grid))
    start = time.process_time()
    decode_positions(data, len(grid))
    assert time.process_time() - start < 2.0  # 0.2 s on two free cores; a slow path would take minutes


# ---------------------------------------------------------------------------------------------- damaged streams
@pytest.fixture(scope="module")
def small():
    grid = in_order(surface(130, 300))
    return grid, encode_positions(grid)


@pytest.mark.parametrize("count", [0, 1, 129, 131, 10**6])
def test_another_number_of_points(small, count):
    with pytest.raises(FormatError, match=f"{count} (points|promised|were promised)"):
        decode_positions(small[1], count)


def decodes(data, grid):
    """Whether damaged data still gives points: then as many as promised, and others, so that their checksum tells."""
    try:
        decoded = decode_positions(bytes(data), len(grid))
    except FormatError:
        return False
    assert decoded.shape == grid.shape and positions_crc(decoded) != positions_crc(grid)
    return True


def test_every_truncation(small):
    """Zeros are read past the end, which can complete a stream that lacks its last few bytes."""
    grid, data = small
    assert sum(decodes(data[:length], grid) for length in range(len(data))) <= 4
    with pytest.raises(FormatError):
        decode_positions(data + b"\0", len(grid))


def test_flipped_bits(small):
    grid, data = small
    wrong = 0
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with types_sampled(bit):
            wrong += decodes(damaged, grid)
    assert wrong < 8 * len(data) / 5  # mostly in the origin and in the raw bits at the end


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [(0, 2, "byte 0"), (0, 0x80, "byte 0"), (1, 22, "byte 1"), (1, 255, "byte 1"), (5, 0x7F, "bytes 2 to 13"),
     (5, 0x80, "bytes 2 to 13"), (1, 0, "depth 0")],
)  # fmt: skip
def test_header_fields_are_checked(small, place, value, message):
    damaged = bytearray(small[1])
    damaged[place] = value
    with pytest.raises(FormatError, match=message):
        decode_positions(bytes(damaged), len(small[0]))


def test_bytes_after_a_single_point():
    with pytest.raises(FormatError, match="follow the header"):
        decode_positions(bytes(14) + b"\1", 1)


def test_large_counts_take_no_memory(small):
    """A hostile count is refused, or costs no more than the points that the bytes really hold."""
    tracemalloc.start()
    for count in (10**6, 10**7, 2**32 - 1):
        with pytest.raises(FormatError):
            decode_positions(small[1], count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


_FUZZ = """
import sys
import numpy as np
from csgaussian_ns.format.streams.positions import decode_positions, encode_positions
from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.jit import COMPILED

draw = np.random.default_rng(3)
rounds = int(sys.argv[1])
sets = [np.unique(draw.integers(0, extent, (200, 3)), axis=0).astype(np.int32) * step
        for extent, step in ((2**21, 1), (300, 1), (8, 1), (100, 4))]
streams = [(grid, encode_positions(grid)) for grid in sets]
for grid, data in streams:
    assert len(np.unique(np.concatenate([decode_positions(data, len(grid)), grid]), axis=0)) == len(grid)
refused = 0
for number in range(rounds):
    grid, data = streams[number % 4]
    damaged = np.frombuffer(data, np.uint8).copy()
    kind = number // 4 % 3
    if kind == 0:
        damaged[draw.integers(14, len(damaged), 3)] = draw.integers(0, 256, 3)
    elif kind == 1:
        damaged[14:] = draw.integers(0, 256, len(damaged) - 14)
    else:
        damaged = np.concatenate([damaged, np.zeros(500, np.uint8)])[: draw.integers(15, len(damaged) + 400)]
        damaged[1] = draw.integers(1, 22)
    try:
        assert decode_positions(damaged.tobytes(), len(grid)).shape == grid.shape
    except FormatError:
        refused += 1
print(COMPILED, refused)
"""


def run_fuzz(rounds, **environment):
    program = [sys.executable, "-c", _FUZZ, str(rounds)]
    done = subprocess.run(
        program, env=os.environ | environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


def test_random_streams_are_refused():
    compiled, refused = run_fuzz(3000)
    assert compiled == "True" and int(refused) > 2800


def test_no_access_outside_any_array(checked_kernels):
    """The kernels once more with numba's bounds checks, which turn an access outside into an IndexError."""
    compiled, refused = run_fuzz(1000, NUMBA_BOUNDSCHECK="1", NUMBA_CACHE_DIR=str(checked_kernels))
    assert compiled == "True" and int(refused) > 900


def test_the_same_bytes_without_numba():
    """In a process where numba cannot be imported."""
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np\n"
        "from csgaussian_ns.format.streams.positions import decode_positions, encode_positions\n"
        "from csgaussian_ns.core.jit import COMPILED\n"
        "assert not COMPILED\n"
        "draw = np.random.default_rng(5)\n"
        "for extent, step in ((2**21, 1), (30, 1), (60, 4)):\n"
        "    grid = np.unique(draw.integers(0, extent, (150, 3)), axis=0).astype(np.int32) * step\n"
        "    data = encode_positions(grid)\n"
        "    assert len(np.unique(np.concatenate([decode_positions(data, len(grid)), grid]), axis=0)) == len(grid)\n"
        "    print(data.hex())\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    draw = np.random.default_rng(5)
    for line, (extent, step) in zip(done.stdout.split(), ((2**21, 1), (30, 1), (60, 4)), strict=True):
        grid = np.unique(draw.integers(0, extent, (150, 3)), axis=0).astype(np.int32) * step
        assert encode_positions(grid).hex() == line
