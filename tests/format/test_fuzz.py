"""Damage of every kind, behind valid checksums: typed errors only, never a wrong result, a crash, or much memory."""

import os
from dataclasses import replace

import pytest

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.decode import decode
from tests.codec.scenes import random_scene
from tests.format.fuzzing import LIMITS, Target, all_targets, attack, front_of
from tests.format.processes import run_python
from tests.format.surgery import with_checksums
from tests.sampled_types import types_sampled

MUTATIONS = int(os.environ.get("CSG_MUTATIONS", "40_000"))
"""Of all targets together; each target keeps its share. ``benchmarks/fuzz.py`` makes as many as there is time for."""


@pytest.fixture(scope="module")
def targets() -> dict[str, Target]:
    return all_targets()


@pytest.fixture(scope="module")
def small() -> bytes:
    return encode(random_scene(12, feature_dim=10, num_offsets=2, carm_dim=3)).data


def test_shares_add_up(targets):
    assert sum(target.share for target in targets.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "name",
    [
        *("file", "file-no-checksums", "semantics", "table-of-contents", "positions", "masks", "symbols", "escapes"),
        *(
            "labels",
            "objects",
            "tree",
            "entropy-networks",
            "neighbours",
            "progressive",
            "hyperprior",
            "lattices",
            "render-networks",
        ),
        *("meta", "edits"),
    ],
)
def test_mutations(targets, name: str):
    target = targets[name]
    count = round(MUTATIONS * target.share)
    refused = sum(attack(target, number) for number in range(count))
    assert refused > 0.2 * count


def test_truncation_at_every_byte(small: bytes):
    for length in range(len(small)):
        with types_sampled(length), pytest.raises(FormatError):
            decode(small[:length])


def test_every_bit_of_header_and_table(small: bytes):
    for bit in range(8 * front_of(small)[0][1]):
        with types_sampled(bit), pytest.raises(FormatError):
            read_container(flipped(small, bit))


def test_bits_of_header_and_table_behind_right_checksums(small: bytes):
    """Every fifth bit, by somebody who can compute checksums: refused, or a field that changes no scene."""
    expected, bits = decode(small).digest(), range(0, 8 * front_of(small)[0][1], 5)
    refused = 0
    for bit in bits:
        try:
            with types_sampled(bit):
                assert decode(with_checksums(flipped(small, bit)), LIMITS, threads=1).digest() == expected
        except FormatError:
            refused += 1
    assert refused > 0.6 * len(bits)


def flipped(data: bytes, bit: int) -> bytes:
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def test_the_fuzzer_reaches_what_lies_behind_checksums(targets, monkeypatch):
    """A decoder without its last checks is caught by the attack: otherwise the attack would prove nothing."""
    monkeypatch.setattr("csgaussian_ns.format.chunks.compare_crc", lambda *_: None)
    monkeypatch.setattr("csgaussian_ns.format.streams.rans.Decoder.finish", lambda _: None)
    with pytest.raises(AssertionError, match="wrong result and no error"):
        for number in range(400):
            attack(targets["file"], number)


def test_the_fuzzer_reaches_features_and_labels(targets, monkeypatch):
    monkeypatch.setattr("csgaussian_ns.format.semantic_chunks.compare_crc", lambda *_: None)
    monkeypatch.setattr("csgaussian_ns.format.semantic_chunks.same_table", lambda *_: True)
    monkeypatch.setattr("csgaussian_ns.format.streams.rans.Decoder.finish", lambda _: None)
    checked = replace(targets["semantics"], run=targets["file"].run, expected={})
    with pytest.raises(AssertionError, match="wrong result and no error"):
        for number in range(400):
            attack(checked, number)


PROGRAM = """
from tests.format.fuzzing import all_targets, attack
targets = all_targets()
refused = sum(attack(targets[name], number) for name in NAMES for number in range(COUNT))
print(refused)
"""


def test_little_memory_is_enough():
    """Whatever a file asks for, kernels included: 1 GB of address space beyond torch's libraries is not exceeded."""
    names = "('file', 'file-no-checksums', 'semantics', 'table-of-contents', 'hyperprior', 'lattices')"
    assert int(run_python(PROGRAM.replace("NAMES", names).replace("COUNT", "60"), torch=True, memory=1 << 30)) > 60


def test_compiled_code_stays_inside_its_arrays(checked_kernels):
    """Encode, decode and attack with bounds checks in all kernels."""
    names = (
        "('file', 'file-no-checksums', 'semantics', 'positions', 'masks', 'symbols', 'escapes', 'labels', 'lattices')"
    )
    program = PROGRAM.replace("NAMES", names).replace("COUNT", "40")
    assert int(run_python(program, checked_kernels=checked_kernels, torch=True)) > 70
