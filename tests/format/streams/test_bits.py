"""The binary coder: round trips, cost against the entropy, pinned tables and bytes, damage."""

import math

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.streams.bits import (
    adapt,
    code_bit,
    end_reading,
    new_cells,
    probability,
    start_reading,
    stream_of,
    write,
)
from csgaussian_ns.format.streams.buffers import buffer
from csgaussian_ns.format.streams.mixing import DOMAIN, SQUASH, STRETCH

CASES = [(0, 0.5), (1, 0.5), (7, 0.9), (3000, 0.5), (3000, 0.03), (3000, 0.999), (3000, 0.0), (3000, 1.0)]


def bits_of(count, rate, seed=0):
    return (np.random.default_rng(seed).random(count) < rate).astype(np.int64).tolist()


def encode_fixed(bits, p):
    """Each bit at the probability p / 65536."""
    return write(lambda state, out: [code_bit(buffer(state), buffer(out), b, p) for b in bits] and None, len(bits))


def decode_fixed(data, count, p):
    stream = stream_of(data)
    state = start_reading(stream)
    bits = [code_bit(buffer(state), buffer(stream), 0, p) for _ in range(count)]
    end_reading(state, stream, "test")
    return bits


@pytest.mark.parametrize(("count", "rate"), CASES)
@pytest.mark.parametrize("p", [1, 300, 32768, 65535])
def test_round_trip_at_fixed_probability(count, rate, p):
    bits = bits_of(count, rate)
    assert decode_fixed(encode_fixed(bits, p), count, p) == bits


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.01])
def test_cost_is_the_entropy(rate):
    bits = bits_of(20000, rate)
    p, ones = round(65536 * rate), sum(bits)
    ideal = -ones * math.log2(p / 65536) - (20000 - ones) * math.log2(1 - p / 65536)
    assert ideal <= 8 * len(encode_fixed(bits, p)) <= ideal * 1.001 + 16


def test_a_stream_longer_than_guessed_is_written_again():
    bits = bits_of(2000, 0.5)
    calls = []

    def run(state, out):
        calls.append(len(out))
        for b in bits:
            code_bit(buffer(state), buffer(out), b, 32768)

    short, long = write(run, 3), write(run, 1000)
    assert short == long and calls == [4, len(long), 1001]


def test_a_cell_learns_a_rate():
    cells = buffer(new_cells(2))
    for bit in bits_of(4000, 0.2):
        adapt(cells, 1, bit, 1000)
    assert probability(cells, 1) / 65536 == pytest.approx(0.2, abs=0.02)
    assert probability(cells, 0) == 32768
    for _ in range(5000):
        adapt(cells, 0, 0, 30)
        adapt(cells, 1, 1, 30)
    assert 1 <= probability(cells, 0) < 16 and 65520 < probability(cells, 1) <= 65535


def test_logistic_tables():
    z = np.arange(-DOMAIN, DOMAIN + 1)
    np.testing.assert_allclose(list(SQUASH), 65536 / (1 + np.exp(-z / 256)), atol=1.0)
    assert SQUASH[DOMAIN] == 32768 and min(SQUASH) == 23 and max(SQUASH) == 65513
    p = (np.arange(4096) + 0.5) / 4096
    inside = (p > 0.001) & (p < 0.999)
    np.testing.assert_allclose(np.array(list(STRETCH))[inside], (256 * np.log(p / (1 - p)))[inside], atol=4.0)
    checksum = sum((i + 1) * int(v) for i, v in enumerate([*SQUASH, *STRETCH])) % (1 << 32)
    assert checksum == 3549207759  # a change of one entry is a change of the format


def test_pinned_bytes():
    assert encode_fixed([1, 0, 1, 1, 0, 0, 0, 1] * 3, 20000).hex() == "1b41b155"
    assert encode_fixed([], 32768).hex() == "01"


def test_damage_is_caught_or_changes_the_bits():
    """The end of a stream holds little redundancy; what it misses is left to the section's checksum."""
    bits = bits_of(400, 0.3)
    data = encode_fixed(bits, 20000)
    flips = [bytes(b ^ (1 << flip % 8 if at == flip // 8 else 0) for at, b in enumerate(data)) for flip in range(336)]
    cuts = [*(data[:end] for end in range(len(data))), data + b"\0", data + b"\1"]
    missed = {"flips": 0, "cuts": 0}
    for kind, versions in {"flips": flips, "cuts": cuts}.items():
        for damaged in versions:
            try:
                assert decode_fixed(damaged, 400, 20000) != bits
                missed[kind] += 1
            except FormatError as error:
                assert "damaged" in str(error)
    assert missed["cuts"] <= 3 and missed["flips"] < 300
