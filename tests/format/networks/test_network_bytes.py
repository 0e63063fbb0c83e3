"""Networks as bytes: exact layout, and no damage does worse than a FormatError."""

import struct
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError, QuantisationError
from csgaussian_ns.format.networks.fixed_point import IntegerLayer, IntegerNetwork, evaluate
from csgaussian_ns.format.networks.network_bytes import from_bytes, to_bytes
from tests.format.networks import networks


def tiny() -> IntegerNetwork:
    return networks.network((3, 4, 2))


def test_layout_byte_for_byte():
    hidden = IntegerLayer(
        np.array([[1, -2], [127, -128]], dtype=np.int8), np.array([5, -6]), np.array([7, 32767]), 9, 0, 1023
    )
    last = IntegerLayer(np.array([[3, 4]], dtype=np.int8), np.array([-70000]), np.array([1]), 40, -8, 7)
    expected = struct.pack("<BHH", 2, 2, 511) + struct.pack("<HBii", 2, 9, 0, 1023) + struct.pack("<HBii", 1, 40, -8, 7)
    expected += struct.pack("<HHH", 7, 32767, 1) + struct.pack("<iii", 5, -6, -70000)
    expected += bytes([1, 254, 127, 128, 3, 4])
    assert to_bytes(IntegerNetwork((hidden, last), 511)) == expected


@pytest.mark.parametrize("widths", [(1, 1), (3, 4, 2), (63, 64, 64, 20), (5, 6, 7, 8, 9)])
def test_round_trip(widths):
    network = networks.network(widths)
    data = to_bytes(network)
    again = from_bytes(data)
    assert to_bytes(again) == data
    inputs = networks.inputs(50, widths[0])
    assert np.array_equal(evaluate(again, inputs), evaluate(network, inputs))
    weights = sum(a * b for a, b in pairwise(widths))
    assert len(data) == 5 + 11 * (len(widths) - 1) + 6 * sum(widths[1:]) + weights


def test_every_truncation_and_any_extension_is_refused():
    data = to_bytes(tiny())
    for length in range(len(data)):
        with pytest.raises(FormatError):
            from_bytes(data[:length])
    with pytest.raises(FormatError, match="ask for"):
        from_bytes(data + b"\0")


def test_every_bit_flip_is_refused_or_another_network():
    data = to_bytes(tiny())
    inputs = networks.inputs(4, 3)
    refused = 0
    for position in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << (position % 8)
        try:
            network = from_bytes(bytes(damaged))
        except FormatError:
            refused += 1
            continue
        assert to_bytes(network) == damaged
        try:
            evaluate(network, inputs)
        except QuantisationError as error:
            assert "limit of" in str(error)  # only the smaller input limit can object
    assert 100 < refused < 8 * len(data)


def test_random_bytes_are_refused_without_large_allocations():
    generator = np.random.default_rng(0)
    largest_request = struct.pack("<BHH", 16, 4096, 32767) + struct.pack("<HBii", 4096, 20, 0, 1023) * 16
    cases = [generator.bytes(int(length)) for length in generator.integers(0, 400, 2000)]
    cases += [largest_request, largest_request + bytes(5000)]
    # Random bytes rarely pass the first field; these do.
    cases += [b"\x01\x02\x00\xff\x01" + generator.bytes(int(n)) for n in generator.integers(10, 60, 2000)]
    tracemalloc.start()
    for data in cases:
        with pytest.raises(FormatError):
            from_bytes(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_what_is_not_exact_is_refused():
    data = bytearray(to_bytes(tiny()))
    data[3:5] = struct.pack("<H", 40000)
    with pytest.raises(FormatError, match="inputs of layer 0 reach 40000"):
        from_bytes(bytes(data))


def test_networks_beyond_the_format_are_not_written():
    wide = networks.network((1, 4097))
    deep = networks.network((1,) * 18)
    for network in (wide, deep):
        with pytest.raises(QuantisationError, match="at most"):
            to_bytes(network)
