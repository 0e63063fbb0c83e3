"""The optional torchac coder agrees with ours, and says what is missing where it cannot run."""

import sys

import numpy as np
import pytest

from csgaussian_ns.codec import torchac_coder
from csgaussian_ns.codec.tables import load_tables
from csgaussian_ns.core.errors import BackendUnavailable, FormatError
from tests.codec.samples import all_escapes, draw_symbols


@pytest.fixture
def _torchac():
    try:
        torchac_coder.load()
    except BackendUnavailable as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("_torchac")
@pytest.mark.parametrize("case", [(0,), (1,), (5000,), (5000, 0, 1), (9000, 170, 176)])
def test_round_trip(case, monkeypatch):
    monkeypatch.setattr(torchac_coder, "BLOCK_ENTRIES", 1 << 20)  # several blocks of the widest table
    symbols, ids = draw_symbols(*case, spread=1.5)
    data = torchac_coder.encode(symbols, ids, load_tables())
    np.testing.assert_array_equal(torchac_coder.decode(data, ids, load_tables()), symbols)


@pytest.mark.usefixtures("_torchac")
def test_escapes_and_code_length():
    symbols, ids = all_escapes(300)
    data = torchac_coder.encode(symbols, ids, load_tables())
    np.testing.assert_array_equal(torchac_coder.decode(data, ids, load_tables()), symbols)
    symbols, ids = draw_symbols(100_000, 24, 48)
    ideal = load_tables().ideal_bits(symbols, ids)
    assert ideal <= 8 * len(torchac_coder.encode(symbols, ids, load_tables())) <= 1.005 * ideal


@pytest.mark.usefixtures("_torchac")
def test_wrong_lengths_are_caught():
    symbols, ids = draw_symbols(500, 20, 30)
    data = torchac_coder.encode(symbols, ids, load_tables())
    for damaged in (data[:3], data[:-1], data + b"\0", b"\xff" * 4 + data[4:], b""):
        with pytest.raises(FormatError, match="torchac stream"):
            torchac_coder.decode(damaged, ids, load_tables())


def test_its_absence_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchac", None)
    symbols, ids = draw_symbols(3)
    with pytest.raises(BackendUnavailable, match=r"csgaussian-ns\[torchac\]"):
        torchac_coder.encode(symbols, ids, load_tables())
