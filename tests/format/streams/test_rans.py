"""rANS: round trips, pinned bytes, code length, parts, damage, and the path without numba."""

import time

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.jit import COMPILED
from csgaussian_ns.format.streams.rans import Decoder, decode, encode
from csgaussian_ns.format.streams.symbol_tables import load_tables
from tests.format.processes import run_python
from tests.format.samples import SMALLEST, all_escapes, draw_symbols, small_rans_stream


def edges_of_alphabets():
    """h, h + 1 and their negatives in every table."""
    half = np.repeat(-load_tables().minimum, 4)
    ids = np.repeat(np.arange(176, dtype=np.uint8), 4)
    return (half + np.tile([0, 1, 0, 1], 176)).astype(np.int32) * np.tile([1, 1, -1, -1], 176).astype(np.int32), ids


CASES = {
    "nothing": lambda: draw_symbols(0),
    "one symbol": lambda: draw_symbols(1),
    "fewer than lanes": lambda: draw_symbols(7),
    "as many as lanes": lambda: draw_symbols(8),
    "one more than lanes": lambda: draw_symbols(9),
    "every table": lambda: draw_symbols(20000),
    "narrowest table": lambda: draw_symbols(5000, 0, 1),
    "widest table": lambda: draw_symbols(5000, 175, 176),
    "scales ten times too small": lambda: draw_symbols(5000, spread=10.0),
    "all escapes": lambda: all_escapes(300),
    "edges of alphabets": edges_of_alphabets,
    "one huge value": lambda: (np.array([SMALLEST], np.int32), np.array([87], np.uint8)),
}


@pytest.mark.parametrize("case", CASES)
def test_round_trip(case):
    symbols, ids = CASES[case]()
    data = encode(symbols, ids, load_tables())
    np.testing.assert_array_equal(decode(data, ids, load_tables()), symbols)
    np.testing.assert_array_equal(decode(memoryview(data), ids, load_tables()), symbols)
    assert decode(data, ids, load_tables()).dtype == np.int32


@pytest.mark.parametrize("seed", range(40))
def test_round_trip_of_random_shapes(seed):
    random = np.random.default_rng(seed)
    low = int(random.integers(0, 175))
    symbols, ids = draw_symbols(
        int(random.integers(0, 400)), low, int(random.integers(low + 1, 177)), seed, random.uniform(0, 20)
    )
    np.testing.assert_array_equal(decode(encode(symbols, ids, load_tables()), ids, load_tables()), symbols)


def test_views_and_read_only_arrays_are_taken():
    symbols, ids = draw_symbols(1000)
    strided = np.repeat(symbols, 2)[::2]
    fixed = ids.copy()
    fixed.setflags(write=False)
    assert encode(strided, fixed, load_tables()) == encode(symbols, ids, load_tables())
    np.testing.assert_array_equal(decode(encode(symbols, ids, load_tables()), fixed, load_tables()), symbols)


@pytest.mark.parametrize(("low", "high", "bits"), [(16, 30, 1.06), (24, 48, 2.54), (112, 128, 2.44)])
def test_code_length(low, high, bits):
    symbols, ids = draw_symbols(200_000, low, high)
    ideal = load_tables().ideal_bits(symbols, ids)
    assert ideal / len(symbols) == pytest.approx(bits, rel=0.1)
    assert (
        ideal <= 8 * len(encode(symbols, ids, load_tables())) <= 1.002 * ideal
    )  # the states are 0.12 % of the smallest


def test_pinned_bytes():
    """These bytes are a promise: a change here is a change of the format."""
    symbols = np.array([0, 1, -1, 3, 0, -2, 40, 0, 0, -900, 5, 1], np.int32)
    ids = np.array([0, 32, 32, 48, 8, 40, 87, 88, 100, 120, 175, 20], np.uint8)
    data = encode(symbols, ids, load_tables())
    assert data.hex() == "15110100602e0100ca0bf40380afa9000d000100444708006d283b011f000100ff3f00706f00"
    np.testing.assert_array_equal(decode(data, ids, load_tables()), symbols)


def test_parts_equal_the_whole():
    symbols, ids = draw_symbols(5000, spread=3.0)
    data = encode(symbols, ids, load_tables())
    for seed in range(5):
        cuts = np.sort(np.random.default_rng(seed).integers(0, 5001, 9))
        decoder = Decoder(data, load_tables())
        parts = [decoder.take(part) for part in np.split(ids, cuts)]
        decoder.finish()
        np.testing.assert_array_equal(np.concatenate(parts), symbols)


def test_tables_may_follow_from_earlier_symbols():
    """What channel-wise models do: the table of a symbol depends on the one before."""
    tables, random = load_tables(), np.random.default_rng(0)
    ids, symbols = [20], []
    for _ in range(200):
        symbols.append(int(np.rint(random.normal() * 2.0 ** (-4 + ids[-1] / 8))))
        ids.append(min(87, 20 + 3 * abs(symbols[-1])))
    decoder = Decoder(encode(np.array(symbols, np.int32), np.array(ids[:-1], np.uint8), tables), tables)
    table = 20
    for symbol in symbols:
        assert decoder.take(np.array([table], np.uint8)).tolist() == [symbol]
        table = min(87, 20 + 3 * abs(symbol))
    decoder.finish()


