"""Objects from features: how many there are is found, noise and background stay out, whatever the number of anchors."""

import sys

import numpy as np
import pytest

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.semantic import cluster as module
from csgaussian_ns.semantic.cluster import ClusterSettings, by_size, cluster, without


def blobs(sizes, spread=0.4, apart=4.0, seed=0):
    """Features of objects in corners of a cube, each in a place of its own; and which object each row is."""
    random = np.random.default_rng(seed)
    corners = apart * (np.arange(64)[:, None] >> np.arange(6) & 1)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    order = random.permutation(len(owner))
    feature = corners[1 + owner] + random.normal(0, spread, (len(owner), 6))
    place = np.stack([np.arange(len(sizes)), np.zeros(len(sizes)), np.zeros(len(sizes))], axis=1) * 3.0
    position = place[owner] + random.uniform(-1, 1, (len(owner), 3))
    return feature[order], position[order], owner[order]


def agreement(found, owner) -> float:
    """Share of rows whose label is that of most rows of their object."""
    return float(np.mean([(found[owner == i] == np.bincount(found[owner == i]).argmax()).mean() for i in set(owner)]))


def everything(feature):
    return np.ones(len(feature), bool)


@pytest.mark.parametrize("sizes", [(300, 200), (500, 40, 120, 90, 260), (60,) * 12])
def test_the_number_of_objects_is_found(sizes):
    feature, position, owner = blobs(sizes)
    found = cluster(feature, position, everything(feature))
    assert set(np.unique(found)) - {0} == set(range(1, len(sizes) + 1))
    assert agreement(found, owner) > 0.97
    count = np.bincount(found)[1:]
    assert (np.diff(count) <= 0).all(), "objects are numbered by falling size"


def test_anchors_of_mixed_features_do_not_join_what_they_lie_between():
    """Where objects meet, anchors have features between theirs; chains of them must not make one object of two."""
    sizes, random = (500, 400, 300, 200), np.random.default_rng(3)
    feature, position, owner = blobs(sizes, spread=0.3, apart=3.0)
    mixed = np.flatnonzero(random.random(len(owner)) < 0.06)
    partner = np.array([feature[owner == i].mean(axis=0) for i in range(4)])[(owner[mixed] + 1) % 4]
    place = np.array([position[owner == i].mean(axis=0) for i in range(4)])[(owner[mixed] + 1) % 4]
    part = random.random((len(mixed), 1))
    feature[mixed] += part * (partner - feature[mixed])
    position[mixed] += part * (place - position[mixed])
    found = cluster(feature, position, everything(feature))
    pure = ~np.isin(np.arange(len(owner)), mixed)
    assert agreement(found[pure], owner[pure]) > 0.97
    assert len({np.bincount(found[pure & (owner == i)]).argmax() for i in range(4)}) == 4


def test_one_object_is_one():
    feature, position, _ = blobs((400,))
    found = cluster(feature, position, everything(feature))
    assert set(np.unique(found)) <= {0, 1} and (found == 1).mean() > 0.95


def test_noise_and_what_is_not_wanted_belong_to_nothing():
    feature, position, owner = blobs((300, 300))
    random = np.random.default_rng(1)
    noise = random.uniform(-40, 40, (200, 6))
    background, far = np.zeros((1000, 6)), random.uniform(-3, 3, (1200, 3))
    both = np.concatenate([feature, noise, background])
    wanted = np.arange(len(both)) < 800
    found = cluster(both, np.concatenate([position, far]), wanted)
    assert not found[800:].any() and (found[600:800] > 0).mean() < 0.1
    assert agreement(found[:600], owner) > 0.97 and found.max() == 2


def test_equal_features_in_two_places_are_two_objects():
    """Objects that no view shows together may end up with the same feature."""
    feature, position, owner = blobs((300, 300))
    feature = feature - 4.0 * (feature > 2)
    apart = ClusterSettings(position_weight=4.0)
    assert cluster(feature, position * 2, everything(feature), apart).max() == 2
    assert cluster(feature, position * 2, everything(feature), ClusterSettings(position_weight=0.0)).max() == 1
    assert len(owner) == 600


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_too_few_anchors_make_no_object(count: int):
    feature, position, _ = blobs((count,)) if count else (np.zeros((0, 6)), np.zeros((0, 3)), None)
    assert cluster(feature, position, everything(feature)).tolist() == [0] * count


def test_equal_points_are_one_object():
    found = cluster(np.zeros((50, 6)), np.zeros((50, 3)), np.ones(50, bool))
    assert set(found) == {1}


def test_a_sample_finds_what_everything_would(monkeypatch):
    feature, position, owner = blobs((900, 600, 500))
    monkeypatch.setattr(module, "MOST_POINTS", 500)
    found = cluster(feature, position, everything(feature))
    assert found.max() == 3 and agreement(found, owner) > 0.95


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    feature, position, _ = blobs((100, 100))
    with pytest.raises(BackendUnavailable, match=r"csgaussian-ns\[train\]"):
        cluster(feature, position, everything(feature))


def test_anchors_of_a_dropped_object_join_their_neighbours():
    feature, position, owner = blobs((300, 200, 100))
    labels = owner + 1
    labels[np.flatnonzero(owner == 0)[:30]] = 4  # a splinter of the first object
    found, old = without(labels, {4}, feature, position)
    assert old == [1, 2, 3] and agreement(found, owner) > 0.99 and (found[owner == 0] == 1).mean() > 0.98
    found, old = without(labels, {1, 4}, feature, position)
    assert old == [2, 3] and not found[owner == 0].any()
    found, old = without(labels, {1, 2, 3, 4}, feature, position)
    assert old == [] and not found.any()


def test_numbers_by_size():
    labels = np.array([5, 5, 5, 2, 2, 0, 0, 0, 0, 9, 7, 7])
    found, old = by_size(labels)
    assert found.tolist() == [1, 1, 1, 2, 2, 0, 0, 0, 0, 4, 3, 3] and old == [5, 2, 7, 9]
    assert by_size(labels, 2)[0].tolist() == [1, 1, 1, 2, 2, 0, 0, 0, 0, 0, 3, 3]
    assert by_size(np.zeros(3, np.int64))[0].tolist() == [0, 0, 0]
