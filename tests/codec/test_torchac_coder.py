"""The optional torchac coder agrees with ours, and says what is missing where it cannot run."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from csgaussian_ns.codec import torchac_coder
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import BackendUnavailable, ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.streams import coders
from csgaussian_ns.format.streams.symbol_tables import load_tables
from tests.codec.scenes import random_scene
from tests.format.samples import all_escapes, draw_symbols
from tests.format.surgery import with_checksums
from tests.import_blocker import import_without

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def _torchac():
    try:
        torchac_coder.load()
    except BackendUnavailable as error:
        pytest.skip(str(error))


class Plain:
    """Stands for torchac where that is not installed: symbols as they are."""

    @staticmethod
    def encode_int16_normalized_cdf(rows: torch.Tensor, symbols: torch.Tensor) -> bytes:
        assert len(rows) == len(symbols)
        return symbols.numpy().tobytes()

    @staticmethod
    def decode_int16_normalized_cdf(rows: torch.Tensor, data: bytes) -> torch.Tensor:
        return torch.frombuffer(bytearray(data), dtype=torch.int16)[: len(rows)]


def test_a_body_is_read_part_by_part(monkeypatch):
    monkeypatch.setattr(torchac_coder, "load", lambda: (Plain, torch))
    scene = random_scene(60)
    scene.anchors.feature[3, 7], scene.anchors.mask[3] = 40_000.0, 1  # an escape
    ours, theirs = encode(scene, chunk_anchors=25).data, encode(scene, chunk_anchors=25, coder="torchac").data
    assert decode(theirs).digest() == decode(ours).digest()
    entry = read_container(theirs).of_kind("COLR")[0]
    damaged = bytearray(theirs)
    damaged[entry.offset] ^= 1  # the length of the first part
    with pytest.raises(FormatError, match="torchac"):
        decode(with_checksums(damaged))


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


@pytest.mark.usefixtures("_torchac")
def test_both_coders_carry_the_same_scene():
    scene = random_scene(150)
    scene.anchors.feature[3, 7], scene.anchors.mask[3] = 40_000.0, 1  # an escape
    ours, theirs = encode(scene, chunk_anchors=50), encode(scene, chunk_anchors=50, coder="torchac")
    assert ours.data != theirs.data and ours.ideal_bits == theirs.ideal_bits
    assert decode(ours.data).digest() == decode(theirs.data).digest()
    assert decode(theirs.data, threads=1).digest() == decode(theirs.data, threads=3).digest()


@pytest.mark.usefixtures("_torchac")
def test_damage_in_a_torchac_chunk_is_found():
    data = encode(random_scene(60), coder="torchac").data
    entry = read_container(data).of_kind("COLR")[0]
    for place in range(entry.offset, entry.offset + entry.length, 397):
        damaged = bytearray(data)
        damaged[place] ^= 16
        with pytest.raises(FormatError):
            decode(with_checksums(damaged))


@pytest.mark.usefixtures("_torchac")
def test_without_torchac_such_a_file_says_what_to_install(monkeypatch):
    data = encode(random_scene(40), coder="torchac").data
    monkeypatch.setitem(sys.modules, "torchac", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'csgaussian-ns\[torchac\]'"):
        decode(data)
    with pytest.raises(BackendUnavailable, match="torchac"):
        encode(random_scene(40), coder="torchac")


def test_a_program_without_the_coder_says_so(monkeypatch):
    monkeypatch.setattr(torchac_coder, "load", lambda: (Plain, torch))
    data = encode(random_scene(40), coder="torchac").data
    monkeypatch.setattr(coders, "_REGISTERED", {coders.Coder.RANS: coders._REGISTERED[coders.Coder.RANS]})
    with pytest.raises(BackendUnavailable, match="'torchac' is not registered in this program"):
        decode(data)
    coders.register(coders.Coder.TORCHAC, torchac_coder)
    assert decode(data).digest() == decode(encode(random_scene(40)).data).digest()


def test_a_receiver_knows_the_coder():
    then = """
from csgaussian_ns.core.errors import BackendUnavailable
import csgaussian_ns
try:
    csgaussian_ns.load("tests/golden/v1_torchac.csg")
except BackendUnavailable as error:
    print(error)
"""
    lines, loaded = import_without([], ["torchac", "torch", "scipy"], folder=str(ROOT), then=then)
    assert "pip install 'csgaussian-ns[torchac]'" in lines[-1] and "torch" not in loaded


def test_unknown_coders_are_refused():
    with pytest.raises(ConfigError, match="expected one of rans, torchac"):
        encode(random_scene(10), coder="zip")
    data = bytearray(encode(random_scene(40)).data)
    place = data.index(b"COLR") + 7
    data[place] = 9
    with pytest.raises(UnsupportedVersion, match="coder 9 is unknown"):
        decode(with_checksums(data))
    data[place] = 0
    data[data.index(b"POSI") + 7] = 1
    with pytest.raises(UnsupportedVersion, match="codec 1 is unknown"):
        decode(with_checksums(data))