def test_wrong_use_is_an_error():
    symbols, _ = draw_symbols(4)
    with pytest.raises(ValueError, match="table id 176"):
        encode(symbols, np.full(4, 176, np.uint8), load_tables())
    with pytest.raises(ValueError, match="table id 255"):
        Decoder(b"", load_tables()).take(np.array([255], np.uint8))


def is_caught(data, ids):
    """Whether decoding raises FormatError; any other error passes through."""
    try:
        decode(bytes(data), ids, load_tables())
    except FormatError:
        return True
    return False


def test_every_truncation_is_caught():
    _, ids, data = small_rans_stream()
    assert all(is_caught(data[:end], ids) for end in range(len(data)))
    assert is_caught(data + b"\0", ids) and is_caught(data + b"\0\0", ids)


def test_every_bit_flip_is_caught():
    symbols, ids, data = small_rans_stream()
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            assert not np.array_equal(decode(bytes(damaged), ids, load_tables()), symbols), bit
            inside_an_escape = bit // 16 >= len(data) // 2 - 12
            assert inside_an_escape, bit  # a mantissa bit of an escape has no redundancy: the section's CRC sees it
        except FormatError:
            pass


def test_missing_and_surplus_symbols_are_caught():
    _, ids, data = small_rans_stream()
    assert is_caught(data, ids[:-1]) and is_caught(data, np.append(ids, ids[:1]))
    assert is_caught(data, ids[:0]) and is_caught(b"", ids)
    assert is_caught(np.full(8, 1 << 16, "<u4").tobytes(), ids[:0])


def test_a_wrong_table_is_caught():
    symbols, ids = draw_symbols(400, 20, 60)
    data = encode(symbols, ids, load_tables())
    for i in range(0, 400, 7):
        wrong = ids.copy()
        wrong[i] += 1
        assert is_caught(data, wrong), i


MUTATIONS = """
import numpy as np
from csgaussian_ns.format.streams.rans import decode
from csgaussian_ns.format.streams.symbol_tables import load_tables
from csgaussian_ns.core.errors import FormatError
from samples import mutations, small_rans_stream

symbols, ids, data = small_rans_stream()
caught = wrong = 0
for damaged in mutations(data, COUNT):
    try:
        wrong += not np.array_equal(decode(damaged, ids, load_tables()), symbols)
    except FormatError:
        caught += 1
print(caught, wrong)
"""


def test_mutations_with_bounds_checks(checked_kernels):
    """Out-of-bounds reads would end the program with an IndexError here, and endless loops in its time limit."""
    caught, wrong = map(int, run_python(MUTATIONS.replace("COUNT", "3000"), checked_kernels=checked_kernels).split())
    assert caught > 2900 and wrong < 60  # flips in the mantissa of an escape, and cuts of nothing but zeros


INTERPRETED = """
from csgaussian_ns.format.streams.rans import decode, encode
from csgaussian_ns.format.streams.symbol_tables import load_tables
from csgaussian_ns.core.jit import COMPILED
from samples import all_escapes, draw_symbols

for symbols, ids in (draw_symbols(0), draw_symbols(3), draw_symbols(3000, spread=4.0), all_escapes(200)):
    data = encode(symbols, ids, load_tables())
    assert (decode(data, ids, load_tables()) == symbols).all()
    print(COMPILED, data.hex())
try:
    encode(*(draw_symbols(4)[0], draw_symbols(3)[1]), load_tables())
except ValueError as error:
    print(error)
"""


def test_the_path_without_numba_gives_the_same_bytes():
    cases = draw_symbols(0), draw_symbols(3), draw_symbols(3000, spread=4.0), all_escapes(200)
    expected = [f"False {encode(symbols, ids, load_tables()).hex()}".strip() for symbols, ids in cases]
    expected.append("4 symbols but 3 table ids")  # here, since the type checker of the tests would be faster
    assert [line.strip() for line in run_python(INTERPRETED, numba=False).splitlines()] == expected


def test_the_path_without_numba_survives_damage():
    assert int(run_python(MUTATIONS.replace("COUNT", "300"), numba=False).split()[0]) > 280


@pytest.mark.skipif(not COMPILED, reason="numba is not installed")
def test_speed():
    """A tenth of what an idle core does, so that a busy machine passes."""
    symbols, ids = draw_symbols(1_000_000, 24, 48)
    data = encode(symbols, ids, load_tables())
    decode(data, ids, load_tables())
    start = time.process_time()
    encode(symbols, ids, load_tables())
    middle = time.process_time()
    decode(data, ids, load_tables())
    assert max(middle - start, time.process_time() - middle) < 0.05
