"""The shipped tables: what they must satisfy, that they can be rebuilt, and what they cost above the ideal."""

import dataclasses
import math
import sys

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.streams.symbol_tables import (
    ESCAPE,
    GAUSSIAN,
    LAPLACE,
    TABLES_PER_FAMILY,
    build,
    load_tables,
    parse,
)
from csgaussian_ns.format.tables import shipped
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import make_tables


def gaussian_mass(s, sigma):
    """Mass of [s - 1/2, s + 1/2], from the side where nothing cancels."""
    near, far = (abs(s) - 0.5) / sigma, (abs(s) + 0.5) / sigma
    return 0.5 * (math.erfc(near / math.sqrt(2)) - math.erfc(far / math.sqrt(2)))


def laplacian_mass(s, b):
    near, far = (abs(s) - 0.5) / b, (abs(s) + 0.5) / b
    return -math.expm1(-far) if s == 0 else 0.5 * (math.exp(-near) - math.exp(-far))


def frequencies(tables, table):
    start = tables.offsets[table]
    return tables.frequencies[start : start + tables.sizes[table]]


def test_every_table_is_a_distribution():
    tables = load_tables()
    assert tables.count == 2 * TABLES_PER_FAMILY
    assert tables.offsets[-1] + tables.sizes[-1] == len(tables.frequencies) == len(tables.cumulative)
    for table in range(tables.count):
        f = frequencies(tables, table)
        start = tables.offsets[table]
        assert f.sum() == 1 << 14 and f.min() >= 1
        assert len(f) == 2 - 2 * tables.minimum[table] and tables.minimum[table] <= -1
        np.testing.assert_array_equal(f[:-1], f[:-1][::-1])
        np.testing.assert_array_equal(tables.cumulative[start : start + len(f)], np.cumsum(f) - f)
        assert np.all(np.diff(f[: len(f) // 2]) >= 0), "probabilities must rise towards zero"


@pytest.mark.parametrize(("first", "mass"), [(GAUSSIAN, gaussian_mass), (LAPLACE, laplacian_mass)])
@pytest.mark.parametrize(("k", "loss"), [(0, 5e-4), (16, 3e-4), (32, 2e-4), (55, 4e-4), (71, 2.5e-3), (87, 6e-3)])
def test_code_length_above_the_exact_distribution(first, mass, k, loss):
    """Loss in bits per symbol at the right scale, escapes with their Exp-Golomb bits."""
    tables, scale = load_tables(), 2.0 ** (-4 + k / 8)
    f, order = frequencies(tables, first + k), int(tables.escape_order[first + k])
    half = len(f) // 2 - 1
    ideal = coded = 0.0
    for s in range(int(30 * scale) + 3):
        p = (1 if s == 0 else 2) * mass(s, scale)
        if p <= 0:
            break
        ideal -= p * math.log2(p / (1 if s == 0 else 2))
        if s <= half:
            coded += p * (14 - math.log2(f[half + s]))
        else:
            first_number = 2 * (s - half - 1) + (1 << order)  # of the positive value; the next is the negative one's
            lengths = [2 * (first_number + sign).bit_length() - 1 - order for sign in (0, 1)]
            coded += p * (14 - math.log2(f[-1]) + sum(lengths) / 2)
    assert 0 <= coded - ideal < loss


def test_scripts_rebuild_the_file():
    assert make_tables.symbols() == shipped("symbols.bin")


def test_tables_do_not_depend_on_the_last_bits_of_erfc(monkeypatch):
    draw, exact = np.random.default_rng(0), math.erfc
    monkeypatch.setattr(make_tables.math, "erfc", lambda x: exact(x) * (1 + 1e-14 * draw.uniform(-1, 1)))
    assert make_tables.symbols() == shipped("symbols.bin")
    monkeypatch.setattr(make_tables.math, "erfc", lambda x: exact(x) * (1 + 1e-4))
    assert make_tables.symbols() != shipped("symbols.bin"), "the comparison cannot see a difference"


def test_lookup_arrays_agree_with_the_tables():
    tables = load_tables()
    assert tables.slots.shape == (tables.count << 14,) and tables.slots.dtype == np.uint16
    for table in (0, 40, 87, 88, 175):
        owners = tables.slots[table << 14 : (table + 1) << 14]
        entries, counts = np.unique(owners, return_counts=True)
        np.testing.assert_array_equal(entries, tables.offsets[table] + np.arange(tables.sizes[table]))
        np.testing.assert_array_equal(counts, frequencies(tables, table))
    np.testing.assert_array_equal(tables.records & 0x7FFF, tables.frequencies)
    np.testing.assert_array_equal(tables.records >> 15 & 0x3FFF, tables.cumulative)
    np.testing.assert_array_equal((tables.records >> 32)[:4], [-1, 0, 1, ESCAPE])


def test_orders_follow_the_octave():
    orders = load_tables().escape_order.reshape(2, 11, 8)
    np.testing.assert_array_equal(
        orders, np.broadcast_to([[0], [0], [0], [0], *[[k] for k in range(1, 8)]], (2, 11, 8))
    )


def test_a_changed_file_is_refused():
    data = bytearray(shipped("symbols.bin"))
    data[400] ^= 1
    with pytest.raises(FormatError, match="sum"):
        parse(bytes(data))


def test_own_tables_are_checked():
    assert build([1], [[16381, 1, 1]], [0]).sizes.tolist() == [4]
    with pytest.raises(FormatError, match="sum"):
        build([1], [[16382, 1, 0]], [0])
    with pytest.raises(FormatError, match="limits"):
        build([1] * 257, [[16381, 1, 1]] * 257, [0] * 257)


def test_tables_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_tables().sizes = np.zeros(1, np.int32)  # type: ignore[misc]
