"""Masks: round trips, bytes against entropies, pinned bytes, damage, and the path without numba."""

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError, LimitExceeded
from csgaussian_ns.format.streams.offset_masks import MAX_OFFSETS, decode_masks, encode_masks
from tests.format.processes import run_python
from tests.format.samples import latent_masks, mutations

PATTERN = (np.arange(120).reshape(12, 10) * 7 % 5 == 0) | (np.arange(10) == 0)


def entropy_bytes(counts):
    """Bytes of all draws at their empirical entropy."""
    counts = counts[counts > 0]
    return float(-np.sum(counts * np.log2(counts / counts.sum()))) / 8


def per_slot_bytes(masks):
    return sum(entropy_bytes(np.bincount(column.astype(int), minlength=2)) for column in masks.T)


def joint_bytes(masks):
    return entropy_bytes(np.unique(masks @ (1 << np.arange(masks.shape[1])), return_counts=True)[1])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
@pytest.mark.parametrize("offsets", [0, 1, 2, 9, 10, 16, MAX_OFFSETS])
def test_round_trip(count, offsets):
    masks = np.random.default_rng(count + offsets).random((count, offsets)) < 0.3
    decoded = decode_masks(encode_masks(masks), count, offsets)
    assert decoded.dtype == bool
    np.testing.assert_array_equal(decoded, masks)


@pytest.mark.parametrize("value", [False, True])
def test_equal_masks_cost_almost_nothing(value):
    masks = np.full((20000, 10), value)
    data = encode_masks(masks)
    assert len(data) < 60
    np.testing.assert_array_equal(decode_masks(memoryview(data), 20000, 10), masks)


def test_noise_costs_no_more_than_raw_bits():
    masks = np.random.default_rng(0).random((5000, 10)) < 0.5
    assert len(encode_masks(masks)) < 1.03 * masks.size / 8


@pytest.mark.parametrize(("seed", "stay", "limit"), [(0, 0.0, 1.02), (1, 0.0, 1.02), (0, 0.5, 0.97), (0, 0.8, 0.86)])
def test_bytes_against_entropies(seed, stay, limit):
    """The joint entropy leaves out its table of 200 patterns and the cost of learning; neighbours pay for both."""
    masks = latent_masks(29000, seed=seed, stay=stay)
    assert 0.22 < masks.mean() < 0.28
    size = len(encode_masks(masks))
    assert size < limit * joint_bytes(masks)
    assert size < 0.92 * per_slot_bytes(masks)


def test_pinned_bytes():
    assert encode_masks(PATTERN).hex() == "7be1"


def test_limits():
    with pytest.raises(ValueError, match="33 offsets"):
        encode_masks(np.zeros((1, 33), bool))
    with pytest.raises(LimitExceeded, match="cannot be in 5 bytes"):
        decode_masks(b"\0" * 5, 1 << 40, 10)
    for count, offsets in ((-1, 10), (1, -1), (1, 33)):
        with pytest.raises(FormatError, match="expected"):
            decode_masks(b"\1\2", count, offsets)
    for count, offsets in ((0, 10), (10, 0)):
        with pytest.raises(FormatError, match="no masks"):
            decode_masks(b"\1", count, offsets)


def test_cut_streams_are_caught():
    data = encode_masks(PATTERN)
    for damaged in [*(data[:end] for end in range(len(data))), data + b"\0"]:
        with pytest.raises(FormatError, match="masks"):
            decode_masks(damaged, *PATTERN.shape)


DAMAGE = """
from csgaussian_ns.format.streams.offset_masks import decode_masks, encode_masks
from csgaussian_ns.core.errors import FormatError
from samples import latent_masks, mutations

masks = latent_masks(ANCHORS)
data = encode_masks(masks)
assert (decode_masks(data, *masks.shape) == masks).all()
flips = [bytes(b ^ (1 << bit if at == place else 0) for at, b in enumerate(data))
         for place in range(0, len(data), 3) for bit in range(8)]
caught = total = 0
for damaged in [*mutations(data, COUNT), *flips]:
    total += 1
    try:
        assert decode_masks(damaged, *masks.shape).shape == masks.shape
    except FormatError:
        caught += 1
print(data.hex(), caught / total)
"""


def run_damage(anchors, count, **options):
    data, caught = run_python(DAMAGE.replace("ANCHORS", str(anchors)).replace("COUNT", str(count)), **options).split()
    return data, float(caught)


def test_damage_with_bounds_checks(checked_kernels):
    """Damage that decodes to wrong masks of the right shape is left to the section's checksum."""
    data, caught = run_damage(60, 3000, checked_kernels=checked_kernels)
    assert data == encode_masks(latent_masks(60)).hex() and caught > 0.9


def test_the_path_without_numba_gives_the_same_bytes():
    data, caught = run_damage(30, 20, numba=False)
    assert data == encode_masks(latent_masks(30)).hex() and caught > 0.5


def test_mutations_differ_from_the_stream():
    data = encode_masks(PATTERN)
    assert sum(damaged == data for damaged in mutations(data, 500)) < 20
