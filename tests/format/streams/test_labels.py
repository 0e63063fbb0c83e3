"""Labels of anchors: every array comes back, runs are cheap, damage is noticed or decodes to something in range."""

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.streams.labels import MAX_OBJECTS, decode_labels, encode_labels
from tests.format.samples import mutations


def runs(count: int, objects: int, length: float, seed: int = 0) -> np.ndarray:
    """Labels that change with probability 1 / length."""
    random = np.random.default_rng(seed)
    fresh = random.random(count) < 1 / length
    fresh[:1] = True
    return random.integers(0, objects + 1, count)[np.maximum.accumulate(np.where(fresh, np.arange(count), 0))].astype(
        np.int32
    )


@pytest.mark.parametrize("objects", [1, 2, 3, 4, 255, MAX_OBJECTS])
@pytest.mark.parametrize("count", [1, 2, 500])
def test_labels_come_back(count: int, objects: int):
    for labels in (runs(count, objects, 3), np.full(count, objects, np.int32), np.zeros(count, np.int32)):
        assert np.array_equal(decode_labels(encode_labels(labels, objects), count, objects), labels)


def test_nothing_costs_nothing():
    assert encode_labels(np.zeros(0, np.int32), 5) == encode_labels(np.zeros(9, np.int32), 0) == b""
    assert not decode_labels(b"", 9, 0).any() and len(decode_labels(b"", 0, 5)) == 0
    with pytest.raises(FormatError, match="none are needed"):
        decode_labels(b"\0", 9, 0)


def test_what_runs_cost():
    """A label that changes every 50 anchors carries 0.14 + 5 / 50 bits; one that never changes, nearly none."""
    labels = runs(20_000, 31, 50)
    assert len(encode_labels(labels, 31)) * 8 / len(labels) == pytest.approx(0.14 + 5 / 50, rel=0.1)
    assert len(encode_labels(np.full(20_000, 7, np.int32), 31)) < 40


@pytest.mark.parametrize(("labels", "objects"), [([0, 4], 3), ([-1, 0], 3), ([0], MAX_OBJECTS + 1)])
def test_impossible_labels_are_refused(labels, objects: int):
    with pytest.raises(ValueError, match="expected labels"):
        encode_labels(np.array(labels, np.int32), objects)


def test_damage_gives_labels_in_range_or_an_error():
    labels, refused = runs(400, 5, 4), 0
    for damaged in mutations(encode_labels(labels, 5), 300):
        try:
            found = decode_labels(damaged, 400, 5)
        except FormatError:
            refused += 1
            continue
        assert 0 <= found.min() <= found.max() <= 5
    assert refused > 100


def test_the_bytes_are_pinned():
    """A change of these bytes is a change of the format."""
    labels = np.array([0, 0, 1, 1, 1, 0, 2, 2, 3, 2, 2, 0], np.int32)
    assert encode_labels(labels, 3).hex() == "683a9759"
